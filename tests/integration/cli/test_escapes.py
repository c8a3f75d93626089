"""No command lets a row move the cursor, hide text or reverse it."""

import ast
import asyncio
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from rich.cells import cell_len

from cogo.cli.app import run
from cogo.cli.commands import COMMANDS
from cogo.config.settings import CHECKOUT
from embedded.state import State
from tests.support.sql.agent import Agent
from tests.support.sql.outcomes import answered, failed
from tests.support.sql.waits import start_flow, wait_step
from tests.support.watching.pseudo_terminal import run_on_terminal

SONNET: Final = "claude-sonnet-5-5"
HOSTILE: Final = "\x1b]0;owned\x07\x9b2J\x7f\u202egpj.\u2066x\r\x08"
SESSION: Final = "5e551011-0000-4000-8000-000000000001"
TABLE: Final = f'public."{HOSTILE}"'
ACTIVE: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
POISONED: Final = {
    *("agent_id", "comment", "detail", "details", "error", "host", "last_error", "name", "output"),
    *("note", "params", "preferences", "prompt", "question", "reason", "result", "show", "text"),
    *("body", "version", "worker"),
}
"""Columns whose words come from people, models, vendors and agents."""
READING: Final = {
    ("actions",): (),
    ("agents",): (),
    ("approvals",): (),
    ("approvals", "list"): (),
    ("audit",): (),
    ("budget", "list"): (),
    ("columns", "list"): (),
    ("columns", "status"): (),
    ("embeddings", "list"): (),
    ("grants", "list"): (),
    ("keys", "list"): (),
    ("models", "health"): (),
    ("models", "policy"): (),
    ("models", "stats"): (),
    ("models", "why"): ("TASK",),
    ("projects", "list"): (),
    ("queue", "show"): (),
    ("run",): ("--follow", "TASK"),
    ("swarm",): ("--follow", "TASK"),
    ("sessions", "list"): (),
    ("sessions", "show"): (SESSION,),
    ("show",): ("TASK",),
    ("show", "--attempts"): ("TASK",),
    ("show", "--turns"): ("TASK",),
    ("tasks", "list"): (),
    ("tasks", "show"): ("TASK",),
    ("usage",): (),
    ("workflows", "show"): ("TASK",),
}
SHOWN: Final = {
    *(
        ("actions",),
        ("approvals",),
        ("approvals", "list"),
        ("columns", "list"),
        ("columns", "status"),
    ),
    *(("sessions", "list"), ("sessions", "show")),
}
"""Commands that have nothing but words of others to show."""
SENTENCES: Final = {("models", "policy"), ("columns", "status"), ("queue", "show")}
"""Commands that print sentences in place of a table."""
ELSEWHERE: Final = {
    # They print what they were given, their own words, or only what print_line has anyway.
    *(
        "adopt",
        "erase",
        "export",
        "approve",
        "console",
        "demo",
        "doctor",
        "embed",
        "estimate",
        "feedback",
        "fork",
        "hold",
        "migrate",
    ),
    *(
        "resume",
        "resume-spending",
        "stop-spending",
        "submit",
        "trust",
        "up",
        "watch",
        "serve",
        "supabase",
    ),
    *("apply", "diff", "eval", "local-model", "sandbox", "send"),
    *(
        "approvals",
        "budget",
        "columns",
        "embeddings",
        "grants",
        "keys",
        "mcp",
        "memory",  # tests/integration/cli/test_memory.py
        "models",
        "projects",
        "queue",
        "sessions",
        "tasks",
        "tools",
        "usage",
        "workflows",
    ),
}


@pytest.fixture
def tasks(chosen_project: State) -> Iterator[list[str]]:
    """Yield the ids of a completed and a failed task, in a project full of escape sequences."""
    assert run(["keys", "create", "--name", "laptop"]) == 0
    assert run(["models", "ban", SONNET, "--reason", "it lies"]) == 0
    yield asyncio.run(_fill(chosen_project.db_url))
    asyncio.run(_drop_table(chosen_project.db_url))


async def _fill(db_url: str) -> list[str]:
    connection = await asyncpg.connect(db_url)
    try:
        await connection.set_type_codec(
            "jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog"
        )
        agent = Agent(connection)
        await answered(agent, SONNET, output={"text": "done", "generated_code": "x = 1\n\ty"})
        await failed(agent, SONNET)
        asked = {"question": "Apply it?", "show": ["a diff"]}
        await _store_turns(connection)
        await connection.execute(
            "update public.cogo_attempts set output = $1 where lane = $2", {"text": "half"}, SONNET
        )
        await start_flow(agent, wait_step("ok", "approve", params=asked))
        await connection.execute(
            "insert into public.cogo_agents (id, kind, lanes, host, version)"
            " values ('e' || $2, 'executor', $1, 'h', '1')",
            [SONNET],
            HOSTILE,
        )
        await connection.execute(
            "with session as (insert into public.cogo_sessions (id, title) values ($1, $2))"
            " insert into public.cogo_messages (session_id, role, content)"
            " values ($1, 'user', $2), ($1, 'assistant', $2)",
            SESSION,
            HOSTILE,
        )
        await connection.execute(f"create table {TABLE} (id integer primary key, a text, b text)")
        await connection.execute("select cogo.ai_column($1::text::regclass, 'b', '{a}')", TABLE)
        await _poison(connection)
        rows = await connection.fetch(
            "select id from public.cogo_tasks where finished_at is not null order by created_at"
        )
        return [str(row["id"]) for row in rows]
    finally:
        await connection.close()


async def _drop_table(db_url: str) -> None:
    connection = await asyncpg.connect(db_url)
    try:
        await connection.execute("select cogo.remove_ai_column($1::text::regclass, 'b')", TABLE)
        await connection.execute(f"drop table {TABLE}")
    finally:
        await connection.close()


async def _store_turns(connection: asyncpg.Connection) -> None:
    bodies = [
        {"message": {"content": "I look.", "tool_calls": [{"name": "f", "arguments": "{}"}]}},
        {"call_id": "c", "tool": "f", "status": "ok", "content": "text"},
        {"call_id": "c", "approved": False, "comment": "no"},
    ]
    for seq, (kind, body) in enumerate(
        zip(("answer", "result", "approval"), bodies, strict=True), 1
    ):
        await connection.execute(
            "insert into cogo.turns (subtask_id, seq, kind, attempt, body)"
            " select id, $1, $2, 1, $3 from cogo.subtasks where lane = $4",
            seq, kind, body, SONNET,
        )  # fmt: skip


async def _poison(connection: asyncpg.Connection) -> None:
    columns = await connection.fetch(
        "select table_schema || '.' || table_name as place, column_name as name, data_type as type"
        " from information_schema.columns join information_schema.tables"
        " using (table_schema, table_name)"
        " where table_schema in ('public', 'cogo') and table_type = 'BASE TABLE'"
        " and table_name <> 'schema_versions'"  # migrations write it, and the project is shared
        " and data_type in ('text', 'jsonb') and column_name = any ($1)",
        list(POISONED),
    )
    changed = 0
    for place, name, kind in columns:
        for row in await connection.fetch(f"select ctid, {name} as value from {place}"):  # noqa: S608
            if row["value"] is None:
                continue
            value = _hostile(row["value"]) if kind == "jsonb" else HOSTILE + row["value"]
            try:
                async with connection.transaction():
                    await connection.execute(
                        f"update {place} set {name} = $1 where ctid = $2",  # noqa: S608
                        value,
                        row["ctid"],
                    )
                changed += 1
            except asyncpg.PostgresError:
                continue  # a word that the database takes from a list
    assert changed > 10


def _hostile(value: Any) -> Any:
    match value:
        case str():
            return HOSTILE + value
        case dict():
            return {name: _hostile(each) for name, each in value.items()}
        case list():
            return [_hostile(each) for each in value]
    return value


def test_every_command_that_reads_shows_escapes_and_sends_none(
    tasks: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    shown = 0
    for command, arguments in READING.items():
        for task in tasks if arguments else tasks[:1]:
            line = [*command, *(task if each == "TASK" else each for each in arguments)]
            run(line)
            plain = capsys.readouterr()
            assert not ACTIVE.search(plain.out + plain.err), line
            escaped = plain.out.count(r"\x1b]0;owned\x07\x9b2J\x7f\u202egpj.\u2066x")
            assert escaped or command not in SHOWN, f"{line} shows no hostile text"
            shown += escaped

            run([*line, "--json"])
            exact = capsys.readouterr().out
            assert not ACTIVE.search(exact), line
            for document in exact.splitlines():
                json.loads(document)
            if line[0] == "show":
                assert HOSTILE in json.dumps(json.loads(exact), ensure_ascii=False).replace(
                    "\\u001b", "\x1b"
                ).replace("\\u0007", "\x07").replace("\\r", "\r").replace("\\b", "\x08")
    assert shown > 5


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.usefixtures("tasks")
def test_tables_of_hostile_rows_fit_the_terminal(columns: int) -> None:
    wide = {}
    for command in (each for each, arguments in READING.items() if not arguments):
        shown = run_on_terminal(command, columns=columns)
        # A word is not broken: it is copied.
        lines = [each for each in shown.text.splitlines() if cell_len(each) > columns]
        broken = [each for each in lines if len(each.split()) > 1 and each[0] != " "]
        if broken and command not in SENTENCES:
            wide[command] = broken

    assert not wide


def test_a_diff_of_hostile_code_shows_escapes_and_sends_none(
    tasks: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["git", "init", "-q", tmp_path / "repo"], check=True)
    capsys.readouterr()

    assert run(["diff", tasks[0], "--repo", str(tmp_path / "repo"), "--target-file", "a.py"]) == 0

    shown = capsys.readouterr()
    assert r"+\x1b]0;owned\x07" in shown.out
    assert not ACTIVE.search(shown.out + shown.err)


def test_newlines_and_tabs_of_an_answer_stay_and_a_file_is_exact(
    tasks: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()

    assert run(["show", tasks[0]]) == 0

    assert "x = 1\n\ty" in capsys.readouterr().out


def test_every_command_is_tested_or_known_to_print_no_rows() -> None:
    unknown = {
        command.path
        for command in COMMANDS
        if (command.name,) not in READING
        and (command.group, command.name) not in READING
        and (command.group or command.name) not in ELSEWHERE
    }

    assert not unknown


def test_only_one_module_writes_to_the_terminal() -> None:
    allowed = {
        "cogo/terminal.py",
        "cogo/cli/app.py",  # its own version
        "cogo/cli/admin/adopt.py",  # a question, neutralized
        "cogo/cli/admin/erase.py",  # a question, neutralized
        "cogo/cli/session.py",  # a question, neutralized
        "cogo/cli/local/supabase.py",  # a question, neutralized
        "cogo/cli/local/local_model.py",  # questions in its own words
        "cogo/cli/local/sandbox.py",  # a question, neutralized
        "cogo/cli/local_models/manage.py",  # a question, neutralized
        "cogo/cli/local_models/pull.py",  # questions in its own words
        "cogo/cli/tasks/approvals.py",  # questions in its own words
        "cogo/cli/tasks/apply.py",  # a question in its own words
        "cogo/cli/tasks/waits.py",  # questions in its own words
        "cogo/process/fork.py",  # what sys.exit() was given, as Python prints it
        "cogo/cli/workflows/find.py",  # a signal handler's last words
        "cogo/local_model/server.py",  # to the log of its parent, which is no terminal
        "cogo/__main__.py",  # when nothing of ours can be imported
        "cogo/supervisor/fork_server/main.py",  # to its parent
        "cogo/cli/local/demo.py",  # its own words, by rich
        "cogo/watch/board.py",  # by rich, neutralized
        "cogo/watch/run_screen.py",  # by rich, neutralized
        "cogo/watch/swarm_screen.py",  # by rich, neutralized
    }

    found = {
        str(path.relative_to(CHECKOUT))
        for path in (CHECKOUT / "cogo").rglob("*.py")
        for call in _writes(path)
    }

    assert found <= allowed, found - allowed


def _writes(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            text = ast.unparse(node.func)
            if text == "print" or re.fullmatch(
                r"(?:typer|click)\.\w*(?:echo|confirm|prompt)|sys\.std\w+\.write|.*console\.print",
                text,
            ):
                yield text
