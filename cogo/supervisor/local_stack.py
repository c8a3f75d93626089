"""The system of `cogo up`: server, simulator and agents as processes, started and drained."""

import asyncio
import importlib
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from loguru import logger
from pydantic import JsonValue

from cogo.config.connection import Connection, find_connection, of_state
from cogo.config.context import Project
from cogo.errors import AlreadyRunning, ChildFailed
from cogo.migrations import load_migrations, migrate
from cogo.process.bootstrap import Greeting, Kind
from cogo.process.ports import free_port
from cogo.process.run_with_parent import READY_FD
from cogo.process.shutdown import Stop
from cogo.supervisor import Keeper, Nursery, Spec, module, set_long_logs_aside
from cogo.supervisor.embedded_server import find_server
from embedded.state import State, read_state

GRACE: Final = timedelta(seconds=20)
"""What agents give their attempts when draining begins."""
_START: Final = timedelta(seconds=90)
_AGENT_PATIENCE: Final = timedelta(seconds=8)
_SERVER_PATIENCE: Final = timedelta(seconds=15)
_RELEASE: Final = timedelta(seconds=10)
_TETHERED: Final = "cogo.process.run_with_parent"
_RELEASING: Final = "cogo.supervisor.release_leases"
_SETTLED: Final = timedelta(seconds=10)

AGENT_MODULES: Final = (
    "cogo.process.agent",
    "cogo.cli.app",
    "cogo.cli.commands",
    "cogo.cli.local.serve",
    "httpcore",
    "anyio._backends._asyncio",
)
"""What every agent imports; the last two are what httpx puts off until the first request."""
ADAPTER_MODULES: Final = (
    "providers.adapters.openai.client",
    "providers.adapters.fireworks",
    "providers.adapters.anthropic.client",
)
"""The adapters that most executors open first. The SDKs behind them take seconds."""
_GATEWAY_MODULES: Final = ("cogo.cli.local.gateway", "cogo.wiring.gateway")
_SIMULATOR_MODULES: Final = ("simulator.server",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What to start."""

    executors: int
    capacity: int
    """Attempts at the same time, for each executor."""
    port: int | None
    has_gateway: bool
    gateway_port: int | None
    """None: 8000 or the next free one."""
    needs_key: bool
    """Whether the gateway refuses requests without a key."""
    opens_console: bool
    """Make an address of the console that admits one browser."""
    simulate: bool
    """Let the vendor simulator answer even when a model could be reached."""
    shows_logs: bool
    """The processes' logs go to our standard error instead of files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What `cogo up` says when everything is ready."""

    connection: Connection
    db_url: str | None
    simulator_url: str | None
    """Of the vendor simulator, when it answers instead of models."""
    gateway_url: str | None
    needs_key: bool
    """Whether the gateway refuses requests without a key."""
    console_url: str | None
    """Admits one browser: for a person's eyes only."""
    pids: Mapping[str, int]
    health_urls: Mapping[str, str]
    """Where each agent answers /health, /ready and /metrics."""

    @property
    def simulated(self) -> bool:
        """Whether no model is asked."""
        return self.simulator_url is not None


class StoppedEarly(Exception):
    """A stop was asked for while the system was starting."""


class System:
    """Starts the processes in order, keeps them alive, stops them in the reverse order."""

    def __init__(self, project: Project, fleet: Fleet, stop: Stop) -> None:
        self._project = project
        self._logs = project.home / "logs"
        self._fleet = fleet
        self._stop = stop
        self._greeting: Greeting | None = None
        self._is_greetable = asyncio.Event()
        self._agent_ids: dict[Spec, str] = {}
        self._is_embedded = project.settings.supabase_url is None
        self._standing = find_server(project.home) if self._is_embedded else None
        """A server that `cogo supabase start` left running: used as it is, and left running."""
        self._server = Keeper(self._server_spec)
        self._nursery = Nursery(self._nursery_spec, _modules_of(fleet))
        self._simulator = Keeper(self._simulator_spec, forker=self._nursery)
        self._gateway = Keeper(self._gateway_spec, greeting=self._greet, forker=self._nursery)
        wanted: Mapping[Kind, int] = {"orchestrator": 1, "executor": fleet.executors}
        self._agents = {
            name: self._agent_keeper(name, kind)
            for kind, count in wanted.items()
            for name in _names(kind, count)
        }

    async def run(self, on_ready: Callable[[Running], None]) -> None:
        """Run until the Stop is asked; agents drain first, then the simulator and the server.

        Raises StoppedEarly, and CommandError when the system cannot start.
        """
        self._logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        set_long_logs_aside(self._logs)
        async with asyncio.TaskGroup() as group:
            tasks: dict[Keeper, asyncio.Task[None]] = {}

            def keep(keeper: Keeper) -> None:
                tasks[keeper] = group.create_task(keeper.run(), name="keep")

            guard = group.create_task(self._give_up_when_stopped(), name="stop early")
            nursing = group.create_task(self._nursery.run(), name="nursery")
            running = await self._start_in_time(keep)
            guard.cancel()
            on_ready(running)
            readying = group.create_task(self._prepare_for_deaths(), name="prepare")
            await self._stop.drain.wait()
            readying.cancel()
            nursing.cancel()
            logger.info("draining; a second request to stop cancels", grace=f"{GRACE.seconds} s")
            agents = self._agents.values()
            for stage in ([self._gateway], agents, [self._simulator], [self._server]):
                started = {keeper: tasks[keeper] for keeper in stage if keeper in tasks}
                if started:
                    await self._end(started)

    async def _start_in_time(self, keep: Callable[[Keeper], None]) -> Running:
        try:
            async with asyncio.timeout(_START.total_seconds()):
                return await self._start(keep)
        except TimeoutError as error:
            raise ChildFailed(
                f"the system was not ready within {_START.seconds} s; {self._logs} may say why"
            ) from error

    async def _start(self, keep: Callable[[Keeper], None]) -> Running:
        """Start all processes at once; the agents wait for their greeting with imports done."""
        if self._standing is not None:
            _require_port(self._standing, self._fleet.port)
        elif self._is_embedded:
            keep(self._server)
        needed = [*self._agents.values(), *([self._gateway] if self._fleet.has_gateway else [])]
        for keeper in needed:
            keep(keeper)
        async with asyncio.TaskGroup() as parts:
            simulating = parts.create_task(self._simulate(keep), name="simulator")
            connecting = parts.create_task(self._connect(), name="connect")
        connection, db_url = connecting.result()
        simulator_url = simulating.result()
        self._greeting = Greeting(
            url=connection.url,
            secret_key=connection.secret_key.get_secret_value(),
            publishable_key=connection.publishable_key,
            is_embedded=connection.is_embedded,
            simulator_url=simulator_url,
        )
        self._is_greetable.set()
        for keeper in needed:
            await keeper.ready.wait()
        gateway_url, console_url = await self._find_gateway(connection)
        everything: Mapping[str, Keeper | Nursery] = {
            "nursery": self._nursery,
            "server": self._server,
            "simulator": self._simulator,
            "gateway": self._gateway,
            **self._agents,
        }
        return Running(
            connection=connection,
            db_url=db_url,
            simulator_url=simulator_url,
            gateway_url=gateway_url,
            needs_key=self._fleet.needs_key,
            console_url=console_url,
            pids={name: each.pid for name, each in everything.items() if each.pid},
            health_urls={
                name: str(each.answer["health_url"]) for name, each in self._agents.items()
            },
        )

    async def _find_gateway(self, connection: Connection) -> tuple[str | None, str | None]:
        """Note the gateway's address with a key; return it and an address of the console."""
        if not self._gateway.answer:
            return None, None
        url = str(self._gateway.answer["url"])
        # Supabase's client takes a third of a second to import: in a thread.
        for name in ("protocol.transport.supabase_store", "cogo.config.local_gateway"):
            await asyncio.to_thread(importlib.import_module, name)
        from cogo.config.local_gateway import (  # noqa: PLC0415
            create_console_address,
            write_local_gateway,
        )
        from protocol.transport.supabase_store import open_store  # noqa: PLC0415

        needs_key = self._fleet.needs_key
        async with open_store(connection.url, connection.secret_key.get_secret_value()) as store:
            await write_local_gateway(self._project.home, store, url, is_keyless=not needs_key)
            if not needs_key:
                return url, f"{url}/"
            if not self._fleet.opens_console:
                return url, None
            return url, await create_console_address(store, url)

    async def _simulate(self, keep: Callable[[Keeper], None]) -> str | None:
        if not self._fleet.simulate and not await self._must_simulate():
            return None
        keep(self._simulator)
        await self._simulator.ready.wait()
        return str(self._simulator.answer["url"])

    async def _must_simulate(self) -> bool:
        # The catalogue takes a third of a second to import: in a thread, when the others import.
        await asyncio.to_thread(importlib.import_module, "cogo.config.catalogue")
        from cogo.config.catalogue import must_simulate  # noqa: PLC0415

        return await must_simulate(self._project)

    async def _connect(self) -> tuple[Connection, str | None]:
        if not self._is_embedded:
            connection = find_connection(self._project)
            await self._check(connection)
            return connection, None
        state = self._standing
        if state is None:
            await self._server.ready.wait()
            state = read_state(self._project.home)
        if state is None:
            raise ChildFailed(f"the server left no state in {self._project.home}")
        done = await migrate(state.db_url, load_migrations())
        logger.debug("migrated", applied=len(done.applied))
        return of_state(state), state.db_url

    async def _check(self, connection: Connection) -> None:
        # Supabase's client takes a third of a second to import: in a thread, and only here.
        await asyncio.to_thread(importlib.import_module, "cogo.wiring.stores")
        from cogo.wiring.schema_check import check_schema  # noqa: PLC0415
        from cogo.wiring.stores import store_factory  # noqa: PLC0415

        async with store_factory(connection)() as store:
            await check_schema(store)

    async def _give_up_when_stopped(self) -> None:
        await self._stop.drain.wait()
        raise StoppedEarly

    async def _end(self, tasks: Mapping[Keeper, asyncio.Task[None]]) -> None:
        """Let the keepers go and wait; a second request, or the deadline, is less patient."""

        async def hurry() -> None:
            await self._stop.cancel.wait()
            for keeper in tasks:
                keeper.let_go()

        async with asyncio.TaskGroup() as group:
            hurrying = group.create_task(hurry(), name="hurry")
            for keeper in tasks:
                keeper.let_go()
            limit = GRACE + _AGENT_PATIENCE
            _, late = await asyncio.wait(tasks.values(), timeout=limit.total_seconds())
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
            hurrying.cancel()

    def _agent_keeper(self, name: str, kind: Kind) -> Keeper:
        return Keeper(
            lambda: self._agent_spec(name, kind),
            greeting=self._greet,
            on_death=self._release,
            forker=self._nursery,
        )

    async def _prepare_for_deaths(self) -> None:
        """Do beforehand what is slow about a recovery: imports, here and in the nursery.

        Not at once: the executors open their SDKs now, and the first task waits for them.
        """
        await asyncio.sleep(_SETTLED.total_seconds())
        await asyncio.to_thread(importlib.import_module, _RELEASING)
        await self._nursery.learn(ADAPTER_MODULES)

    async def _greet(self) -> Mapping[str, JsonValue]:
        await self._is_greetable.wait()
        return {} if self._greeting is None else self._greeting.model_dump()

    async def _release(self, spec: Spec) -> None:
        """Give back at once what a dead agent held; without this its leases run out."""
        greeting, agent_id = self._greeting, self._agent_ids.pop(spec)
        if greeting is None:
            return
        # In a thread, as above; usually it was done long ago.
        await asyncio.to_thread(importlib.import_module, _RELEASING)
        from cogo.supervisor.release_leases import release_leases  # noqa: PLC0415

        await release_leases(greeting.connection(), agent_id, within=_RELEASE)

    def _agent_spec(self, name: str, kind: Kind) -> Spec:
        # A new id for each start: what the dead one held is released under its own.
        agent_id = f"{name}@{socket.gethostname()}-{secrets.token_hex(3)}"
        port = free_port(str(self._agents[name].answer.get("health_url", "")))
        options: Sequence[str] = ("--id", agent_id, "--with-parent", "--health-port", str(port))
        if kind == "executor":
            options = (*options, "--capacity", str(self._fleet.capacity))
        arguments = module("cogo", "serve", kind, "--dir", str(self._project.home), *options)
        spec = self._spec(name, arguments, _AGENT_PATIENCE)
        self._agent_ids[spec] = agent_id
        return spec

    def _nursery_spec(self, door: int, modules: Sequence[str]) -> Spec:
        arguments = module("cogo.supervisor.fork_server.main", str(door), *modules)
        spec = self._spec("nursery", arguments, _AGENT_PATIENCE)
        return replace(spec, descriptors=(door,))

    def _server_spec(self) -> Spec:
        port = self._fleet.port
        known = read_state(self._project.home) if self._server.answer else None
        if known is not None:
            port = int(known.url.rpartition(":")[2])  # clients know the old one
        arguments = ["embedded", "--dir", str(self._project.home), "--ready-fd", READY_FD]
        if port is not None:
            arguments += ["--port", str(port)]
        return self._spec("server", module(_TETHERED, *arguments), _SERVER_PATIENCE)

    def _gateway_spec(self) -> Spec:
        port = self._fleet.gateway_port
        if self._gateway.answer:
            # Clients and gateway.json know the first one: as with the simulator.
            port = urlsplit(str(self._gateway.answer["url"])).port
        options: tuple[str, ...] = ("--dir", str(self._project.home), "--with-parent")
        if port is not None:
            options = (*options, "--port", str(port))
        if not self._fleet.needs_key:
            options = (*options, "--no-key")
        return self._spec("gateway", module("cogo", "serve", "gateway", *options), _AGENT_PATIENCE)

    def _simulator_spec(self) -> Spec:
        # Executors know the first one: while somebody else has it, the start is tried again.
        port = urlsplit(str(self._simulator.answer.get("url", ""))).port or 0
        arguments = module(_TETHERED, "simulator", "--port", str(port))
        return self._spec("simulator", arguments, _AGENT_PATIENCE)

    def _spec(self, name: str, arguments: tuple[str, ...], patience: timedelta) -> Spec:
        log = None if self._fleet.shows_logs else self._logs / f"{name}.log"
        return Spec(name=name, arguments=arguments, log=log, patience=patience)


def _require_port(standing: State, asked: int | None) -> None:
    if asked is not None and asked != urlsplit(standing.url).port:
        raise AlreadyRunning(
            f"an embedded Supabase already runs at {standing.url}: leave --port out to use it, "
            "or end it first with `cogo supabase stop`"
        )


def _modules_of(fleet: Fleet) -> Sequence[str]:
    of_gateway = _GATEWAY_MODULES if fleet.has_gateway else ()
    return [*AGENT_MODULES, *of_gateway, *_SIMULATOR_MODULES]


def _names(kind: Kind, count: int) -> Sequence[str]:
    return [kind] if count == 1 else [f"{kind}-{number}" for number in range(1, count + 1)]
