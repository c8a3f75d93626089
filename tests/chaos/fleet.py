"""A fleet under test: server, simulator and agents as processes, with a proxy between."""

import asyncio
import os
import secrets
import signal
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    suppress,
)
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import asyncpg
import pytest
from pydantic import JsonValue, SecretStr

from cogo.config.connection import Connection
from cogo.migrations import load_migrations, migrate
from cogo.process.bootstrap import AgentBootstrap, AgentKind
from cogo.supervisor.child import Child, Spec, build_module_arguments
from cogo.supervisor.project_calls import release_leases
from cogo.supervisor.restart import RestartingChild
from embedded.postgres.postmaster import read_postmaster
from embedded.state import State, read_state
from protocol.transport.supabase_store import SupabaseStore, open_store
from tests.chaos.gateway import MortalGateway
from tests.chaos.proxy import CuttableProxy
from tests.chaos.vendor_log import VendorLog

NAMES: Final[dict[str, AgentKind]] = {
    "orchestrator-1": "orchestrator",
    "orchestrator-2": "orchestrator",
    "executor-1": "executor",
    "executor-2": "executor",
    "executor-3": "executor",
    "executor-4": "executor",
}
WORKFLOWS: Final = Path(__file__).parent / "workflows" / "cogo.toml"
RUNS: Final = "tool-runs.log"
"""What tools have written down before they ran."""
_PATIENCE: Final = timedelta(seconds=8)
_RELEASE: Final = timedelta(seconds=5)
_LEAVING: Final = timedelta(seconds=25)


@dataclass(slots=True)
class Member:
    """One agent through all its restarts, each with an id of its own."""

    name: str
    kind: AgentKind
    process: RestartingChild
    agent_id: str = ""
    is_watched: bool = True
    """Whether its death is seen; if not, its leases run out."""
    stopped: list[int] = field(default_factory=list)
    """Processes that stand still, each as often as it was stopped."""

    @property
    def pid(self) -> int | None:
        """Return the process that runs now and has reported that it is ready."""
        return self.process.pid if self.process.ready.is_set() else None

    def kill(self, *, seen: bool) -> None:
        """End its process as the kernel ends one that takes too much memory."""
        if self._signal(signal.SIGKILL) is not None:
            self.is_watched = seen

    def stop(self) -> int | None:
        """Stop its process (SIGSTOP); return the process id."""
        pid = self._signal(signal.SIGSTOP)
        if pid is not None:
            self.stopped.append(pid)
            self.process.tolerates_stopped = True
        return pid

    def freeze(self) -> None:
        """Stop its process (SIGSTOP) where its supervisor can see it."""
        self._signal(signal.SIGSTOP)

    def _signal(self, number: signal.Signals) -> int | None:
        """Signal its process; return the id, None when the process has just died."""
        pid = self.pid
        if pid is None:
            return None
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return None
        return pid

    def go_on(self, pid: int) -> None:
        """Resume that process, unless it has died or another fault still holds it."""
        self.stopped.remove(pid)
        self.process.tolerates_stopped = bool(self.stopped)
        if self.process.pid == pid and pid not in self.stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The running processes and their addresses."""

    home: Path
    server: Child
    state: State
    simulator_url: str
    line: CuttableProxy
    members: dict[str, Member]
    gateway: MortalGateway
    """Which runs only for those who need it: see `working`."""
    vendor_log: VendorLog

    @asynccontextmanager
    async def working(self, *, has_gateway: bool = False) -> AsyncIterator[None]:
        """Run the agents while the block runs; those that die are started again."""
        processes = [member.process for member in self.members.values()]
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(self._watch_server(), name="watch the server")
            tasks = [group.create_task(each.run(), name="keep a process") for each in processes]
            serving = group.create_task(self._serve(has_gateway=has_gateway), name="serve")
            try:
                for each in processes:
                    await each.ready.wait()
                if has_gateway:
                    await self.gateway.ready.wait()
                yield
            finally:
                watching.cancel()
                serving.cancel()
                for member in self.members.values():
                    for pid in list(member.stopped):
                        member.go_on(pid)
                for each in processes:
                    each.stop()
                _, late = await asyncio.wait(tasks, timeout=_LEAVING.total_seconds())
                for task in late:
                    task.cancel()

    async def _serve(self, *, has_gateway: bool) -> None:
        if has_gateway:
            await self.gateway.run()

    async def _watch_server(self) -> None:
        """Raise if the server ends: no fault ends it, and without it a run would never end."""
        code = await self.server.wait()
        raise AssertionError(
            f"the embedded server ended with code {code}: {self.server.read_last_line()}"
        )

    def store(self) -> AbstractAsyncContextManager[SupabaseStore]:
        """Open a store behind the line, as agents and people have it."""
        return open_store(self.line.url, self.state.secret_key)

    @property
    def db_url(self) -> str:
        """Return the URL of Postgres, which moves when its port is taken while it is down."""
        return (read_state(self.home) or self.state).db_url

    @asynccontextmanager
    async def standing_still(self) -> AsyncIterator[None]:
        """Stop all agents while the block runs, shortly enough for their leases."""
        stopped = [(each, each.stop()) for each in self.members.values()]
        try:
            yield
        finally:
            for member, pid in stopped:
                if pid is not None:
                    member.go_on(pid)

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

    def read_runs(self) -> list[str]:
        """Return the runs of tools."""
        log = self.home / RUNS
        return log.read_text("utf-8").splitlines() if log.exists() else []

    def logs(self) -> Iterator[Path]:
        """Return the logs of the agents."""
        for name in self.members:
            log = self.home / "logs" / f"{name}.log"
            if log.exists():
                yield log


COUNTED: Final = (
    """
    create function public.count_simulated() returns trigger language plpgsql as $$
    begin
      new.simulated := false;
      return new;
    end;
    $$
    """,
    "create trigger count_simulated before insert or update on public.cogo_attempts"
    " for each row execute function public.count_simulated()",
)
"""Of simulated answers nothing is learned, which would leave nothing of outcomes to check."""


@asynccontextmanager
async def running_fleet(
    home: Path, *, speed: float, prepare: Sequence[str] = ()
) -> AsyncIterator[Fleet]:
    """Run server and simulator, and hold the agents ready; all are gone at the end.

    `prepare` is SQL that is run after the migrations and before anybody works.
    """
    (home / "logs").mkdir(exist_ok=True)
    async with AsyncExitStack() as stack:
        environment = stack.enter_context(pytest.MonkeyPatch.context())
        # What is started from here on loads the workflows of the runs.
        environment.setenv("COGO_CATALOGUE", str(WORKFLOWS))
        environment.setenv("COGO_CHAOS_RUNS", str(home / RUNS))
        server = await stack.enter_async_context(Child(_build_server(home)))
        simulator = await stack.enter_async_context(Child(_build_simulator(home, speed)))
        await server.wait_ready()
        state = read_state(home)
        assert state is not None
        await migrate(state.db_url, load_migrations())
        await run_sql(state.db_url, [*COUNTED, *prepare])
        simulator_url = str((await simulator.wait_ready())["url"])
        line = CuttableProxy(state.url)
        await stack.enter_async_context(line.open())
        connection = Connection(
            url=line.url,
            secret_key=SecretStr(state.secret_key),
            publishable_key=state.publishable_key,
            is_embedded=True,
        )
        bootstrap = AgentBootstrap(connection=connection, simulator_url=simulator_url)
        yield Fleet(
            home=home,
            server=server,
            state=state,
            simulator_url=simulator_url,
            line=line,
            members={n: _build_member(n, kind, home, bootstrap) for n, kind in NAMES.items()},
            gateway=_build_gateway(home, bootstrap),
            vendor_log=VendorLog(simulator_url),
        )


async def run_sql(db_url: str, statements: Sequence[str]) -> None:
    """Run statements as the owner of the schema."""
    connection = await asyncpg.connect(db_url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def _build_member(name: str, kind: AgentKind, home: Path, bootstrap: AgentBootstrap) -> Member:
    async def send_bootstrap() -> str:
        return bootstrap.to_line()

    async def on_death(spec: Spec) -> None:
        was_seen, member.is_watched = member.is_watched, True
        if was_seen and spec.agent_id is not None:
            await release_leases(bootstrap.connection, spec.agent_id, within=_RELEASE)

    def build_spec(_: Mapping[str, JsonValue]) -> Spec:
        member.agent_id = f"{name}@{secrets.token_hex(4)}"
        arguments = ("--dir", str(home), "--id", member.agent_id, "--with-parent")
        return Spec(
            name=name,
            arguments=build_module_arguments("cogo", "serve", kind, *arguments),
            log=home / "logs" / f"{name}.log",
            patience=_PATIENCE,
            agent_id=member.agent_id,
        )

    process = RestartingChild(build_spec, bootstrap=send_bootstrap, on_death=on_death)
    member = Member(name=name, kind=kind, process=process)
    return member


def _build_gateway(home: Path, bootstrap: AgentBootstrap) -> MortalGateway:
    arguments = ("--dir", str(home), "--no-key", "--with-parent")
    spec = Spec(
        name="gateway",
        arguments=build_module_arguments("cogo", "serve", "gateway", *arguments),
        log=home / "logs" / "gateway.log",
        patience=_PATIENCE,
    )
    return MortalGateway(spec, bootstrap)


def _build_server(home: Path) -> Spec:
    arguments = ("embedded", "--dir", str(home), "--ready-fd", "1", "--port", "0")
    return Spec(
        name="server",
        arguments=build_module_arguments("cogo.process.parent_watch", *arguments),
        log=home / "logs" / "server.log",
        patience=timedelta(seconds=20),
    )


def _build_simulator(home: Path, speed: float) -> Spec:
    arguments = ("--port", "0", "--speed", str(speed), "--with-parent")
    return Spec(
        name="simulator",
        arguments=build_module_arguments("simulator", *arguments),
        log=home / "logs" / "simulator.log",
        patience=_PATIENCE,
    )
