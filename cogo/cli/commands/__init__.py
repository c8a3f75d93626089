"""The commands of `cogo`, in the order in which help lists them."""

from typing import Final

from cogo.cli.command import Group
from cogo.cli.commands.machine import MACHINE
from cogo.cli.commands.models import MODELS
from cogo.cli.commands.operate import OPERATE
from cogo.cli.commands.program import PROGRAM
from cogo.cli.commands.tables import TABLES
from cogo.cli.commands.tasks import TASKS

GROUPS: Final = (
    Group("serve", "Run an agent or the gateway in this process."),
    Group("tasks", "Find, inspect, cancel, retry, pause and approve tasks.", default="list"),
    Group("sessions", "List, show, copy and delete conversations.", default="list"),
    Group("approvals", "List, show and answer questions to people.", default="list"),
    Group("workflows", "List, show and play workflows.", default="list"),
    Group("tools", "List, check and call tools.", default="list"),
    Group("mcp", "Serve tasks as tools of an assistant.", default="serve"),
    Group("columns", "Let models write columns of your tables.", default="list"),
    Group("queue", "Show the queue, and pause or limit parts of it.", default="show"),
    Group("models", "List, compare and control models.", default="list"),
    Group("eval", "Evaluate models and workflows on problems with known answers."),
    Group("embeddings", "List and delete stored embeddings.", default="list"),
    Group("memory", "Remember facts and documents, search and forget them.", default="list"),
    Group("keys", "Manage API keys for the gateway.", default="list"),
    Group("projects", "Manage who sees the tasks of projects.", default="list"),
    Group("budget", "Manage spending caps.", default="list"),
    Group("usage", "Show tokens and costs, and compare them with bills.", default="show"),
    Group("grants", "Manage which models, tools and priorities owners may use.", default="list"),
    Group("local-model", "Install and remove the local model.", default="show"),
    Group("sandbox", "Run code in the sandbox of this machine."),
    Group("supabase", "Run and manage the embedded Supabase."),
)

COMMANDS: Final = (*PROGRAM, *TASKS, *TABLES, *MODELS, *OPERATE, *MACHINE)
