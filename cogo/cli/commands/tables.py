"""The commands of AI columns, embeddings and memory."""

from typing import Final

from cogo.cli.command import Command

TABLES: Final = (
    Command(
        "columns add",
        "Have models write a column of a table of yours.",
        "columns.install:add_column",
    ),
    Command(
        "columns list",
        "List AI columns: what is done, and what was spent today.",
        "columns.status:list_columns",
    ),
    Command(
        "columns status",
        "Show the status of AI columns, or of their rows.",
        "columns.status:show_columns",
    ),
    Command(
        "columns try",
        "Ask for a few rows and show the answers and what they cost; the table stays as it is.",
        "columns.try_rows:try_column",
    ),
    Command(
        "columns backfill",
        "Fill rows that are there already, after an estimate and a question.",
        "columns.backfill:backfill_column",
    ),
    Command(
        "columns pause",
        "Pause an AI column: nothing more is asked until it is resumed.",
        "columns.control:pause_column",
    ),
    Command(
        "columns resume",
        "Resume an AI column, also one that a spent cap has paused.",
        "columns.control:resume_column",
    ),
    Command(
        "columns change",
        "Change what an AI column is asked, by which model, and its caps.",
        "columns.install:change_column",
    ),
    Command(
        "columns revert",
        "Go back to an earlier version of the prompt, the model and what else is asked.",
        "columns.control:revert_column",
    ),
    Command("columns drop", "Make an AI column an ordinary one.", "columns.control:drop_column"),
    Command(
        "embeddings list",
        "List stored embeddings, the newest first.",
        "models.embeddings:list_embeddings",
    ),
    Command("embeddings forget", "Delete stored embeddings.", "models.embeddings:forget"),
    Command(
        "memory add",
        "Add documents to memory, in chunks that are found by meaning and by words.",
        "memory.add:add",
    ),
    Command("memory remember", "Remember facts.", "memory.add:remember"),
    Command(
        "memory list", "List documents and facts, the newest first.", "memory.show:list_memory"
    ),
    Command(
        "memory search",
        "Search memory by meaning and by words, best first.",
        "memory.search:search",
    ),
    Command(
        "memory show",
        "Show a fact, a chunk, or a document with all of its chunks.",
        "memory.show:show_memory",
    ),
    Command(
        "memory forget",
        "Delete facts and documents that meet all conditions, with their vectors.",
        "memory.forget:forget_memory",
    ),
    Command(
        "memory export",
        "Write all documents and facts of an owner as lines of JSON, without vectors.",
        "memory.show:export_memory",
    ),
    Command(
        "memory status",
        "Show how much is remembered, by which model it is found, and what waits.",
        "memory.show:show_status",
    ),
)
