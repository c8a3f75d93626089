"""The list of commands: the one place where a new command is entered."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command: where its function lives, and the line that `cogo --help` shows for it.

    The module `module` has a function `function` whose docstring is the help text, and a tuple
    EXAMPLES of command lines (a mapping from the function's name to tuples when a group's
    commands share the module).
    """

    name: str
    summary: str
    module: str
    function: str
    group: str | None = None


GROUPS: Final = {
    "serve": "Run one agent, or the gateway, in this process.",
    "supabase": "The embedded Supabase on its own, without agents.",
    "models": "Which models can be asked, and what they cost.",
    "keys": "The keys of the HTTP gateway.",
    "budget": "What models may cost.",
    "grants": "Who may use which models.",
    "tasks": "What was asked, by whom it was done, what it cost.",
    "queue": "How much stands where, since when, and what limits it.",
}

DEFAULTS: Final = {
    "budget": "list",
    "grants": "list",
    "keys": "list",
    "models": "list",
    "queue": "show",
    "tasks": "list",
}
"""What a group does when no command of it is named."""

COMMANDS: Final = (
    Command(
        name="demo",
        summary="Start the whole system for a moment and watch it do five tasks.",
        module="cogo.cli.demo",
        function="demo",
    ),
    Command(
        name="up",
        summary="Start the whole system on this machine.",
        module="cogo.cli.up",
        function="up",
    ),
    Command(
        name="orchestrator",
        summary="Plan tasks and choose models until stopped.",
        module="cogo.cli.serve",
        function="orchestrator",
        group="serve",
    ),
    Command(
        name="executor",
        summary="Do subtasks with the models that this machine can reach.",
        module="cogo.cli.serve",
        function="executor",
        group="serve",
    ),
    Command(
        name="gateway",
        summary="Serve the HTTP API until stopped.",
        module="cogo.cli.gateway",
        function="gateway",
        group="serve",
    ),
    Command(
        name="list",
        summary="List the keys of the gateway.",
        module="cogo.cli.keys",
        function="list_",
        group="keys",
    ),
    Command(
        name="create",
        summary="Make a key and show it, once.",
        module="cogo.cli.keys",
        function="create",
        group="keys",
    ),
    Command(
        name="rotate",
        summary="Replace a key by a new one.",
        module="cogo.cli.keys",
        function="rotate",
        group="keys",
    ),
    Command(
        name="revoke",
        summary="End a key for good.",
        module="cogo.cli.keys",
        function="revoke",
        group="keys",
    ),
    Command(
        name="submit",
        summary="Ask for something and follow it to the answer.",
        module="cogo.cli.submit",
        function="submit",
    ),
    Command(
        name="watch",
        summary="Show everything that happens, or all that happens to one task.",
        module="cogo.cli.watch",
        function="watch",
    ),
    Command(
        name="list",
        summary="List the latest tasks.",
        module="cogo.cli.tasks",
        function="list_",
        group="tasks",
    ),
    Command(
        name="show",
        summary="Tell the life of a task.",
        module="cogo.cli.tasks",
        function="show",
        group="tasks",
    ),
    Command(
        name="cancel",
        summary="Cancel a task.",
        module="cogo.cli.tasks",
        function="cancel",
        group="tasks",
    ),
    Command(
        name="redrive",
        summary="Put a failed task back to work.",
        module="cogo.cli.tasks",
        function="redrive",
        group="tasks",
    ),
    Command(
        name="retry",
        summary="Put a failed task back to work.",
        module="cogo.cli.tasks",
        function="redrive",
        group="tasks",
    ),
    Command(
        name="feedback",
        summary="Say how good an answer was.",
        module="cogo.cli.feedback",
        function="feedback",
    ),
    Command(
        name="show",
        summary="Show how many subtasks stand where, and what limits them.",
        module="cogo.cli.queue",
        function="show",
        group="queue",
    ),
    Command(
        name="pause",
        summary="Stop claims of a lane or of an owner; what runs is finished.",
        module="cogo.cli.limits",
        function="pause",
        group="queue",
    ),
    Command(
        name="resume",
        summary="Let a paused lane or owner go on.",
        module="cogo.cli.limits",
        function="resume",
        group="queue",
    ),
    Command(
        name="limit",
        summary="Limit how much of a lane or of an owner runs, and how often it starts.",
        module="cogo.cli.limits",
        function="limit",
        group="queue",
    ),
    Command(
        name="list",
        summary="List the models that this machine or a living executor can ask.",
        module="cogo.cli.models",
        function="list_",
        group="models",
    ),
    Command(
        name="show",
        summary="Show what a name stands for.",
        module="cogo.cli.models",
        function="show",
        group="models",
    ),
    Command(
        name="health",
        summary="Show which places answer, which are left alone, and why.",
        module="cogo.cli.models_health",
        function="health",
        group="models",
    ),
    Command(
        name="test",
        summary="Try models for real: a list, an answer, a stream, a tool call.",
        module="cogo.cli.models_ask",
        function="test",
        group="models",
    ),
    Command(
        name="discover",
        summary="Ask providers what they serve: what is new, gone or priced differently.",
        module="cogo.cli.models_ask",
        function="discover",
        group="models",
    ),
    Command(
        name="prices",
        summary="Show what models cost, and where each price comes from.",
        module="cogo.cli.models_ask",
        function="prices",
        group="models",
    ),
    Command(
        name="usage",
        summary="Show what was used and spent, by model, owner, provider or day.",
        module="cogo.cli.usage",
        function="usage",
    ),
    Command(
        name="audit",
        summary="List every call to a model: where it went, what it cost.",
        module="cogo.cli.audit",
        function="audit",
    ),
    Command(
        name="set",
        summary="Cap what models may cost.",
        module="cogo.cli.budget",
        function="set_",
        group="budget",
    ),
    Command(
        name="list",
        summary="List the caps and how they stand.",
        module="cogo.cli.budget",
        function="list_",
        group="budget",
    ),
    Command(
        name="remove",
        summary="Take a cap away.",
        module="cogo.cli.budget",
        function="remove",
        group="budget",
    ),
    Command(
        name="set",
        summary="Let an owner use only some models.",
        module="cogo.cli.grants",
        function="set_",
        group="grants",
    ),
    Command(
        name="list",
        summary="List the owners who may use only some models.",
        module="cogo.cli.grants",
        function="list_",
        group="grants",
    ),
    Command(
        name="remove",
        summary="Let an owner use every model again.",
        module="cogo.cli.grants",
        function="remove",
        group="grants",
    ),
    Command(
        name="pin",
        summary="Take a model before all others.",
        module="cogo.cli.controls",
        function="pin",
        group="models",
    ),
    Command(
        name="ban",
        summary="Take a model or a provider out at once.",
        module="cogo.cli.controls",
        function="ban",
        group="models",
    ),
    Command(
        name="drain",
        summary="Give a model or a provider no new work.",
        module="cogo.cli.controls",
        function="drain",
        group="models",
    ),
    Command(
        name="allow",
        summary="Take back what was said of a model or a provider.",
        module="cogo.cli.controls",
        function="allow",
        group="models",
    ),
    Command(
        name="policy",
        summary="Show or set by which policy models are chosen.",
        module="cogo.cli.controls",
        function="policy",
        group="models",
    ),
    Command(
        name="agents",
        summary="List the agents: who is alive, how busy, and which models they serve.",
        module="cogo.cli.agents",
        function="agents",
    ),
    Command(
        name="start",
        summary="Start the embedded Supabase and leave it running.",
        module="cogo.cli.supabase",
        function="start",
        group="supabase",
    ),
    Command(
        name="stop",
        summary="Stop the embedded Supabase; its data and its keys stay.",
        module="cogo.cli.supabase",
        function="stop",
        group="supabase",
    ),
    Command(
        name="status",
        summary="Show where the embedded Supabase runs, and its keys.",
        module="cogo.cli.supabase",
        function="status",
        group="supabase",
    ),
    Command(
        name="reset",
        summary="Drop all data of the embedded Supabase and apply the migrations again.",
        module="cogo.cli.supabase",
        function="reset",
        group="supabase",
    ),
    Command(
        name="psql",
        summary="Open psql on the embedded database, as the role postgres.",
        module="cogo.cli.supabase",
        function="psql",
        group="supabase",
    ),
    Command(
        name="keys",
        summary="Show the API keys, or replace them.",
        module="cogo.cli.supabase",
        function="keys",
        group="supabase",
    ),
    Command(
        name="migrate",
        summary="Bring a database to the tables and functions that COGO needs.",
        module="cogo.cli.migrate",
        function="migrate",
    ),
    Command(
        name="doctor",
        summary="Say what is missing and the one command that mends it.",
        module="cogo.cli.doctor",
        function="doctor",
    ),
)
