"""`cogo up`: the whole system on this machine."""

import asyncio
import os
import sys
from typing import Annotated, Final

import typer

from cogo.cli.options import AsJson, Dir, NoKey
from cogo.cli.snippets import insert_snippets
from cogo.config.catalogue import ended_models, load_catalogue
from cogo.config.context import Project
from cogo.config.logging import configure_logs
from cogo.config.settings import LogFormat
from cogo.process.shutdown import stop_on_signals
from cogo.supervisor import Lock, hold_lock
from cogo.supervisor.local_stack import Fleet, Running, StoppedEarly, System
from cogo.terminal import command_path, print_json, print_line
from providers.secrets import Redactor

EXAMPLES: Final = (
    "cogo up                          # embedded server, one orchestrator, one executor",
    "cogo up --executors 3 --capacity 16",
    "cogo up --no-key                 # HTTP requests of all users of this machine are taken",
    "cogo up --simulate --json        # no model is asked, whatever keys are set",
    "SUPABASE_URL=... SUPABASE_SECRET_KEY=... cogo up    # agents for that project",
)

_INTERRUPTED: Final = 130
"""Exit code of a start that was not waited for."""


def up(
    *,
    executors: Annotated[int, typer.Option(help="How many executor processes.", min=0, max=64)] = 1,
    capacity: Annotated[int, typer.Option(help="Attempts at once, for each executor.", min=1)] = 8,
    port: Annotated[
        int | None,
        typer.Option(
            help="Port of the embedded server (default: 54321 or the next free one).",
            min=1,
            max=65535,
        ),
    ] = None,
    gateway: Annotated[
        bool, typer.Option("--gateway/--no-gateway", help="Serve the HTTP API too.")
    ] = True,
    gateway_port: Annotated[
        int | None,
        typer.Option(
            help="Port of the HTTP gateway (default: 8000 or the next free one).",
            min=1,
            max=65535,
        ),
    ] = None,
    no_key: NoKey = False,
    simulate: Annotated[
        bool,
        typer.Option("--simulate", help="Let the vendor simulator answer even when keys are set."),
    ] = False,
    logs: Annotated[
        bool, typer.Option("--logs", help="Show the processes' logs here, not in DIR/logs.")
    ] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Start the whole system on this machine.

    Without SUPABASE_URL it starts the embedded server; with it, agents for that project.
    Without a key of a provider and without a local model server the vendor simulator answers,
    and says so. Ctrl-C drains; a second one cancels.
    """
    project = Project.find(directory)
    configure_logs(
        level=project.settings.log_level,
        form=_log_format(project.settings.log_format),
        redactor=Redactor(places=True),
    )
    fleet = Fleet(
        executors=executors,
        capacity=capacity,
        port=port,
        has_gateway=gateway,
        gateway_port=gateway_port,
        needs_key=not (no_key or project.settings.gateway_keyless),
        opens_console=sys.stdout.isatty() and not as_json,
        simulate=simulate,
        shows_logs=logs,
    )
    with hold_lock(project.home) as lock:
        project.remember_home()
        was_ready = asyncio.run(_up(project, fleet, lock, as_json=as_json))
    if not as_json:
        print_line("stopped" if was_ready else "stopped before everything was up")
    if not was_ready:
        raise typer.Exit(_INTERRUPTED)


def _log_format(asked: LogFormat) -> LogFormat:
    return LogFormat.PLAIN if asked is LogFormat.AUTO else asked


async def _up(project: Project, fleet: Fleet, lock: Lock, *, as_json: bool) -> bool:
    """Run the system to its end; false when it was stopped before it was ready."""

    def tell(running: Running) -> None:
        lock.tell(running.connection.url)
        (_announce_json if as_json else announce)(project, running)

    was_ready = True
    with stop_on_signals() as stop:
        try:
            await System(project, fleet, stop).run(tell)
        except* StoppedEarly:
            was_ready = False
    return was_ready


def _announce_json(project: Project, running: Running) -> None:
    print_json(
        {
            "url": running.connection.url,
            "gateway_url": running.gateway_url,
            "gateway_needs_key": running.needs_key,
            "publishable_key": running.connection.publishable_key,
            "simulated": running.simulated,
            "simulator_url": running.simulator_url,
            "home": str(project.home),
            "pid": os.getpid(),
            "processes": dict(running.pids),
            "health_urls": dict(running.health_urls),
        }
    )


def _console(running: Running) -> str:
    if not running.needs_key:
        return f"{running.console_url}   (no key is needed: every user of this machine may ask)"
    console = f"{command_path()} console"
    if running.console_url is None:
        return f"{running.gateway_url}/   (`{console}` prints an address that lets you in)"
    return f"{running.console_url}   (works once, for 15 minutes; `{console}` prints another)"


def announce(project: Project, running: Running) -> None:
    """Print where everything is, and what to do next."""
    connection = running.connection
    # Keys are for a person at a terminal; elsewhere this text is somebody's log.
    is_private = sys.stdout.isatty()
    hint = f"<see {project.home}/state.json>"
    secret = connection.secret_key.get_secret_value() if is_private else hint
    print_line(f"COGO is up   {connection.url}")
    if running.gateway_url is not None:
        print_line(f"gateway      {running.gateway_url}   (HTTP API; /v1 for OpenAI clients)")
        print_line(f"console      {_console(running)}")
    print_line(f"publishable  {connection.publishable_key}")
    print_line(f"secret       {secret}   (for agents and servers only: it may do everything)")
    print_line(f"state, logs  {project.home}")
    for name, url in running.health_urls.items():
        print_line(f"{'health':<13}{url}/health, /ready, /metrics   ({name})")
    if running.simulated:
        print_line("models       simulated; ANTHROPIC_API_KEY=... in .env turns a real model on")
    for sentence in ended_models(load_catalogue(project)):
        print_line(f"models       {sentence}")
    if connection.is_embedded:
        db_url = (running.db_url or hint) if is_private else hint
        print_line()
        print_line(insert_snippets(url=connection.url, key=secret, db_url=db_url))
    print_line()
    submit = f'{command_path()} submit "Write a function that checks for palindromes"'
    print_line(f"next: {submit}   (Ctrl-C stops)")
