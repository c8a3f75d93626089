"""Agents of this process on an embedded server of their own, with simulated vendors."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from agents.attachments import FileAccess
from agents.executor.service import run_executor
from agents.memory.conversation import RedisCommands
from agents.memory.index import VectorIndex
from agents.middleware.budget import BudgetMiddleware
from agents.orchestrator.service import run_orchestrator
from agents.runtime.options import AgentIdentity, RuntimeOptions
from agents.runtime.wakeup import Drain
from agents.sandbox.check_runner import CheckRunner
from agents.tools.host import ToolHost
from agents.tools.mcp import McpHost
from agents.tools.own import OwnTools
from agents.workflows.hosting.host import WorkflowHost
from agents.workflows.registry import WORKFLOWS
from embedded.state import State
from protocol.records import NewTask, Task
from protocol.transport.supabase_store import SupabaseStore, open_store
from providers.calls.middleware import CallMiddleware
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.router import Router
from simulator import run_simulator
from tests.support.agents.fake_bus import FakeBus
from tests.support.eventually import eventually
from tests.support.servers.project import MigratedServer

CATALOGUE = Catalogue.load()
PATHS = {"anthropic": "/anthropic", "fireworks": "/fireworks", "openai": "/openai/v1"}


@pytest.fixture
def visible_simulator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find the simulator as a server of open models, although its answers say what it is."""
    monkeypatch.setattr("providers.adapters.local.discovery.SIMULATOR_HEADER", "x-none")


@pytest.fixture(scope="module")
def server(migrated_server: MigratedServer) -> State:
    """Return a project without rows, whose lane `cio` no other test reads."""
    # A loop of its own, so that the event loop of the tests stays as pytest-asyncio left it.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(migrated_server.forget())
    return migrated_server.state


@pytest.fixture
async def simulator() -> AsyncIterator[str]:
    """Run a simulator that is slow enough to interrupt attempts; yield its URL."""
    async with run_simulator(speed=3) as url:
        yield url


@dataclass(slots=True, kw_only=True)
class Fleet:
    """Starts agents; Realtime is down for all of them."""

    server: State
    simulator: str
    store: SupabaseStore
    group: asyncio.TaskGroup
    bus: FakeBus = field(default_factory=FakeBus)
    drains: list[Drain] = field(default_factory=list)

    async def orchestrator(
        self,
        id_: str = "cio-1",
        *,
        workflows: WorkflowHost | None = None,
        catalogue: Catalogue = CATALOGUE,
    ) -> "asyncio.Task[None]":
        """Start one that plans for whatever the executors serve."""

        async def own() -> list[str]:
            return []

        return await self.start(
            lambda drain, on_ready: run_orchestrator(
                open_store=self.open_store,
                bus=self.bus,
                catalogue=catalogue,
                workflows=workflows or WorkflowHost(WORKFLOWS),
                lanes=own,
                identity=_identity(id_, "orchestrator"),
                options=agent_options(),
                drain=drain,
                on_ready=on_ready,
            )
        )

    async def executor(
        self,
        id_: str,
        checks: CheckRunner | None = None,
        *,
        tools: ToolHost | None = None,
        mcp: McpHost | None = None,
        catalogue: Catalogue = CATALOGUE,
        own: OwnTools | None = None,
        files: FileAccess | None = None,
        redis: RedisCommands | None = None,
        index: VectorIndex | None = None,
        paths: Mapping[str, str] = PATHS,
        credentials: Mapping[str, Credential] | None = None,
        discovers: bool = False,
        is_metered: bool = False,
        **options: Any,
    ) -> "asyncio.Task[None]":
        """Start one that serves every model of the simulator, and checks and tools if given.

        `is_metered`: calls are begun and booked in the database.
        """
        opened = credentials or {
            name: Credential(
                key=SecretStr("simulated"), base_url=f"{self.simulator}{path}", simulated=True
            )
            for name, path in paths.items()
        }

        async def run(drain: Drain, on_ready: Callable[[], None]) -> None:
            async with AsyncExitStack() as stack:
                middleware: list[CallMiddleware] = []
                if is_metered:
                    store = await stack.enter_async_context(self.open_store())
                    middleware += [BudgetMiddleware(store, agent_id=id_, keeps_prompts=False)]
                router = Router(catalogue, opened, middleware=middleware)
                await stack.enter_async_context(router)
                if discovers:
                    await router.discover()
                await run_executor(
                    open_store=self.open_store,
                    bus=self.bus,
                    router=router,
                    identity=_identity(id_, "executor"),
                    options=agent_options(**options),
                    drain=drain,
                    on_ready=on_ready,
                    checks=checks,
                    tools=tools,
                    mcp=mcp,
                    own=own,
                    files=files,
                    redis=redis,
                    index=index,
                )

        return await self.start(run)

    def open_store(self) -> Any:
        """Open a store as a process does."""
        return open_store(self.server.url, self.server.secret_key)

    async def submit(self, prompt: str = "Write is_palindrome(text)", **fields: Any) -> Task:
        """Ask for something."""
        return await self.store.submit_task(NewTask.model_validate({"prompt": prompt} | fields))

    async def ended(self, task_id: UUID) -> Task:
        """Wait until a task is over."""

        async def probe() -> Task | None:
            task = await self.store.fetch_task(task_id=task_id)
            return task if task.status.is_final else None

        found = await eventually(probe, within=60)
        assert found is not None
        return found

    async def start(
        self, run: Callable[[Drain, Callable[[], None]], Coroutine[Any, Any, None]]
    ) -> "asyncio.Task[None]":
        """Run an agent; wait until it is ready."""
        drain, ready = Drain(), asyncio.Event()
        self.drains.append(drain)
        task = self.group.create_task(run(drain, ready.set))
        await asyncio.wait_for(ready.wait(), 60)
        return task


@pytest.fixture
def fleet(server: State, simulator: str) -> Callable[[], Any]:
    """Open a fleet; its agents are drained at the end of the block."""

    @asynccontextmanager
    async def open_() -> AsyncIterator[Fleet]:
        async with open_store(server.url, server.secret_key) as store, asyncio.TaskGroup() as group:
            opened = Fleet(server=server, simulator=simulator, store=store, group=group)
            yield opened
            for drain in opened.drains:
                drain.begin()

    return open_


def _identity(id_: str, kind: Any) -> AgentIdentity:
    return AgentIdentity(id=id_, kind=kind, host="here", pid=1, version="0")


def agent_options(**changes: Any) -> RuntimeOptions:
    return RuntimeOptions(
        **{
            "lease": timedelta(seconds=30),
            "extend_every": timedelta(seconds=0.5),
            "poll_busy": timedelta(seconds=0.05),
            "poll_idle": timedelta(seconds=0.2),
            "heartbeat_every": timedelta(seconds=0.5),
        }
        | changes
    )
