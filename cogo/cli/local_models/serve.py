"""`cogo models serve`: runs installed models until it is stopped."""

import asyncio
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from typing import Final

import typer

from cogo.cli.local_models.manage import ModelNames
from cogo.cli.local_models.probe import get_version, measure_lane
from cogo.cli.options import AsJson, Dir
from cogo.config.catalogue import load_catalogue
from cogo.config.context import Project
from cogo.config.local_model import PROVIDER, HostedModel, find_served_model
from cogo.config.logging import configure_logs
from cogo.config.settings import LogFormat
from cogo.errors import ChildFailed, CommandError
from cogo.local_model.install import describe_download, install_server, is_server_installed
from cogo.local_model.library import (
    list_installed_models,
    require_installed_model,
)
from cogo.local_model.measure import describe_measurement
from cogo.local_model.measured import MeasuredReader, is_measured
from cogo.local_model.packages import SERVER
from cogo.local_model.serving import Hosting, reserve_model
from cogo.process.shutdown import Shutdown, shut_down_on_signals
from cogo.supervisor.logfiles import prepare_logs
from cogo.supervisor.model_server import ModelServer, build_model_server_spec
from cogo.supervisor.restart import RestartingChild, stop_all
from cogo.terminal import count_noun, print_json, print_line, print_text
from providers.catalogue.deployment import Credential
from providers.secrets import Redactor

_STOP: Final = timedelta(seconds=10)


def serve(*, names: ModelNames = None, directory: Dir = None, as_json: AsJson = False) -> None:
    """Serve installed models on this machine until Ctrl-C.

    All installed ones by default. Executors and `cogo models` find them as they find other local
    servers. Together they never use more memory than there is; a model that had no request for
    COGO_MODEL_IDLE_SECONDS is unloaded, and loaded again for the next. A model that is new, or has
    changed, is measured first.

    Examples:
        cogo models serve
        cogo models serve smollm2 Qwen2.5-0.5B-Instruct-Q4_K_M
    """
    project = Project.find(directory)
    settings = project.settings
    configure_logs(
        level=settings.log_level,
        form=LogFormat.PLAIN if settings.log_format is LogFormat.AUTO else settings.log_format,
        redactor=Redactor(places=True),
    )
    models = [require_installed_model(name) for name in names or []] or list_installed_models()
    if not models:
        raise CommandError("no model is installed for llama.cpp: `cogo models pull smollm2`")
    if not is_server_installed():
        print_text(f"downloading {describe_download([SERVER])}", err=True)
        install_server()
    measured = MeasuredReader()
    with ExitStack() as stack:
        hostings = []
        for model in dict.fromkeys(models):
            known = measured(model.lane)
            hosting = stack.enter_context(
                reserve_model(
                    model,
                    idle_seconds=settings.model_idle_seconds,
                    parallel=None if known is None else known.parallel,
                )
            )
            if hosting.is_ours:
                hostings.append(hosting)
            else:
                _say_served(hosting.served, as_json=as_json, word="already")
        if hostings and not asyncio.run(_serve(project, hostings, as_json=as_json)):
            raise typer.Exit(1)


async def _serve(project: Project, hostings: list[Hosting], *, as_json: bool) -> bool:
    """Run servers until they are stopped; return whether one of them could start."""
    folder = prepare_logs(project.home)
    servers = {
        hosting.model.alias: ModelServer(
            hosting.model.alias,
            partial(
                build_model_server_spec,
                hosting.model.alias,
                folder / f"model-{hosting.model.alias}.log",
            ),
        )
        for hosting in hostings
    }
    started = 0
    with shut_down_on_signals() as shutdown:
        async with asyncio.TaskGroup() as group:
            tasks: dict[RestartingChild, asyncio.Task[None]] = {
                server: group.create_task(_run(server), name=alias)
                for alias, server in servers.items()
            }
            ending = group.create_task(_request_at_end(tasks, shutdown), name="all ended")
            for hosting in hostings:
                server = servers[hosting.model.alias]
                if not await _wait_ready(server, tasks[server], shutdown):
                    continue
                started += 1
                served = find_served_model(hosting.model.alias)
                if served is not None:
                    _say_served(served, as_json=as_json)
            measuring = group.create_task(
                _measure_new(project, servers, hostings, as_json=as_json), name="measure"
            )
            await shutdown.drain.wait()
            measuring.cancel()
            ending.cancel()
            await stop_all(tasks, cancel=shutdown.cancel, within=_STOP)
    if not as_json:
        print_line("stopped")
    return started > 0


async def _run(server: ModelServer) -> None:
    """Run a server; one that cannot start does not end the others."""
    try:
        await server.run()
    except ChildFailed as error:
        print_text(str(error), err=True)


async def _wait_ready(server: ModelServer, task: "asyncio.Task[None]", shutdown: Shutdown) -> bool:
    """Wait until a server is ready; return False if it ended, or is to end, before."""
    async with asyncio.TaskGroup() as group:
        waits = [
            group.create_task(server.ready.wait(), name="ready"),
            group.create_task(shutdown.drain.wait(), name="drain"),
        ]
        await asyncio.wait([*waits, task], return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()
    return server.ready.is_set() and not shutdown.drain.is_set()


async def _request_at_end(
    tasks: dict[RestartingChild, "asyncio.Task[None]"], shutdown: Shutdown
) -> None:
    await asyncio.wait(tasks.values())
    shutdown.request()


async def _measure_new(
    project: Project, servers: dict[str, ModelServer], hostings: list[Hosting], *, as_json: bool
) -> None:
    """Measure what was not measured with this file and this server, one after the other."""
    catalogue = load_catalogue(project)
    for model in (hosting.model for hosting in hostings):
        url = servers[model.alias].get_url("url")
        version = get_version(model.version)
        if url is None or is_measured(model.lane, version):
            continue
        try:
            credentials = {PROVIDER: Credential(base_url=url)}
            found = await measure_lane(project, catalogue, credentials, model.lane, version)
        except CommandError as error:
            print_text(str(error), err=True)
            continue
        if as_json:
            print_json({"event": "measured", "model": model.alias, "measured": found.measured})
        else:
            print_text(f"measured     {model.alias}: {describe_measurement(found)}", indent=13)


def _say_served(served: HostedModel, *, as_json: bool, word: str = "served") -> None:
    if as_json:
        print_json({"event": word, **_describe(served)})
        return
    unloaded = (
        f"unloaded after {served.idle_seconds} s without a request"
        if served.idle_seconds
        else "never unloaded"
    )
    print_text(
        f"{word:<13}{served.alias} at {served.url}: {served.context:,} tokens of context, "
        f"{count_noun(served.parallel, 'answer')} at once, {count_noun(served.threads, 'thread')}, "
        f"at most {served.memory / 1e6:,.0f} MB of memory, {unloaded}",
        indent=13,
    )


def _describe(served: HostedModel) -> dict[str, object]:
    return {
        "model": served.alias,
        "url": served.url,
        "pid": served.pid,
        "memory": served.memory,
        "context": served.context,
        "parallel": served.parallel,
        "threads": served.threads,
        "idle_seconds": served.idle_seconds,
    }
