"""The executor process: calls the stamped model, streams its text, and stores the result."""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from datetime import timedelta

from agents.executor.answer_cache import AnswerCache
from agents.executor.call_context import build_cached_call, build_call_context
from agents.executor.failure_policy import build_failure, build_snooze
from agents.executor.lanes import Lanes
from agents.executor.legacy_plans import build_escalation
from agents.executor.output_checks import Checker, find_problem
from agents.executor.progress import ProgressHub
from agents.executor.request import build_request
from agents.executor.response import ResponseBuilder, SurrogateRepairer
from agents.executor.steps.calls import CallExecutor
from agents.executor.steps.checks import CheckExecutor
from agents.executor.structured import InvalidData, build_invalid_failure
from agents.runtime.agent import Agent, open_agent
from agents.runtime.attempt import WorkFailed, WorkInterrupted
from agents.runtime.health import Health
from agents.runtime.lease import OpenStore
from agents.runtime.options import AgentIdentity, RuntimeOptions
from agents.runtime.pool import SideWork, run_pool
from agents.runtime.retry import retry_until_answered
from agents.runtime.wakeup import Drain
from agents.sandbox.check_runner import CheckRunner
from agents.tools.host import ToolHost
from agents.tools.mcp import McpHost
from agents.workflows.step_params import WITH_HISTORY
from protocol.bus import Bus
from protocol.ids import utc_now
from protocol.lanes import is_model_lane
from protocol.messages import Envelope, MessageType
from protocol.records import ClaimedSubtask, Completion, LeaseRef, SessionMessage, Usage
from protocol.topics import SUBTASKS
from providers.chat import ReasoningDelta, TextDelta, TextWasThinking
from providers.errors import ConnectionFailed, ProviderError
from providers.prices import Cost
from providers.router import Call, Router

CHECKPOINT_EVERY = timedelta(seconds=2)
MAX_HISTORY_MESSAGES = 40
"""Maximum number of earlier session messages in a request."""


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
    checks: CheckRunner | None = None,
    tools: ToolHost | None = None,
    mcp: McpHost | None = None,
) -> None:
    """Execute subtasks of the lanes that are served here until drained or cancelled.

    `router` serves models, `checks` the sandbox, `tools` functions of users and `mcp` tools of
    MCP servers.

    Raises Unauthorized or MigrationMissing if the project cannot be used.
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
        if checks is not None and options.check_capacity:
            executor.sides.append(CheckExecutor(runner=checks, hub=hub).build_side_work(agent))
        calls = CallExecutor(host=tools or ToolHost(), hub=hub, agent=agent, drain=drain, mcp=mcp)
        if calls.lanes and options.tool_capacity:
            executor.sides.append(calls.build_side_work())
        try:
            async with bus.listen(SUBTASKS, executor.handle_message, on_ready=executor.catch_up):
                if not drain.begun.is_set():
                    on_ready()
                await run_pool(
                    agent,
                    lanes=lanes.list_claimable,
                    serves=lanes.list_served,
                    get_limit=lanes.get_limit,
                    work=executor.execute,
                    drain=drain,
                    sides=executor.sides,
                )
        finally:
            await calls.report_cut_off()
            sending.cancel()
            opening.cancel()


class Executor:
    """Executes claimed subtasks and builds their completions."""

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
        self._active: dict[LeaseRef, ResponseBuilder] = {}
        """Responses in progress, by attempt; one that lost its lease may still be ending."""
        self.sides: list[SideWork] = []
        """Work in lanes that are no models."""

    def handle_message(self, message: Envelope) -> None:
        """Claim new work, or check for a cancellation, as the message suggests."""
        if message.type != MessageType.SUBTASK_CANCELLED:
            lane = _find_lane(message)  # long params are left out of messages, and the lane too
            for side in self.sides:
                if not lane or lane in side.lanes:
                    side.wakeup.notify()
            if not lane or is_model_lane(lane):
                self._agent.wakeup.notify()
            return
        subtask_id = message.payload.get("subtask_id")
        for ref, response in self._active.items():
            if str(ref.subtask_id) == subtask_id:  # the text so far is stored at the end
                self._agent.keeper.checkpoint(ref, response.build_checkpoint())
        self._agent.keeper.extend_now()

    def catch_up(self) -> None:
        """Look for work and cancellations whose messages may have been missed."""
        self._agent.keeper.extend_now()
        self._agent.wakeup.notify()
        for side in self.sides:
            side.wakeup.notify()

    async def execute(self, claimed: ClaimedSubtask) -> Completion:
        """Call the stamped model and return its answer; raises WorkFailed if that fails."""
        started = time.monotonic()
        if snooze := build_snooze(claimed, now=utc_now()):
            raise WorkFailed(snooze)
        try:
            request = build_request(claimed, history=await self._fetch_history(claimed))
            context = build_call_context(claimed)
            call = self._router.call(claimed.lane, request, context=context)
        except ProviderError as error:
            raise WorkFailed(build_failure(error, claimed, usage=None)) from error
        response = ResponseBuilder(claimed=claimed, deployment=call.deployment)
        try:
            simulated = call.deployment.simulated
            key = self._cache and self._cache.build_key(claimed, request, simulated=simulated)
            if self._cache and key and (cached := await self._cache.find(key)):
                call.events, response.cached = cached, True
                redactor = self._router.get_redactor(call.deployment)
                await self._cache.record_hit(
                    build_cached_call(request, call.deployment, context, redactor)
                )
            self._active[claimed.ref] = response
            try:
                await self._read_stream(call, response, started)
            finally:
                del self._active[claimed.ref]
                response.deployment, response.failed_calls = call.deployment, call.failed_calls
                response.was_sent = call.was_sent
            await self._hub.flush_in_time()
            await response.run_checks(self._checker)
            if self._cache and key and response.is_cacheable:
                await self._cache.store(key, claimed, response.build_cached_answer())
        except ProviderError as error:
            if isinstance(error, ConnectionFailed) and call.deployment.host.local:
                self._lanes.recheck_soon()
            usage = self._build_usage(response, started)
            raise WorkFailed(build_failure(error, claimed, usage)) from error
        except InvalidData as error:
            usage = self._build_usage(response, started)
            raise WorkFailed(build_invalid_failure(claimed, str(error), usage)) from error
        except asyncio.CancelledError as error:
            raise WorkInterrupted(self._build_interrupted_usage(response, started)) from error
        if (problem := find_problem(response.checks)) is not None:
            usage = self._build_usage(response, started)
            if escalation := build_escalation(claimed, problem, usage):
                raise WorkFailed(escalation)
        cost = self._compute_cost(response)
        return response.build_completion(cost, seconds=time.monotonic() - started)

    async def _read_stream(self, call: Call, response: ResponseBuilder, started: float) -> None:
        """Read the stream into `response`, send it to watchers, and save checkpoints."""
        progress = self._hub.open(response.claimed)
        repairer = SurrogateRepairer()
        checkpointed = started
        async with aclosing(call.events) as events:
            async for raw in events:
                event = repairer.repair(raw)
                now = time.monotonic()
                response.add_event(event, seconds=now - started)
                match event:
                    case TextDelta(text):
                        progress.add("text", text)
                    case ReasoningDelta(text):
                        progress.add("reasoning", text)
                    case TextWasThinking():
                        progress.retract_text()
                    case _:
                        continue
                if now - checkpointed >= self._checkpoint_every:
                    checkpointed = now
                    self._agent.keeper.checkpoint(response.claimed.ref, response.build_checkpoint())

    def _build_usage(self, response: ResponseBuilder, started: float) -> Usage:
        seconds = time.monotonic() - started
        return response.build_usage(self._compute_cost(response), seconds=seconds)

    def _build_interrupted_usage(self, response: ResponseBuilder, started: float) -> Usage:
        """Return the usage until the interruption; it is complete if the model had finished."""
        if response.done is not None:
            return self._build_usage(response, started)
        return response.build_partial_usage(seconds=time.monotonic() - started)

    def _compute_cost(self, response: ResponseBuilder) -> Cost | None:
        if response.tokens is None:
            return None
        return self._router.calculate_cost(response.tokens, response.deployment)

    async def _fetch_history(self, claimed: ClaimedSubtask) -> list[SessionMessage]:
        if claimed.task.session_id is None or claimed.params.get(WITH_HISTORY) is False:
            return []
        owner, session_id = claimed.task.owner, claimed.task.session_id
        return await retry_until_answered(
            lambda: self._agent.store.fetch_messages(
                owner=owner, session_id=session_id, limit=MAX_HISTORY_MESSAGES
            ),
            what="the conversation",
            jitter=self._agent.jitter,
        )


def _find_lane(message: Envelope) -> str:
    """Return the lane in which a subtask is ready; '' if the message does not name it."""
    params = message.payload.get("params")
    lane = params.get("model_id") if isinstance(params, dict) else None
    return lane if isinstance(lane, str) else ""
