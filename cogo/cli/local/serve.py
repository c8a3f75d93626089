"""`cogo serve`: one agent in this process."""

import asyncio
import secrets
import socket
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cogo.cli.options import Dir, SimulatorUrl
from cogo.config.connection import find_connection
from cogo.config.context import Project
from cogo.config.logging import configure_logs
from cogo.process.bootstrap import AgentBootstrap, AgentKind
from providers.secrets import Redactor

if TYPE_CHECKING:
    from cogo.process.agent import Role

EXAMPLES: Final = {
    "orchestrator": (
        "cogo serve orchestrator",
        "SUPABASE_URL=... SUPABASE_SECRET_KEY=... cogo serve orchestrator",
    ),
    "executor": (
        "cogo serve executor",
        "cogo serve executor --capacity 32 --health-port 9464",
        "SUPABASE_URL=... SUPABASE_SECRET_KEY=... FIREWORKS_API_KEY=... cogo serve executor",
    ),
}

Id = Annotated[
    str | None,
    typer.Option("--id", help="Name of the agent, unique among those alive (default: made up)."),
]
Capacity = Annotated[int, typer.Option(help="Attempts at the same time.", min=1)]
HealthPort = Annotated[
    int | None,
    typer.Option(
        help="Answer /health, /ready and /metrics on this port of loopback; 0: any (default: off).",
        min=0,
        max=65535,
    ),
]
DebugSse = Annotated[
    bool, typer.Option("--debug-sse", help="Log every event of vendors' streams, as it comes.")
]
WithParent = Annotated[bool, typer.Option("--with-parent", hidden=True)]


def orchestrator(
    *,
    agent_id: Id = None,
    capacity: Capacity = 8,
    simulator_url: SimulatorUrl = None,
    health_port: HealthPort = None,
    directory: Dir = None,
    with_parent: WithParent = False,
) -> None:
    """Plan tasks and choose models until stopped.

    SIGTERM drains: nothing new is claimed, plans in flight are finished. A second one cancels.
    """
    project = Project.find(directory)
    role = _build_role("orchestrator", agent_id, capacity, health_port)
    _serve(project, role, simulator_url, with_parent=with_parent)


def executor(
    *,
    agent_id: Id = None,
    capacity: Capacity = 8,
    simulator_url: SimulatorUrl = None,
    health_port: HealthPort = None,
    directory: Dir = None,
    debug_sse: DebugSse = False,
    with_parent: WithParent = False,
) -> None:
    """Do subtasks with the models that this machine can reach.

    Those are the models of the providers whose key is set, and of local servers.
    SIGTERM drains: nothing new is claimed, attempts get 20 seconds. A second one cancels.
    """
    project = Project.find(directory)
    if debug_sse:
        _log_raw_events()
    role = _build_role("executor", agent_id, capacity, health_port)
    _serve(project, role, simulator_url, with_parent=with_parent)


def _log_raw_events() -> None:
    # Here, since --help must not pay for them.
    from loguru import logger  # noqa: PLC0415

    from providers.adapters.http.debug import print_raw_events  # noqa: PLC0415

    print_raw_events(lambda vendor, line: logger.info("raw event", vendor=vendor, data=line))


def load_bootstrap(
    project: Project, simulator_url: str | None = None, *, with_parent: bool
) -> AgentBootstrap:
    """Wait for what the parent sends, or find the connection without one."""
    if with_parent:
        return AgentBootstrap.from_line(sys.stdin.readline())
    return AgentBootstrap(connection=find_connection(project), simulator_url=simulator_url)


def _build_role(
    kind: AgentKind, agent_id: str | None, capacity: int, health_port: int | None
) -> "Role":
    # Here, since --help must not pay for it; and before the bootstrap, which the parent sends late.
    from cogo.process.agent import Role  # noqa: PLC0415

    name = agent_id or f"{kind}@{socket.gethostname()}-{secrets.token_hex(3)}"
    return Role(kind=kind, agent_id=name, capacity=capacity, health_port=health_port)


def _serve(project: Project, role: "Role", simulator_url: str | None, *, with_parent: bool) -> None:
    from cogo.process.agent import find_secrets, serve_agent  # noqa: PLC0415

    bootstrap = load_bootstrap(project, simulator_url, with_parent=with_parent)
    configure_logs(
        level=project.settings.log_level,
        form=project.settings.log_format,
        redactor=Redactor(find_secrets(project, bootstrap), places=True),
    )
    asyncio.run(serve_agent(project, bootstrap, role, with_parent=with_parent))
