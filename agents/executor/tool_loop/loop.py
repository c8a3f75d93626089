"""The tool loop of one attempt: plans a move, makes it, stores what came of it, and so on."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final, assert_never

from agents.executor.failure_policy import (
    build_bad_calls_failure,
    build_handing_back,
    end_attempt,
    shorten_history,
)
from agents.executor.model_calls import ModelCaller
from agents.executor.output_checks import Checker
from agents.executor.progress import Progress, ProgressHub
from agents.executor.response import ResponseBuilder
from agents.executor.structured import InvalidData, build_invalid_failure
from agents.executor.tool_loop.conversation import build_exchange, build_loop_request
from agents.executor.tool_loop.limits import Remaining
from agents.executor.tool_loop.moves import (
    UNKNOWN_TOOL,
    AskModel,
    AwaitPeople,
    GiveModelUp,
    HandToCaller,
    RunCalls,
    plan_move,
)
from agents.executor.tool_loop.offer import LoopOffer, LoopSettings, build_offer
from agents.executor.tool_loop.permission import find_tools
from agents.executor.tool_loop.rejections import (
    asks_for,
    build_bad_calls_error,
    find_first_attempt,
    find_mistakes,
    list_bad_turns,
    parse_arguments,
)
from agents.executor.tool_loop.spending import (
    build_no_usage,
    count_invalid,
    count_outcomes,
    describe_tools,
    sum_usage,
)
from agents.executor.tool_loop.tool_runs import ToolRunner, build_context
from agents.executor.tool_loop.turn_log import (
    NewTurns,
    TurnLog,
    build_stored_answer,
    rebuild_response,
)
from agents.memory.conversation import History
from agents.runtime.agent import Agent
from agents.runtime.attempt import WorkFailed, WorkInterrupted
from agents.runtime.wakeup import Drain
from agents.tools.toolbox import Toolbox
from protocol.records import (
    ClaimedSubtask,
    Completion,
    ToolWait,
    Usage,
)
from providers.calls.middleware import CallContext
from providers.chat import ChatRequest, ToolCall
from providers.errors import ProviderError
from providers.secrets import Redactor

LIMIT_NOTE: Final = "The model was asked to answer without more tools, as it had reached {}."
INTENT_NOTE: Final = "The model announced a call of {} that it did not make, and was asked once."
UNKNOWN_SOURCE: Final = "unknown"
"""Of a tool that the model has invented."""
_MIN_SLOTS: Final = 1


class ToolLoop:
    """Runs the loops of an executor."""

    def __init__(
        self,
        *,
        agent: Agent,
        caller: ModelCaller,
        hub: ProgressHub,
        checker: Checker,
        toolbox: Toolbox,
        drain: Drain,
    ) -> None:
        self.agent = agent
        self.caller = caller
        self.hub = hub
        self.checker = checker
        self.drain = drain
        capacity = max(agent.options.tool_capacity, _MIN_SLOTS)
        self.runner = ToolRunner(toolbox=toolbox, capacity=capacity)

    async def run(
        self,
        claimed: ClaimedSubtask,
        request: ChatRequest,
        context: CallContext,
        settings: LoopSettings,
        history: History,
    ) -> Completion:
        """Go on with the loop of a subtask until it ends, or waits for persons.

        Raises WorkFailed, WorkWaits, WorkInterrupted, and ProviderError before anything is asked.
        """
        tools = await find_tools(self.runner.toolbox, claimed, settings)
        attempt = LoopAttempt(
            loop=self,
            claimed=claimed,
            request=request,
            context=context,
            settings=settings,
            history=history,
            offer=build_offer(tools, settings.client),
            log=TurnLog(self.agent, claimed),
            progress=self.hub.open(claimed),
        )
        return await attempt.run()


@dataclass(slots=True, kw_only=True)
class LoopAttempt:
    """One attempt at a loop."""

    loop: ToolLoop
    claimed: ClaimedSubtask
    request: ChatRequest
    """That of the first turn."""
    context: CallContext
    settings: LoopSettings
    history: History
    """The earlier turns of the session; less of them fits from turn to turn."""
    offer: LoopOffer
    log: TurnLog
    progress: Progress
    started: float = field(default_factory=time.monotonic)
    spent: list[Usage] = field(default_factory=list)
    """Of the turns of this attempt."""
    longest: float = 0.0
    """Seconds of the slowest turn of this attempt."""
    unstored: Sequence[ToolCall] = ()
    """Calls of the last answer, if the caller gets them at once."""
    first_attempt: int = field(init=False)
    """From which on rejected calls count; see `find_first_attempt`."""

    def __post_init__(self) -> None:
        self.first_attempt = find_first_attempt(self.claimed)

    async def run(self) -> Completion:
        """Make one move after the other."""
        try:
            await self.log.read()
            while True:
                if (completion := await self._move()) is not None:
                    return completion
        except WorkFailed as failed:
            if failed.failure.usage is not None or not self.spent:
                raise
            failure = failed.failure.model_copy(update={"usage": self._sum_usage()})
            raise WorkFailed(failure) from failed
        except asyncio.CancelledError as error:
            usage = self._sum_usage()
            if usage is None:
                raise
            raise WorkInterrupted(usage) from error

    async def _move(self) -> Completion | None:
        """Make the next move; return the completion if it is the last."""
        state = self.log.state
        move = plan_move(
            state,
            self.offer,
            self.settings.limits,
            mistakes=await find_mistakes(state, self.offer, self.loop.checker),
            remaining=self._compute_remaining(),
            turn_seconds=self.longest,
            first_attempt=self.first_attempt,
        )
        match move:
            case AskModel():
                return await self._ask(move)
            case RunCalls():
                self.progress.begin_turn(len(state.turns))
                context = build_context(self.claimed, self.request)
                await self.loop.runner.run(move, self._store_and_announce, context, self._redactor)
                return None
            case AwaitPeople(questions=questions):
                wait = ToolWait(approvals=list(questions))
                return Completion(ref=self.claimed.ref, usage=self._sum_usage(), wait=wait)
            case HandToCaller(turn=turn):
                found = self.loop.caller.router.list_deployments(self.claimed.lane)
                return self._complete(rebuild_response(turn, self.claimed, found))
            case GiveModelUp():
                bad = list_bad_turns(state, first_attempt=self.first_attempt)
                error = build_bad_calls_error(bad, model=self.claimed.lane)
                catalogue = self.loop.caller.router.catalogue
                failure = build_bad_calls_failure(error, self.claimed, catalogue)
                raise WorkFailed(failure)
            case _ as unreachable:
                assert_never(unreachable)

    async def _ask(self, move: AskModel) -> Completion | None:
        """Request the next turn; store it if it calls tools that run here."""
        state = self.log.state
        self.progress.begin_turn(len(state.turns) + 1)
        if state.turns and self.loop.drain.begun.is_set():
            raise WorkFailed(build_handing_back(self.claimed))
        response = await self._call_model(move)
        if move.limit is not None:
            response.calls.clear()  # it was told that none would be run
        for_caller = all(map(self.offer.is_callers, response.calls))
        is_last = for_caller and not self._announces_call(response, move)
        has_reasoned = response.done is not None and response.done.replay is not None
        # The caller may send back an answer with calls, and the model then needs what led to it.
        if not is_last or (response.calls and (state.turns or has_reasoned)):
            body = build_stored_answer(response, self.spent[-1], state)
            await self.log.store([("answer", body)])
        else:
            self.unstored = tuple(response.calls)
        if is_last:
            return await self._end(response, move.limit)
        self._announce_calls()
        return None

    def _announces_call(self, response: ResponseBuilder, move: AskModel) -> bool:
        """Return whether to ask for a call that the answer announces."""
        intent = response.done.intent if response.done else None
        may_call = move.limit is None and self.settings.choice != "none" and not response.calls
        return intent is not None and may_call and asks_for(intent, self.log.state)

    async def _call_model(self, move: AskModel) -> ResponseBuilder:
        """Call the model. Raises WorkFailed, WorkWaits, and CancelledError."""
        while (response := await self._try_to_call_model(move)) is None:
            pass
        return response

    async def _try_to_call_model(self, move: AskModel) -> ResponseBuilder | None:
        """Call the model; return None if it may be called again, with less of the conversation."""
        caller, started = self.loop.caller, time.monotonic()
        model = caller.router.local.get_model(self.claimed.lane)
        request = build_loop_request(
            self.request,
            self.log.state,
            self.offer,
            self.settings,
            sees=model.takes("image") is True,
            move=move,
            most_tokens=model.max_output_tokens,
            first_attempt=self.first_attempt,
        )
        response: ResponseBuilder | None = None
        try:
            call = caller.router.call(
                self.claimed.lane,
                self.history.add_to(request),
                context=self._build_context(started),
            )
            response = ResponseBuilder(
                claimed=self.claimed,
                deployment=call.deployment,
                turn=len(self.log.state.turns) + 1,
            )
            await caller.read(call, response, self.progress, started)
        except ProviderError as error:
            if response is not None and shorten_history(self.history, error, response):
                return None
            if response is not None:
                self.spent.append(caller.build_usage(response, started))
            output = None if response is None else response.build_checkpoint()
            usage = self._sum_usage()
            raise end_attempt(error, self.claimed, usage, self.history, output) from error
        except asyncio.CancelledError:
            if response is not None:
                self.spent.append(caller.build_interrupted_usage(response, started))
            raise
        self.spent.append(caller.build_usage(response, started))
        self.longest = max(self.longest, time.monotonic() - started)
        return response

    async def _end(self, response: ResponseBuilder, limit: str | None) -> Completion:
        """Check the last answer, and complete the subtask with it."""
        await self.loop.hub.flush_in_time()
        if not response.calls:
            try:
                await response.run_checks(self.loop.checker)
            except InvalidData as error:
                usage = self._sum_usage() or build_no_usage(response, seconds=self.elapsed)
                output = response.build_checkpoint()
                failure = build_invalid_failure(self.claimed, str(error), usage, output)
                raise WorkFailed(failure) from error
        return self._complete(response, limit)

    def _complete(self, response: ResponseBuilder, limit: str | None = None) -> Completion:
        cost = self.loop.caller.compute_cost(response)
        completion = response.build_completion(cost, seconds=self.elapsed)
        usage = self._sum_usage() or build_no_usage(response, seconds=self.elapsed)
        state = self.log.state
        output: dict[str, Any] = completion.output | {
            "turns": max(len(state.turns), response.turn or 0),
            "tools_used": describe_tools(state),
        }
        output["derived"] = output["derived"] | {
            "cost_usd": None if usage.cost_usd is None else str(usage.cost_usd)
        }
        if counts := count_outcomes(state.turns, self.unstored):
            output["derived"]["calls"] = counts
        callers = list(filter(self.offer.is_callers, response.calls))
        if invalid := count_invalid(state, first_attempt=self.first_attempt):
            output["invalid_calls"] = invalid
        if callers:
            output["tool_calls"] = [
                {"id": each.id, "name": each.name, "arguments": each.arguments} for each in callers
            ]
        if limit is not None:
            output["notes"] = [*output["notes"], LIMIT_NOTE.format(limit)]
        intent = response.done.intent if response.done else None
        if intent is not None and any(each.intent for each in state.turns):
            output["notes"] = [*output["notes"], INTENT_NOTE.format(intent)]
        exchange = build_exchange(self.claimed.params, state, "".join(response.text), callers)
        messages = response.build_messages(exchange)
        return completion.model_copy(
            update={"output": output, "usage": usage, "messages": messages}
        )

    async def _store_and_announce(self, turns: NewTurns) -> None:
        """Store turns, and report to watchers what tools gave."""
        await self.log.store(turns)
        for kind, body in turns:
            if kind == "result":
                self.progress.add_tool_result(
                    call_id=body["call_id"],
                    tool=body["tool"],
                    status=body["status"],
                    content=body["content"],
                    seconds=body["seconds"],
                    rejected=body.get("rejected"),
                )

    def _announce_calls(self) -> None:
        """Report to watchers which tools of ours the last stored answer calls.

        Of rejected calls they only get the result, which says why.
        """
        for call in self.log.state.turns[-1].calls:
            if call.call.rejection is not None or self.offer.is_callers(call.call):
                continue
            tool = self.offer.tools.get(call.call.name)
            self.progress.add_tool_call(
                call_id=call.key,
                tool=tool.name if tool else call.call.name[:100] or UNKNOWN_TOOL,
                source=tool.source if tool else UNKNOWN_SOURCE,
                arguments=self._redactor.redact_json(parse_arguments(call.call) or {}),
            )

    @property
    def elapsed(self) -> float:
        """Seconds since the attempt began."""
        return time.monotonic() - self.started

    @property
    def _redactor(self) -> Redactor:
        return self.loop.caller.router.keyring.get_redactor(shapes=True)

    def _build_context(self, now: float) -> CallContext:
        left = self.context.time_left
        if left is None:
            return self.context
        return replace(self.context, time_left=left - timedelta(seconds=now - self.started))

    def _compute_remaining(self) -> Remaining:
        task = self.claimed.task
        known = sum((each.cost_usd or 0 for each in self.spent), start=task.cost_usd or 0)
        # A loop that may ask for more money does not end before it has to.
        budget = None if task.is_budget_asked_for else task.budget_usd
        left = task.seconds_left
        return Remaining(
            usd=None if budget is None else float(budget - known),
            seconds=None if left is None else left - self.elapsed,
        )

    def _sum_usage(self) -> Usage | None:
        """Return what this attempt has used, with what became of the calls in its answers."""
        usage = sum_usage(self.spent, seconds=self.elapsed)
        own = [each for each in self.log.state.turns if each.attempt == self.claimed.attempt]
        counts = count_outcomes(own, self.unstored)
        if usage is None or not counts:
            return usage
        return usage.model_copy(update={"derived": usage.derived | {"calls": counts}})
