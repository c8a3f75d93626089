"""Start and shutdown order of the processes of `cogo up`."""

import asyncio
import gc
import importlib
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final

from loguru import logger

from cogo.config.catalogue import load_catalogue, must_simulate
from cogo.config.connection import Connection, connection_from_state, find_connection
from cogo.config.context import Project
from cogo.config.local_model import list_starting, wait_until_served
from cogo.errors import ChildFailed
from cogo.local_model.library import list_installed_models
from cogo.local_model.packages import MODEL_ID
from cogo.process.bootstrap import AgentBootstrap, AgentKind
from cogo.process.fork import IS_FORKABLE
from cogo.process.shutdown import Shutdown
from cogo.supervisor.child import Spec
from cogo.supervisor.embedded_server import find_server, migrate_server, require_port
from cogo.supervisor.logfiles import prepare_logs
from cogo.supervisor.model_server import ModelServer
from cogo.supervisor.restart import RestartingChild, stop_all
from cogo.supervisor.specs import SpecBuilder
from cogo.supervisor.stack import StackInfo, StackOptions

_GRACE: Final = timedelta(seconds=20)
"""How long agents wait for their attempts when they drain."""
_START: Final = timedelta(seconds=90)
_MODELS: Final = timedelta(seconds=30)
"""How long models that are being started are waited for; large ones load for longer."""
_CANCEL: Final = timedelta(seconds=8)
_RELEASE: Final = timedelta(seconds=10)
_OF_SERVER: Final = ("embedded.service",)
_OF_CLIENTS: Final = (
    "cogo.process.agent", "cogo.process.gateway", "cogo.cli.local.serve",
    # What others import with the first request.
    "anyio._backends._asyncio", "httpcore", "uvloop",
)  # fmt: skip
_OF_SIMULATOR: Final = ("simulator.server",)


class StoppedEarly(Exception):
    """Shutdown was requested while the stack was starting."""


class LocalStack:
    """Starts the processes in order, keeps them running, stops clients before their servers."""

    def __init__(self, project: Project, options: StackOptions, shutdown: Shutdown) -> None:
        self._project = project
        self._options = options
        self._shutdown = shutdown
        self._tasks: dict[RestartingChild, asyncio.Task[None]] = {}
        self._bootstrap: asyncio.Future[AgentBootstrap] = asyncio.get_running_loop().create_future()
        self._is_embedded = project.settings.supabase_url is None
        self._found = find_server(project.home) if self._is_embedded else None
        """A server that `cogo supabase start` started: used as it is, and left running."""
        specs = SpecBuilder(project, options)
        self._server = RestartingChild(specs.build_server)
        self._simulator = RestartingChild(specs.build_simulator)
        self._local_model = ModelServer(MODEL_ID, specs.build_local_model)
        self._gateway = RestartingChild(specs.build_gateway, bootstrap=self._wait_bootstrap)
        self._agents = {
            name: RestartingChild(
                partial(specs.build_agent, name, kind),
                bootstrap=self._wait_bootstrap,
                on_death=self._record_death,
            )
            for name, kind in _name_agents(options.executors).items()
        }

    async def run(self, on_ready: Callable[[StackInfo], None]) -> None:
        """Run until shutdown is requested; then drain.

        Raises StoppedEarly, and CommandError when the stack cannot start.
        """
        prepare_logs(self._project.home)
        async with asyncio.TaskGroup() as group:
            guard = group.create_task(self._raise_when_stopped(), name="stop early")
            info = await self._start_in_time(group)
            guard.cancel()
            on_ready(info)
            await self._shutdown.drain.wait()
            logger.info("draining; a second request to stop cancels", grace=f"{_GRACE.seconds} s")
            for stage in (  # what agents need outlives them
                [self._gateway, *self._agents.values()],
                [self._simulator, self._local_model, self._server],
            ):
                tasks = {child: self._tasks[child] for child in stage if child in self._tasks}
                await stop_all(tasks, cancel=self._shutdown.cancel, within=_GRACE + _CANCEL)

    async def _raise_when_stopped(self) -> None:
        await self._shutdown.drain.wait()
        raise StoppedEarly

    async def _start_in_time(self, group: asyncio.TaskGroup) -> StackInfo:
        try:
            async with asyncio.timeout(_START.total_seconds()):
                return await self._start(group)
        except TimeoutError as error:
            raise ChildFailed(
                f"the system was not ready within {_START.seconds} s; "
                f"see the logs in {self._project.home / 'logs'}"
            ) from error

    async def _start(self, group: asyncio.TaskGroup) -> StackInfo:
        """Start the server, and import what agents and gateway need while it starts.

        Each import ends before a fork, since no thread may be busy then.
        """

        def run(child: RestartingChild) -> None:
            self._tasks[child] = group.create_task(child.run(), name="child")

        if self._found is not None:
            require_port(self._found, self._options.port)
        elif self._is_embedded:
            await asyncio.to_thread(_import_for_forks, _OF_SERVER)
            run(self._server)
            await self._server.started.wait()
        clients = [*self._agents.values(), *([self._gateway] if self._options.has_gateway else [])]

        async def run_clients() -> None:
            await asyncio.to_thread(self._import_for_clients)
            for child in clients:
                run(child)

        async with asyncio.TaskGroup() as parts:
            importing = parts.create_task(run_clients(), name="import")
            connecting = parts.create_task(self._connect(importing), name="connect")
            hosting = self._options.local_model
            if hosting is not None and hosting.is_ours:
                run(self._local_model)
                await self._local_model.ready.wait()
            if self._options.simulate or not await self._can_call_models(connecting):
                await asyncio.wait([importing])
                await asyncio.to_thread(_import_for_forks, _OF_SIMULATOR)
                run(self._simulator)
                await self._simulator.ready.wait()
        connection, db_url = connecting.result()
        bootstrap = AgentBootstrap(
            connection=connection, simulator_url=self._simulator.get_url("url")
        )
        self._bootstrap.set_result(bootstrap)
        for child in clients:
            await child.ready.wait()
        return await self._describe(bootstrap, db_url)

    def _import_for_clients(self) -> None:
        """Import the client of Supabase, and for forks also what they import; see ADR 14."""
        importlib.import_module("cogo.supervisor.project_calls")
        _import_for_forks(_OF_CLIENTS)
        if IS_FORKABLE:
            load_catalogue(self._project)  # is kept

    async def _can_call_models(self, connecting: "asyncio.Task[Any]") -> bool:
        """Return whether a model can be called, now or when one that is being started is ready.

        Where models are installed, `cogo models serve` may have been started at the same time; it
        reserves their memory while we connect.
        """
        if not await must_simulate(self._project):
            return True
        if list_installed_models():
            await asyncio.wait([connecting])
        if starting := list_starting():
            logger.info("waiting for models that are being started", models=starting)
        is_served = await wait_until_served(within=_MODELS)
        return is_served and not await must_simulate(self._project)

    async def _connect(self, importing: asyncio.Task[None]) -> tuple[Connection, str | None]:
        """Wait for the embedded server and migrate it, or check an external project."""
        if not self._is_embedded:
            connection = find_connection(self._project)
            await importing
            from cogo.supervisor.project_calls import check_project  # noqa: PLC0415

            await check_project(connection)
            return connection, None
        if self._found is None:
            await self._server.ready.wait()
        state = await migrate_server(self._project.home)
        return connection_from_state(state), state.db_url

    async def _wait_bootstrap(self) -> str:
        return (await asyncio.shield(self._bootstrap)).to_line()

    async def _describe(self, bootstrap: AgentBootstrap, db_url: str | None) -> StackInfo:
        """Return the running stack, and publish its gateway's address for commands."""
        from cogo.supervisor.project_calls import (  # noqa: PLC0415
            find_copy_reason,
            publish_gateway,
        )

        gateway_url, console_url = self._gateway.get_url("url"), None
        if gateway_url is not None:
            console_url = await publish_gateway(
                self._project.home,
                bootstrap.connection,
                gateway_url,
                needs_key=self._options.needs_key,
                opens_console=self._options.opens_console,
            )
        children: Mapping[str, RestartingChild] = {
            "server": self._server,
            "simulator": self._simulator,
            "local-model": self._local_model,
            "gateway": self._gateway,
            **self._agents,
        }
        health_urls = {name: each.get_url("health_url") for name, each in self._agents.items()}
        sandboxes = [each.report.get("sandbox") for each in self._agents.values()]
        return StackInfo(
            connection=bootstrap.connection,
            db_url=db_url,
            simulator_url=bootstrap.simulator_url,
            local_model_url=self._find_local_model_url(),
            gateway_url=gateway_url,
            console_url=console_url,
            needs_key=self._options.needs_key,
            copy_reason=await find_copy_reason(bootstrap.connection),
            sandbox=next((str(each) for each in sandboxes if each), None),
            pids={name: child.pid for name, child in children.items() if child.pid},
            health_urls={name: url for name, url in health_urls.items() if url},
        )

    def _find_local_model_url(self) -> str | None:
        hosting = self._options.local_model
        found = None if hosting is None or hosting.is_ours else hosting.served.url
        return self._local_model.get_url("url") or found

    async def _record_death(self, spec: Spec) -> None:
        """Release the leases of a dead agent, which would otherwise expire; mark it as stopped."""
        from cogo.supervisor.project_calls import mark_agent_stopped, release_leases  # noqa: PLC0415

        assert spec.agent_id is not None  # noqa: S101 - it is an agent
        connection = self._bootstrap.result().connection
        await release_leases(connection, spec.agent_id, within=_RELEASE)
        await mark_agent_stopped(connection, spec.agent_id, stopping=self._shutdown.drain)


def _import_for_forks(modules: Sequence[str]) -> None:
    """Import what forks share, if processes are forked here; slow, so call it in a thread.

    Memory is shared until somebody writes to it; the collector of garbage would, as it looks at
    objects.
    """
    if IS_FORKABLE:
        for name in modules:
            importlib.import_module(name)
        gc.collect()
        gc.freeze()


def _name_agents(executors: int) -> Mapping[str, AgentKind]:
    names = [f"executor-{number}" for number in range(1, executors + 1)]
    kinds: dict[str, AgentKind] = {"orchestrator": "orchestrator"}
    return kinds | dict.fromkeys(["executor"] if executors == 1 else names, "executor")
