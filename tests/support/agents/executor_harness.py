"""An executor whose neighbours are fakes that record their calls."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from agents.executor.lanes import Lanes
from agents.executor.output_checks import Checker
from agents.executor.progress import ProgressHub
from agents.executor.service import Executor
from agents.runtime.agent import Agent
from agents.runtime.attempt import WorkFailed, WorkInterrupted
from agents.runtime.completion_batcher import CompletionBatcher
from agents.runtime.health import Health
from agents.runtime.lease import LeaseKeeper
from agents.runtime.options import AgentIdentity, RuntimeOptions
from agents.runtime.wakeup import Drain, Wakeup
from agents.tools.toolbox import Toolbox
from protocol.messages import SubtaskProgress, read_payload
from protocol.records import (
    Checkpoint,
    ClaimedSubtask,
    Completion,
    Failure,
    LeaseRef,
)
from protocol.records import Usage as RecordedUsage
from providers.calls.fallback import FailedCall
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential, Deployment
from providers.chat import (
    ChatRequest,
    Done,
    Event,
    FinishReason,
    TokenUsage,
)
from providers.errors import NotAsked
from providers.prices import Cost
from providers.router import Call, Router
from tests.support.agents.fake_bus import FakeBus
from tests.support.agents.fake_store import FakeStore

STOP = Done(finish_reason=FinishReason.STOP, vendor_finish_reason="stop", request_id="req_1")
CUT = Done(finish_reason=FinishReason.LENGTH, vendor_finish_reason="max_tokens")
CATALOGUE = Catalogue.load()


class FakeCall(Call):
    """Yields other events; says that it was sent, unless one of COGO's limits stopped it."""

    def __init__(
        self, given: Call, events: AsyncGenerator[Event, None], *, is_refused: bool
    ) -> None:
        self.events = events
        self._given = given
        self._is_refused = is_refused

    @property
    def deployment(self) -> Deployment:
        return self._given.deployment

    @property
    def failed_calls(self) -> Sequence[FailedCall]:
        return self._given.failed_calls

    @property
    def was_sent(self) -> bool:
        return not self._is_refused


class FakeRouter(Router):
    """Yields the events of a test, as if a vendor had sent them."""

    def __init__(
        self,
        says: Sequence[Event | Exception],
        *,
        cost: Cost | None = None,
        simulated: bool = False,
        pause: bool = False,
    ) -> None:
        opened = Credential(base_url="http://127.0.0.1:9", simulated=simulated)
        super().__init__(CATALOGUE, {"ollama": opened})
        self._says = says
        self._cost = cost
        self._pause = pause
        self.is_pausing = False
        self.asked: list[ChatRequest] = []

    def call(self, model_id: str, request: ChatRequest, **options: Any) -> Call:
        given = super().call(model_id, request, **options)
        self.asked.append(request)
        is_refused = any(isinstance(each, NotAsked) for each in self._says)
        return FakeCall(given, self._saying(), is_refused=is_refused)

    def calculate_cost(self, usage: TokenUsage, deployment: Deployment) -> Cost | None:
        return self._cost

    async def _saying(self) -> AsyncGenerator[Event, None]:
        for each in self._says:
            await asyncio.sleep(0)
            if isinstance(each, Exception):
                raise each
            yield each
        if self._pause:
            self.is_pausing = True
            await asyncio.Event().wait()


class RecordingLeaseKeeper(LeaseKeeper):
    """Is never started; records the checkpoints."""

    kept: tuple[Checkpoint, ...] = ()

    def checkpoint(self, ref: LeaseRef, checkpoint: Checkpoint) -> None:
        self.kept = (*self.kept, checkpoint)


class RecordingLanes(Lanes):
    """Is never started; counts requests to look again."""

    doubts = 0

    def recheck_soon(self) -> None:
        self.doubts += 1


class ExecutorHarness:
    """An executor with its fakes."""

    def __init__(
        self,
        *says: Event | Exception,
        max_flush: timedelta = timedelta(hours=1),
        **router: Any,
    ) -> None:
        self.router = FakeRouter(says, **router)
        self.store = FakeStore()
        self.bus = FakeBus()
        self.checker = Checker()
        self.toolbox = Toolbox()
        self.drain = Drain()
        self.hub = ProgressHub(
            bus=self.bus, source="agent", every=timedelta(hours=1), max_flush=max_flush
        )

    async def execute(self, claimed: ClaimedSubtask) -> Completion:
        async with self.checker:
            return await self.executor().execute(claimed)

    def executor(self) -> Executor:
        jitter = random.Random(0)  # noqa: S311 - spreads waits
        options = RuntimeOptions()
        self.keeper = RecordingLeaseKeeper(
            agent_id="agent",
            open_store=self.store.open,
            lease=options.lease,
            every=options.extend_every,
            health=Health(),
        )
        self.wakeup = Wakeup(busy=timedelta(seconds=60), idle=timedelta(seconds=60), jitter=jitter)
        agent = Agent(
            identity=AgentIdentity(id="agent", kind="executor", host="here", pid=1, version="0"),
            options=options,
            store=self.store,
            keeper=self.keeper,
            batcher=CompletionBatcher(agent_id="agent", store=self.store, jitter=jitter),
            wakeup=self.wakeup,
            health=Health(),
            jitter=jitter,
            services=asyncio.TaskGroup(),
        )
        self.lanes = RecordingLanes(
            self.router, on_change=lambda: None, jitter=jitter, health=Health()
        )
        return Executor(
            agent=agent,
            router=self.router,
            lanes=self.lanes,
            hub=self.hub,
            checker=self.checker,
            checkpoint_every=timedelta(),
            toolbox=self.toolbox,
            drain=self.drain,
        )

    async def failure(self, claimed: ClaimedSubtask) -> Failure:
        with pytest.raises(WorkFailed) as failed:
            await self.execute(claimed)
        return failed.value.failure

    async def cut_off(self, claimed: ClaimedSubtask) -> RecordedUsage:
        """Execute until cancelled; give what was used."""
        with pytest.raises(WorkInterrupted) as cut:
            await self.execute(claimed)
        return cut.value.usage

    def heard(self) -> list[SubtaskProgress]:
        return [
            read_payload(message.envelope, SubtaskProgress)
            for request in self.bus.requests
            for message in request
        ]
