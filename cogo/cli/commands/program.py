"""The commands without a group."""

from typing import Final

from cogo.cli.command import Command
from cogo.cli.commands.tasks import HOLD, RESUME

PROGRAM: Final = (
    Command("demo", "Run five tasks on a temporary system, and fill a column.", "local.demo:demo"),
    Command("up", "Start the whole system on this machine.", "local.up:up"),
    Command(
        "doctor", "Report what is missing and the command that fixes it.", "local.doctor:doctor"
    ),
    Command("submit", "Submit a task and follow it to its result.", "tasks.submit:submit"),
    Command("run", "Run a task live, to a verdict.", "tasks.run:run_live"),
    Command("swarm", "Ask a swarm of models, and show who says what.", "workflows.swarm:run_swarm"),
    Command("estimate", "Show the plan, model and cost of a task.", "tasks.estimate:estimate"),
    Command("show", "Show the result of a task.", "tasks.show:show_result"),
    Command("diff", "Show what `cogo apply` would change.", "tasks.apply:show_diff"),
    Command("apply", "Commit the result of a task to a branch.", "tasks.apply:apply_result"),
    Command("watch", "Follow all messages or one task, live.", "tasks.watch:watch"),
    Command("feedback", "Rate the result of a task.", "tasks.control:rate_result"),
    Command("fork", "Repeat a task, as a whole or from a step.", "tasks.control:fork_task"),
    Command("hold", HOLD, "task_lists.act:hold_tasks"),
    Command("resume", RESUME, "task_lists.act:resume_tasks"),
    Command("approve", "Answer what a task asks a person.", "tasks.waits:answer_approval"),
    Command("send", "Send an event to a task.", "tasks.waits:send_event"),
    Command("embed", "Compute, store and search embeddings.", "models.embed:embed"),
    Command("agents", "List agents and the models they serve.", "admin.agents:list_agents"),
    Command("actions", "List what operators did, the newest first.", "admin.operate:list_actions"),
    Command(
        "stop-spending",
        "Stop all spending at once: no call to a model begins, on any machine.",
        "admin.operate:stop_spending",
    ),
    Command(
        "resume-spending",
        "Resume spending after `cogo stop-spending`.",
        "admin.operate:resume_spending",
    ),
    Command("audit", "List every call to a model.", "admin.audit:list_calls"),
    Command("console", "Print a sign-in link for the console.", "admin.keys:print_console_link"),
    Command("migrate", "Apply the database migrations.", "local.migrate:migrate"),
    Command(
        "adopt",
        "Adopt a copied, restored or moved database, so that it runs by itself.",
        "admin.adopt:adopt",
    ),
    Command(
        "export",
        "Write all of an owner or a project into files.",
        "admin.export:export_owner",
    ),
    Command(
        "erase",
        "Erase all of an owner or a project, for good.",
        "admin.erase:erase_owner",
    ),
    Command("trust", "Trust the configuration files in a folder.", "local.trust:trust"),
)
