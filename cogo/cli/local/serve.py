"""`cogo serve`: an agent or the gateway in this process."""

import asyncio
import secrets
import socket
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cogo.cli.options import Dir, NoKey, SimulatorUrl, check_host
from cogo.config.connection import find_connection
from cogo.config.context import Project
from cogo.config.logging import configure_logs
from cogo.process.bootstrap import AgentBootstrap, AgentKind
from providers.secrets import Redactor

if TYPE_CHECKING:
    from cogo.process.agent import Role

Id = Annotated[
    str | None,
    typer.Option("--id", help="Name of the agent, unique among those alive (default: generated)."),
]
Capacity = Annotated[int, typer.Option(help="Maximum number of concurrent attempts.", min=1)]
HealthPort = Annotated[
    int | None,
    typer.Option(
        help="Serve /health, /ready and /metrics on this loopback port; 0 for any (default: off).",
        min=0,
        max=65535,
    ),
]
DebugSse = Annotated[
    bool, typer.Option("--debug-sse", help="Log every event of the vendors' streams.")
]
WithParent = Annotated[bool, typer.Option("--with-parent", hidden=True)]


def serve_orchestrator(
    *,
    agent_id: Id = None,
    capacity: Capacity = 8,
    simulator_url: SimulatorUrl = None,
    health_port: HealthPort = None,
    directory: Dir = None,
    with_parent: WithParent = False,
) -> None:
    """Run an orchestrator.

    It plans tasks and chooses models until stopped. SIGTERM drains: it claims nothing more and
    finishes the plans in progress. A second SIGTERM cancels.

    Examples:
        cogo serve orchestrator
        SUPABASE_URL=... SUPABASE_SECRET_KEY=... cogo serve orchestrator
    """
    project = Project.find(directory)
    role = _build_role("orchestrator", agent_id, capacity, health_port)
    _serve(project, role, simulator_url, with_parent=with_parent)


def serve_executor(
    *,
    agent_id: Id = None,
    capacity: Capacity = 8,
    simulator_url: SimulatorUrl = None,
    health_port: HealthPort = None,
    directory: Dir = None,
    debug_sse: DebugSse = False,
    with_parent: WithParent = False,
) -> None:
    """Run an executor.

    It serves the models of the providers whose key is set, and of local model servers, until
    stopped. SIGTERM drains: it claims nothing more, and attempts in progress get 20 seconds. A
    second SIGTERM cancels.

    Examples:
        cogo serve executor
        cogo serve executor --capacity 32 --health-port 9464
        SUPABASE_URL=... SUPABASE_SECRET_KEY=... FIREWORKS_API_KEY=... cogo serve executor
    """
    project = Project.find(directory)
    if debug_sse:
        _log_raw_events()
    role = _build_role("executor", agent_id, capacity, health_port)
    _serve(project, role, simulator_url, with_parent=with_parent)


def serve_gateway(
    *,
    host: Annotated[
        str,
        typer.Option(
            help="Address to listen on; other than loopback only with keys.", callback=check_host
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(help="Port (default: 8000 or the next free one).", min=1, max=65535),
    ] = None,
    no_key: NoKey = False,
    directory: Dir = None,
    with_parent: WithParent = False,
) -> None:
    """Run the HTTP gateway.

    It serves tasks, swarms, models and an OpenAI-compatible API until stopped. It is stateless, so
    you can run several. Every request needs a key (`cogo keys create`) or the access token of
    a user, except with --no-key, which works only on loopback.

    Examples:
        cogo serve gateway                      # http://127.0.0.1:8000 or the next free port
        cogo serve gateway --port 9000
        cogo serve gateway --no-key             # every user of this machine gets all rights
        cogo keys create --name proxy && cogo serve gateway --host 0.0.0.0
    """
    # Imported here because --help does not need it; before the bootstrap, which is sent late.
    from cogo.process import gateway  # noqa: PLC0415

    project = Project.find(directory)
    bootstrap = _load_bootstrap(project, with_parent=with_parent)
    hidden = [bootstrap.connection.secret_key.get_secret_value()]
    secrets_of_users = (project.settings.jwt_secret, project.settings.link_secret)
    hidden.extend(each.get_secret_value() for each in secrets_of_users if each is not None)
    _configure_logs(project, Redactor(hidden, places=True))
    asyncio.run(
        gateway.serve_gateway(
            project, bootstrap, host=host, port=port, with_parent=with_parent, no_key=no_key
        )
    )


def _log_raw_events() -> None:
    # Imported here because --help does not need them.
    from loguru import logger  # noqa: PLC0415

    from providers.adapters.http.sse import set_raw_event_listener  # noqa: PLC0415

    set_raw_event_listener(lambda vendor, line: logger.info("raw event", vendor=vendor, data=line))


def _load_bootstrap(
    project: Project, simulator_url: str | None = None, *, with_parent: bool
) -> AgentBootstrap:
    """Read the bootstrap from the parent process, or find the connection without a parent."""
    if with_parent:
        return AgentBootstrap.from_line(sys.stdin.readline())
    return AgentBootstrap(connection=find_connection(project), simulator_url=simulator_url)


def _build_role(
    kind: AgentKind, agent_id: str | None, capacity: int, health_port: int | None
) -> "Role":
    # Imported here because --help does not need it; before the bootstrap, which is sent late.
    from cogo.process.agent import Role  # noqa: PLC0415

    name = agent_id or f"{kind}@{socket.gethostname()}-{secrets.token_hex(3)}"
    return Role(kind=kind, agent_id=name, capacity=capacity, health_port=health_port)


def _serve(project: Project, role: "Role", simulator_url: str | None, *, with_parent: bool) -> None:
    from cogo.config.catalogue import load_catalogue  # noqa: PLC0415
    from cogo.process.agent import find_secrets, serve_agent  # noqa: PLC0415
    from cogo.process.event_loop import run_on_fast_loop  # noqa: PLC0415

    bootstrap = _load_bootstrap(project, simulator_url, with_parent=with_parent)
    catalogue = load_catalogue(project)
    _configure_logs(project, Redactor(find_secrets(project, catalogue, bootstrap), places=True))
    run_on_fast_loop(serve_agent(project, catalogue, bootstrap, role, with_parent=with_parent))


def _configure_logs(project: Project, redactor: Redactor) -> None:
    settings = project.settings
    configure_logs(level=settings.log_level, form=settings.log_format, redactor=redactor)
