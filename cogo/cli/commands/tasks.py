"""The commands of tasks, and of what belongs to them."""

from typing import Final

from cogo.cli.command import Command

RETRY: Final = "Retry failed tasks: those that are named, or all that filters find."
HOLD: Final = "Pause tasks: those that are named, or all that filters find."
RESUME: Final = "Resume paused tasks: those that are named, or all that filters find."

TASKS: Final = (
    Command("tasks list", "List tasks, the newest first.", "task_lists.list:list_tasks"),
    Command("tasks show", "Show the history of a task.", "tasks.show:show_task"),
    Command(
        "tasks cancel",
        "Cancel tasks: those that are named, or all open ones that filters find.",
        "task_lists.act:cancel_tasks",
    ),
    Command("tasks redrive", RETRY, "task_lists.act:retry_tasks"),
    Command("tasks retry", RETRY, "task_lists.act:retry_tasks"),
    Command("tasks hold", HOLD, "task_lists.act:hold_tasks"),
    Command("tasks resume", RESUME, "task_lists.act:resume_tasks"),
    Command(
        "tasks approve",
        "Approve or refuse all that tasks ask people: those that are named, or that filters find.",
        "task_lists.act:answer_tasks",
    ),
    Command(
        "sessions list", "List conversations, the newest first.", "sessions.show:list_sessions"
    ),
    Command(
        "sessions show",
        "Show what was said in a conversation, the newest at the end, and its summary.",
        "sessions.show:show_session",
    ),
    Command(
        "sessions fork",
        "Copy a conversation, and print the id of the copy.",
        "sessions.change:fork_session",
    ),
    Command(
        "sessions forget",
        "Delete conversations, with their messages and summaries.",
        "sessions.change:forget_sessions",
    ),
    Command(
        "approvals list",
        "List what waits for a person, the newest first.",
        "tasks.approvals:list_approvals",
    ),
    Command(
        "approvals show",
        "Show a question in full: what belongs to it, what an approval costs, and until when.",
        "tasks.approvals:show_approval",
    ),
    Command("approvals answer", "Approve or refuse one question.", "tasks.approvals:answer_by_id"),
    Command(
        "approvals link",
        "Print a link by which somebody answers a question without signing in.",
        "tasks.approvals:create_link",
    ),
    Command(
        "workflows list",
        "List the types of tasks and what their workflows do.",
        "workflows.list:list_workflows",
    ),
    Command(
        "workflows show",
        "Show the steps of a task, as its workflow asked for them.",
        "workflows.show:show_workflow",
    ),
    Command(
        "workflows play",
        "Play a workflow against scripted answers.",
        "workflows.play:play_workflow",
    ),
    Command(
        "workflows example",
        "Print the file of an example, or list the examples.",
        "examples:print_workflow_example",
    ),
    Command(
        "tools list",
        "List the tools that models and workflows may call here.",
        "tools.list:list_tools",
    ),
    Command(
        "tools show",
        "Show what a tool does, its arguments, and how it may be run.",
        "tools.list:show_tool",
    ),
    Command(
        "tools call",
        "Call a tool once, on this machine, and print what it gives.",
        "tools.call:call_tool",
    ),
    Command(
        "tools example",
        "Print the file of an example, or list the examples.",
        "examples:print_tool_example",
    ),
    Command("tools check", "Report which tools cannot be used.", "tools.list:check_tools"),
    Command(
        "mcp serve",
        "Serve the tasks of this project, or of a gateway, as tools of an assistant.",
        "mcp.serve:serve_mcp",
    ),
    Command(
        "mcp install",
        "Show or write the entry of the MCP server in an assistant's settings.",
        "mcp.install:install_mcp",
    ),
)
