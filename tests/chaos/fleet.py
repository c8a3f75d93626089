"""A fleet under fire: server, simulator and agents as processes, with a line that can be cut."""

import asyncio
import os
import secrets
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

import asyncpg
from pydantic import JsonValue

from cogo.migrations import load_migrations, migrate
from cogo.process.bootstrap import Greeting, Kind
from cogo.process.run_with_parent import READY_FD
from cogo.supervisor import Child, Keeper, Nursery, Spec, module
from cogo.supervisor.local_stack import ADAPTER_MODULES, AGENT_MODULES
from cogo.supervisor.release_leases import release_leases
from embedded.postgres.postmaster import read_postmaster
from embedded.state import State, read_state
from protocol.transport.supabase_store import SupabaseStore, open_store
from tests.chaos.line import Line

NAMES: Final[dict[str, Kind]] = {
    "orchestrator-1": "orchestrator",
    "orchestrator-2": "orchestrator",
    "executor-1": "executor",
    "executor-2": "executor",
    "executor-3": "executor",
    "executor-4": "executor",
}
_TETHERED: Final = "cogo.process.run_with_parent"
_PATIENCE: Final = timedelta(seconds=8)
_RELEASE: Final = timedelta(seconds=5)
_LEAVING: Final = timedelta(seconds=25)


@dataclass(slots=True)
class Member:
    """One agent, through all its lives: each has an id of its own."""

    name: str
    kind: Kind
    keeper: Keeper
    agent_id: str = ""
    is_watched: bool = True
    """Whether its death is seen; if not, its leases run out."""
    stopped: list[int] = field(default_factory=list)
    """Processes that stand still, each as often as it was stopped."""

    @property
    def pid(self) -> int | None:
        """The process that runs now and has said that it is ready."""
        return self.keeper.pid if self.keeper.ready.is_set() else None

    def kill(self, *, seen: bool) -> None:
        """End its process as the kernel ends one that takes too much memory."""
        if self._signal(signal.SIGKILL) is not None:
            self.is_watched = seen

    def stop(self) -> int | None:
        """Let its process stand still; give its id."""
        pid = self._signal(signal.SIGSTOP)
        if pid is not None:
            self.stopped.append(pid)
            self.keeper.tolerates_still = True
        return pid

    def freeze(self) -> None:
        """Let its process stand still, as its supervisor can see."""
        self._signal(signal.SIGSTOP)

    def _signal(self, number: signal.Signals) -> int | None:
        """Give the id of the process that got it; None when it has just died of another fault."""
        pid = self.pid
        if pid is None:
            return None
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return None
        return pid

    def go_on(self, pid: int) -> None:
        """Let that process run again, unless it has died, or another fault still holds it."""
        self.stopped.remove(pid)
        self.keeper.tolerates_still = bool(self.stopped)
        if self.keeper.pid == pid and pid not in self.stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What runs, and where."""

    home: Path
    state: State
    simulator_url: str
    line: Line
    members: dict[str, Member]
    nursery: Nursery

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Run the agents while the block runs; those that die are started again."""
        async with asyncio.TaskGroup() as group:
            nursing = group.create_task(self.nursery.run(), name="nursery")
            tasks = [
                group.create_task(member.keeper.run(), name=f"keep {member.name}")
                for member in self.members.values()
            ]
            try:
                for member in self.members.values():
                    await member.keeper.ready.wait()
                yield
            finally:
                nursing.cancel()
                for member in self.members.values():
                    for pid in list(member.stopped):
                        member.go_on(pid)
                    member.keeper.let_go()
                _, late = await asyncio.wait(tasks, timeout=_LEAVING.total_seconds())
                for task in late:
                    task.cancel()

    def store(self) -> AbstractAsyncContextManager[SupabaseStore]:
        """Open a store behind the line, as agents and people have it."""
        return open_store(self.line.url, self.state.secret_key)

    @property
    def db_url(self) -> str:
        """Where Postgres is now: it moves if somebody takes its port while it is dead."""
        return (read_state(self.home) or self.state).db_url

    def kill_postgres(self) -> bool:
        """Kill the postmaster; False when it is already dead."""
        postmaster = read_postmaster(self.home / "postgres")
        if postmaster is None:
            return False
        try:
            os.kill(postmaster.pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    def logs(self) -> Iterator[Path]:
        """Give the logs of the agents."""
        for name in self.members:
            log = self.home / "logs" / f"{name}.log"
            if log.exists():
                yield log


@asynccontextmanager
async def running_fleet(
    home: Path, *, speed: float, prepare: Sequence[str] = ()
) -> AsyncIterator[Fleet]:
    """Run server and simulator, and hold the agents ready; all are gone at the end.

    `prepare` is SQL that is run after the migrations and before anybody works.
    """
    (home / "logs").mkdir(exist_ok=True)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(Child(_server(home)))
        simulator = await stack.enter_async_context(Child(_simulator(home, speed)))
        await server.ready()
        state = read_state(home)
        assert state is not None
        await migrate(state.db_url, load_migrations())
        await run_sql(state.db_url, prepare)
        simulator_url = str((await simulator.ready())["url"])
        line = Line(state.url)
        await stack.enter_async_context(line.open())
        greeting = Greeting(
            url=line.url,
            secret_key=state.secret_key,
            publishable_key=state.publishable_key,
            is_embedded=True,
            simulator_url=simulator_url,
        )
        nursery = Nursery(partial(_nursery, home), [*AGENT_MODULES, *ADAPTER_MODULES])
        yield Fleet(
            home=home,
            state=state,
            simulator_url=simulator_url,
            line=line,
            members={n: _member(n, kind, home, greeting, nursery) for n, kind in NAMES.items()},
            nursery=nursery,
        )


async def run_sql(db_url: str, statements: Sequence[str]) -> None:
    """Run statements as the owner of the schema."""
    connection = await asyncpg.connect(db_url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def _member(name: str, kind: Kind, home: Path, greeting: Greeting, nursery: Nursery) -> Member:
    ids: dict[Spec, str] = {}

    async def greet() -> dict[str, JsonValue]:
        return greeting.model_dump()

    async def on_death(spec: Spec) -> None:
        was_seen, member.is_watched = member.is_watched, True
        if was_seen:
            await release_leases(greeting.connection(), ids[spec], within=_RELEASE)

    def spec() -> Spec:
        member.agent_id = f"{name}@{secrets.token_hex(4)}"
        arguments = ("--dir", str(home), "--id", member.agent_id, "--with-parent")
        made = _spec(home, name, module("cogo", "serve", kind, *arguments))
        ids[made] = member.agent_id
        return made

    keeper = Keeper(spec, greeting=greet, on_death=on_death, forker=nursery)
    member = Member(name=name, kind=kind, keeper=keeper)
    return member


def _nursery(home: Path, door: int, modules: Sequence[str]) -> Spec:
    made = _spec(home, "nursery", module("cogo.supervisor.fork_server.main", str(door), *modules))
    return replace(made, descriptors=(door,))


def _server(home: Path) -> Spec:
    arguments = ("embedded", "--dir", str(home), "--ready-fd", READY_FD, "--port", "0")
    return _spec(home, "server", module(_TETHERED, *arguments), patience=timedelta(seconds=20))


def _simulator(home: Path, speed: float) -> Spec:
    arguments = ("simulator", "--port", "0", "--speed", str(speed))
    return _spec(home, "simulator", module(_TETHERED, *arguments))


def _spec(
    home: Path, name: str, arguments: tuple[str, ...], *, patience: timedelta = _PATIENCE
) -> Spec:
    log = home / "logs" / f"{name}.log"
    return Spec(name=name, arguments=arguments, log=log, patience=patience)
