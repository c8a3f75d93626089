"""The executor: takes stamped subtasks, asks the model, streams and stores what it says."""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from datetime import timedelta

from agents.executor.answer_cache import AnswerCache
from agents.executor.call_context import build_cached_call, build_call_context
from agents.executor.failure_policy import build_check_failure, build_failure, build_snooze
from agents.executor.lanes import Lanes
from agents.executor.output_checks import Checker, find_problem
from agents.executor.progress import ProgressHub
from agents.executor.request import build_request
from agents.executor.response import ResponseBuilder, SurrogateRepairer
from agents.runtime.agent import Agent, open_agent
from agents.runtime.attempt import WorkFailed, WorkInterrupted
from agents.runtime.health import Health
from agents.runtime.lease import OpenStore
from agents.runtime.options import AgentIdentity, RuntimeOptions
from agents.runtime.retry import retry_until_answered
from agents.runtime.wakeup import Drain
from agents.workflows.plan import ESCALATE_TO
from protocol.bus import Bus
from protocol.ids import utc_now
from protocol.messages import Envelope, MessageType
from protocol.records import ClaimedSubtask, Completion, LeaseRef, SessionMessage, Usage
from protocol.topics import SUBTASKS
from providers.chat import ReasoningDelta, TextDelta
from providers.errors import ConnectionFailed, ProviderError
from providers.prices import Cost
from providers.router import Call, Router

CHECKPOINT_EVERY = timedelta(seconds=2)
MEMORY_MESSAGES = 40


async def run_executor(
    *,
    open_store: OpenStore,
    bus: Bus,
    router: Router,
    identity: AgentIdentity,
    options: RuntimeOptions,
    drain: Drain,
    on_ready: Callable[[], None],
    health: Health | None = None,
    cache: AnswerCache | None = None,
) -> None:
    """Execute subtasks of the lanes that `router` can serve until drained or cancelled.

    Raises Unauthorized or MigrationMissing when the project cannot be used.
    """
    async with (
        Checker() as checker,
        open_agent(
            open_store=open_store, identity=identity, options=options, drain=drain, health=health
        ) as agent,
    ):
        hub = ProgressHub(bus=bus, source=identity.id, every=options.progress_every)
        sending = agent.services.create_task(hub.run(), name="progress")
        lanes = Lanes(
            router,
            on_change=agent.wakeup.notify,
            jitter=agent.jitter,
            health=agent.health,
            probes=not options.simulated,
        )
        opening = agent.services.create_task(lanes.run(), name="lanes")
        executor = Executor(
            agent=agent, router=router, lanes=lanes, hub=hub, checker=checker, cache=cache
        )
        try:
            async with bus.listen(SUBTASKS, executor.handle_message, on_ready=executor.catch_up):
                if not drain.begun.is_set():
                    on_ready()
                await agent.run(
                    lanes=lanes.claimable, serves=lanes.served, work=executor.execute, drain=drain
                )
        finally:
            sending.cancel()
            opening.cancel()


class Executor:
    """Turns one claimed subtask into one completion."""

    def __init__(
        self,
        *,
        agent: Agent,
        router: Router,
        lanes: Lanes,
        hub: ProgressHub,
        checker: Checker,
        cache: AnswerCache | None = None,
        checkpoint_every: timedelta = CHECKPOINT_EVERY,
    ) -> None:
        self._agent = agent
        self._router = router
        self._lanes = lanes
        self._hub = hub
        self._checker = checker
        self._cache = cache
        self._checkpoint_every = checkpoint_every.total_seconds()
        self._talking: dict[LeaseRef, ResponseBuilder] = {}
        """Answers that are being written. An attempt that lost its lease may still be ending."""

    def handle_message(self, message: Envelope) -> None:
        """Treat messages as doorbells: new work is claimed, and a cancellation is asked after."""
        if message.type == MessageType.SUBTASK_CANCELLED:
            self._keep_text(message.payload.get("subtask_id"))
            self._agent.keeper.extend_now()
        else:
            self._agent.wakeup.notify()

    def _keep_text(self, subtask_id: object) -> None:
        """Send what watchers have seen with the extension that ends the attempt."""
        for ref, answer in self._talking.items():
            if str(ref.subtask_id) == subtask_id:
                self._agent.keeper.checkpoint(ref, answer.build_checkpoint())

    def catch_up(self) -> None:
        """Ask after everything that may have been said while nothing was heard."""
        self._agent.keeper.extend_now()
        self._agent.wakeup.notify()

    async def execute(self, claimed: ClaimedSubtask) -> Completion:
        """Ask the stamped model and give what it said; raises WorkFailed with who may try again."""
        started = time.monotonic()
        if wait := build_snooze(claimed, now=utc_now()):
            raise WorkFailed(wait)
        try:
            request = build_request(claimed, memory=await self._memory(claimed))
            context = build_call_context(claimed)
            call = self._router.call(claimed.lane, request, context=context)
        except ProviderError as error:
            raise WorkFailed(build_failure(error, claimed, usage=None)) from error
        answer = ResponseBuilder(claimed=claimed, deployment=call.deployment)
        try:
            simulated = call.deployment.simulated
            key = self._cache and self._cache.key(claimed, request, simulated=simulated)
            if self._cache and key and (kept := await self._cache.find(key)):
                call.events, answer.cached = kept, True
                redactor = self._router.get_redactor(call.deployment)
                await self._cache.note(
                    build_cached_call(request, call.deployment, context, redactor)
                )
            self._talking[claimed.ref] = answer
            try:
                await self._gather(call, answer, started)
            finally:
                del self._talking[claimed.ref]
                answer.deployment, answer.failed_calls = call.deployment, call.failed_calls
            await self._hub.settle()
            await answer.run_checks(self._checker)
            if self._cache and key and answer.is_cacheable:
                await self._cache.keep(key, claimed, answer.build_cached_answer())
        except ProviderError as error:
            if isinstance(error, ConnectionFailed) and call.deployment.host.local:
                self._lanes.recheck_soon()
            usage = answer.build_usage(self._cost(answer), seconds=time.monotonic() - started)
            raise WorkFailed(build_failure(error, claimed, usage)) from error
        except asyncio.CancelledError as error:
            raise WorkInterrupted(self._used(answer, started)) from error
        problem = find_problem(answer.checks)
        if problem is not None and claimed.metadata.get(ESCALATE_TO):
            usage = answer.build_usage(self._cost(answer), seconds=time.monotonic() - started)
            raise WorkFailed(build_check_failure(claimed, problem, usage))
        return answer.build_completion(self._cost(answer), seconds=time.monotonic() - started)

    async def _gather(self, call: Call, answer: ResponseBuilder, started: float) -> None:
        """Read the stream into `answer`, pass it on to watchers, and keep a checkpoint fresh."""
        progress = self._hub.open(answer.claimed)
        repairer = SurrogateRepairer()
        checkpointed = started
        async with aclosing(call.events) as events:
            async for raw in events:
                event = repairer.repair(raw)
                now = time.monotonic()
                answer.add_event(event, seconds=now - started)
                match event:
                    case TextDelta(text):
                        progress.add("text", text)
                    case ReasoningDelta(text):
                        progress.add("reasoning", text)
                    case _:
                        continue
                if now - checkpointed >= self._checkpoint_every:
                    checkpointed = now
                    self._agent.keeper.checkpoint(answer.claimed.ref, answer.build_checkpoint())

    def _used(self, answer: ResponseBuilder, started: float) -> Usage:
        """What was used when the attempt was cut off; all of it once the model had finished."""
        seconds = time.monotonic() - started
        if answer.done is None:
            return answer.build_partial_usage(seconds=seconds)
        return answer.build_usage(self._cost(answer), seconds=seconds)

    def _cost(self, answer: ResponseBuilder) -> Cost | None:
        if answer.tokens is None:
            return None
        return self._router.calculate_cost(answer.tokens, answer.deployment)

    async def _memory(self, claimed: ClaimedSubtask) -> list[SessionMessage]:
        if claimed.task.session_id is None:
            return []
        owner, session_id = claimed.task.owner, claimed.task.session_id
        return await retry_until_answered(
            lambda: self._agent.store.fetch_messages(
                owner=owner, session_id=session_id, limit=MEMORY_MESSAGES
            ),
            what="the conversation",
            jitter=self._agent.jitter,
        )
