"""The start order of `cogo up`, and the reverse of it."""

import asyncio
import importlib
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from loguru import logger

from cogo.config.catalogue import must_simulate
from cogo.config.connection import Connection, connection_from_state, find_connection
from cogo.config.context import Project
from cogo.errors import AlreadyRunning, ChildFailed
from cogo.migrations import load_migrations, migrate
from cogo.process.bootstrap import AgentBootstrap, AgentKind
from cogo.process.shutdown import Shutdown
from cogo.supervisor.child import Spec
from cogo.supervisor.embedded_server import find_server
from cogo.supervisor.logfiles import prepare_logs
from cogo.supervisor.restart import RestartingChild
from cogo.supervisor.specs import SpecBuilder
from cogo.supervisor.stack import StackInfo, StackOptions
from embedded.state import State, read_state

GRACE: Final = timedelta(seconds=20)
"""How long agents let their attempts go on when draining begins."""
_START: Final = timedelta(seconds=90)
_CANCEL: Final = timedelta(seconds=8)
_RELEASE: Final = timedelta(seconds=10)


class StoppedEarly(Exception):
    """Shutdown was requested while the stack was starting."""


class LocalStack:
    """Starts the processes in order, keeps them running, stops them in the reverse order."""

    def __init__(self, project: Project, options: StackOptions, shutdown: Shutdown) -> None:
        self._project = project
        self._options = options
        self._shutdown = shutdown
        self._running: dict[RestartingChild, asyncio.Task[None]] = {}
        self._bootstrap: asyncio.Future[AgentBootstrap] = asyncio.get_running_loop().create_future()
        self._is_embedded = project.settings.supabase_url is None
        self._found = find_server(project.home) if self._is_embedded else None
        """A server that `cogo supabase start` started: used as it is, and left running."""
        specs = SpecBuilder(project, options)
        self._server = RestartingChild(specs.build_server)
        self._simulator = RestartingChild(specs.build_simulator)
        self._gateway = RestartingChild(specs.build_gateway, bootstrap=self._wait_bootstrap)
        kinds: Mapping[AgentKind, int] = {"orchestrator": 1, "executor": options.executors}
        self._agents = {
            name: RestartingChild(
                partial(specs.build_agent, name, kind),
                bootstrap=self._wait_bootstrap,
                on_death=self._release_leases,
            )
            for kind, count in kinds.items()
            for name in ([kind] if count == 1 else [f"{kind}-{n}" for n in range(1, count + 1)])
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
            logger.info("draining; a second request to stop cancels", grace=f"{GRACE.seconds} s")
            for stage in (
                [self._gateway],
                self._agents.values(),
                [self._simulator],
                [self._server],
            ):
                await self._stop(stage)

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
                f"{self._project.home / 'logs'} may say why"
            ) from error

    async def _start(self, group: asyncio.TaskGroup) -> StackInfo:
        """Start everything at once: agents and gateway import while the server starts."""

        def run(child: RestartingChild) -> None:
            self._running[child] = group.create_task(child.run(), name="child")

        if self._found is not None:
            _require_port(self._found, self._options.port)
        elif self._is_embedded:
            run(self._server)
        clients = [*self._agents.values(), *([self._gateway] if self._options.has_gateway else [])]
        for child in clients:
            run(child)
        async with asyncio.TaskGroup() as parts:
            importing = parts.create_task(_import_project_calls(), name="import")
            connecting = parts.create_task(self._connect(importing), name="connect")
            if self._options.simulate or await must_simulate(self._project):
                run(self._simulator)
                await self._simulator.ready.wait()
        connection, db_url = connecting.result()
        simulator_url = str(self._simulator.report["url"]) if self._simulator.report else None
        self._bootstrap.set_result(
            AgentBootstrap(connection=connection, simulator_url=simulator_url)
        )
        for child in clients:
            await child.ready.wait()
        gateway_url = str(self._gateway.report["url"]) if self._gateway.report else None
        children: Mapping[str, RestartingChild] = {
            "server": self._server,
            "simulator": self._simulator,
            "gateway": self._gateway,
            **self._agents,
        }
        return StackInfo(
            connection=connection,
            db_url=db_url,
            simulator_url=simulator_url,
            gateway_url=gateway_url,
            console_url=gateway_url and await self._publish_gateway(connection, gateway_url),
            needs_key=self._options.needs_key,
            pids={name: child.pid for name, child in children.items() if child.pid},
            health_urls={
                name: str(child.report["health_url"]) for name, child in self._agents.items()
            },
        )

    async def _connect(self, importing: asyncio.Task[None]) -> tuple[Connection, str | None]:
        """Wait for the server and migrate it; check a project that is not ours to migrate."""
        if not self._is_embedded:
            connection = find_connection(self._project)
            await importing
            from cogo.supervisor.project_calls import check_project  # noqa: PLC0415

            await check_project(connection)
            return connection, None
        state = self._found
        if state is None:
            await self._server.ready.wait()
            state = read_state(self._project.home)
        if state is None:
            raise ChildFailed(f"the server left no state in {self._project.home}")
        done = await migrate(state.db_url, load_migrations())
        logger.debug("migrated", applied=len(done.applied))
        return connection_from_state(state), state.db_url

    async def _wait_bootstrap(self) -> str:
        return (await asyncio.shield(self._bootstrap)).to_line()

    async def _publish_gateway(self, connection: Connection, url: str) -> str | None:
        from cogo.supervisor.project_calls import publish_gateway  # noqa: PLC0415

        return await publish_gateway(
            self._project.home,
            connection,
            url,
            needs_key=self._options.needs_key,
            opens_console=self._options.opens_console,
        )

    async def _release_leases(self, spec: Spec) -> None:
        """Release at once what a dead agent held; without this its leases run out."""
        from cogo.supervisor.project_calls import release_leases  # noqa: PLC0415

        assert spec.agent_id is not None  # noqa: S101 - it is an agent
        connection = self._bootstrap.result().connection
        await release_leases(connection, spec.agent_id, within=_RELEASE)

    async def _stop(self, stage: Collection[RestartingChild]) -> None:
        """Stop children and wait for them; a second request, or the deadline, cancels."""
        tasks = {child: self._running[child] for child in stage if child in self._running}
        if not tasks:
            return

        async def cancel() -> None:
            await self._shutdown.cancel.wait()
            for child in tasks:
                child.stop()

        async with asyncio.TaskGroup() as group:
            cancelling = group.create_task(cancel(), name="cancel")
            for child in tasks:
                child.stop()
            limit = GRACE + _CANCEL
            _, late = await asyncio.wait(tasks.values(), timeout=limit.total_seconds())
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
            cancelling.cancel()


async def _import_project_calls() -> None:
    """Import Supabase's client in a thread, as that takes long."""
    await asyncio.to_thread(importlib.import_module, "cogo.supervisor.project_calls")


def _require_port(found: State, asked: int | None) -> None:
    if asked is not None and asked != urlsplit(found.url).port:
        raise AlreadyRunning(
            f"an embedded Supabase already runs at {found.url}: leave --port out to use it, "
            "or end it first with `cogo supabase stop`"
        )
