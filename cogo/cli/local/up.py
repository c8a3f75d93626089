"""`cogo up`: the whole system on this machine."""

import asyncio
import os
import sys
from typing import Annotated, Final

import typer

from cogo.cli.local.local_model import RunLocalModel, host_local_model
from cogo.cli.options import AsJson, Dir, NoKey
from cogo.config.catalogue import describe_ended_models, load_catalogue
from cogo.config.context import Project
from cogo.config.lock import Lock, hold_lock
from cogo.config.logging import configure_logs
from cogo.config.settings import LogFormat
from cogo.local_model.packages import MODEL_NAME
from cogo.process.shutdown import shut_down_on_signals
from cogo.supervisor.local_stack import LocalStack, StoppedEarly
from cogo.supervisor.stack import StackInfo, StackOptions
from cogo.terminal import command_path, expand_commands, print_json, print_line, print_text
from providers.secrets import Redactor

_INTERRUPTED: Final = 130
"""Exit code if the start was interrupted."""
_PROMPT: Final = "Write a function that checks whether a text is a palindrome"

_NO_SANDBOX: Final = "none: generated code is not run, and is `unverified`; see `cogo doctor`"
_SQL: Final = """\
SQL (as postgres: {db_url})
  insert into cogo_tasks (prompt) values ('{prompt}');"""

_PYTHON: Final = """\
Python (pip install supabase)
  from supabase import create_client
  client = create_client("{url}", "{key}")
  client.table("cogo_tasks").insert({{"prompt": "{prompt}"}}).execute()"""

_JAVASCRIPT: Final = """\
JavaScript (npm install @supabase/supabase-js)
  import {{ createClient }} from "@supabase/supabase-js"
  const client = createClient("{url}", "{key}")
  await client.from("cogo_tasks").insert({{ prompt: "{prompt}" }})"""


def up(
    *,
    executors: Annotated[
        int, typer.Option(help="Number of executor processes.", min=0, max=64)
    ] = 1,
    capacity: Annotated[
        int, typer.Option(help="Maximum number of concurrent attempts per executor.", min=1)
    ] = 8,
    port: Annotated[
        int | None,
        typer.Option(
            help="Port of the embedded Supabase"
            " (default: that of the last run, or a free one from 54321 on).",
            min=1,
            max=65535,
        ),
    ] = None,
    gateway: Annotated[
        bool, typer.Option("--gateway/--no-gateway", help="Also run the HTTP gateway.")
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
        typer.Option("--simulate", help="Use the vendor simulator even if keys are set."),
    ] = False,
    local_model: RunLocalModel = False,
    logs: Annotated[
        bool,
        typer.Option(
            "--logs", help="Print the logs of the processes instead of writing them to DIR/logs."
        ),
    ] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Start the whole system on this machine.

    Without SUPABASE_URL it starts the embedded Supabase; with it, only agents for that project.
    With neither a provider's key nor a local model server, the vendor simulator answers, and
    results are marked as simulated. Ctrl-C drains; a second one cancels.

    Examples:
        cogo up                          # embedded server, one orchestrator, one executor
        cogo up --executors 3 --capacity 16
        cogo up --no-key                 # requests of all users of this machine are accepted
        cogo up --local-model            # a small open model on this machine, without a key
        cogo up --simulate --json        # no model is called, whatever keys are set
        SUPABASE_URL=... SUPABASE_SECRET_KEY=... cogo up    # agents for that project
    """
    project = Project.find(directory)
    configure_logs(
        level=project.settings.log_level,
        form=_log_format(project.settings.log_format),
        redactor=Redactor(places=True),
    )
    with (
        hold_lock(project.home) as lock,
        host_local_model(project, wanted=local_model, simulate=simulate) as hosting,
    ):
        options = StackOptions(
            executors=executors,
            capacity=capacity,
            port=port,
            has_gateway=gateway,
            gateway_port=gateway_port,
            needs_key=not (no_key or project.settings.gateway_keyless),
            opens_console=sys.stdout.isatty() and not as_json,
            simulate=simulate,
            local_model=hosting,
            shows_logs=logs,
        )
        project.remember_home()
        was_ready = asyncio.run(_up(project, options, lock, as_json=as_json))
    if not as_json:
        print_line("stopped" if was_ready else "stopped before the system was ready")
    if not was_ready:
        raise typer.Exit(_INTERRUPTED)


def _log_format(asked: LogFormat) -> LogFormat:
    return LogFormat.PLAIN if asked is LogFormat.AUTO else asked


async def _up(project: Project, options: StackOptions, lock: Lock, *, as_json: bool) -> bool:
    """Run the stack to its end; return whether it was ready before it was stopped."""

    def on_ready(info: StackInfo) -> None:
        lock.write_url(info.connection.url)
        (_print_json if as_json else print_stack)(project, info)

    was_ready = True
    with shut_down_on_signals() as shutdown:
        try:
            await LocalStack(project, options, shutdown).run(on_ready)
        except* StoppedEarly:
            was_ready = False
    return was_ready


def _print_json(project: Project, info: StackInfo) -> None:
    print_json(
        {
            "url": info.connection.url,
            "gateway_url": info.gateway_url,
            "gateway_needs_key": info.needs_key,
            "publishable_key": info.connection.publishable_key,
            "simulated": info.is_simulated,
            "simulator_url": info.simulator_url,
            "local_model_url": info.local_model_url,
            "sandbox": info.sandbox,
            "standing_still": info.copy_reason,
            "home": str(project.home),
            "pid": os.getpid(),
            "processes": dict(info.pids),
            "health_urls": dict(info.health_urls),
        }
    )


def _describe_console(info: StackInfo) -> str:
    if not info.needs_key:
        return f"{info.console_url}   (no key needed: every user of this machine has all rights)"
    console = f"{command_path()} console"
    if info.console_url is None:
        return f"{info.gateway_url}/   (`{console}` prints a sign-in link)"
    return f"{info.console_url}   (valid once, for 15 minutes; `{console}` prints another)"


def print_stack(project: Project, info: StackInfo) -> None:
    """Print the addresses of the stack, and what to do next."""
    connection = info.connection
    # Print keys only on a terminal: elsewhere this text is a log.
    is_private = sys.stdout.isatty()
    hint = f"<see {project.home}/state.json>"
    secret = connection.secret_key.get_secret_value() if is_private else hint
    print_line(f"COGO is up   {connection.url}")
    if info.gateway_url is not None:
        print_line(f"gateway      {info.gateway_url}   (HTTP API; /v1 for OpenAI clients)")
        print_line(f"console      {_describe_console(info)}")
    print_line(f"publishable  {connection.publishable_key}")
    print_line(f"secret       {secret}   (for agents and servers only: it has all rights)")
    print_line(f"state, logs  {project.home}")
    for name, url in info.health_urls.items():
        print_line(f"{'health':<13}{url}/health, /ready, /metrics   ({name})")
    if info.is_simulated:
        print_line("models       simulated; set ANTHROPIC_API_KEY in .env to use real models, or")
        print_line(f"             start {command_path()} up --local-model for a small open one")
    if info.local_model_url is not None:
        print_line(f"models       {MODEL_NAME} runs on this machine: {info.local_model_url}")
    if any(name.startswith("executor") for name in info.health_urls):
        print_line(f"sandbox      {info.sandbox or expand_commands(_NO_SANDBOX)}")
    for sentence in describe_ended_models(load_catalogue(project)):
        print_line(f"models       {sentence}")
    if info.copy_reason is not None:
        print_text(f"stands still {info.copy_reason}", indent=13)
    if connection.is_embedded:
        db_url = (info.db_url or hint) if is_private else hint
        print_line()
        print_line(build_snippets(url=connection.url, key=secret, db_url=db_url))
    print_line()
    submit = f'{command_path()} submit "Write a function that checks for palindromes"'
    print_line(f"next: {submit}   (Ctrl-C stops)")


def build_snippets(*, url: str, key: str, db_url: str) -> str:
    """Return the insert in SQL, Python and JavaScript.

    `key` and `db_url` appear as given: pass a placeholder where others can read the output.
    """
    parts = (_SQL, _PYTHON, _JAVASCRIPT)
    return "\n\n".join(
        part.format(url=url, key=key, db_url=db_url, prompt=_PROMPT) for part in parts
    )
