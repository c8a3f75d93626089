"""The tool loop of one attempt: plans a move, makes it, stores what came of it, and so on."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final, assert_never

from pydantic import JsonValue

from agents.executor.failure_policy import end_attempt, shorten_history
from agents.executor.model_calls import ModelCaller
from agents.executor.output_checks import Checker
from agents.executor.progress import Progress, ProgressHub
from agents.executor.response import ResponseBuilder
from agents.executor.steps.calls import NOT_BEGUN
from agents.executor.structured import InvalidData, build_invalid_failure
from agents.executor.tool_loop.arguments import find_mistakes
from agents.executor.tool_loop.conversation import build_exchange, build_loop_request
from agents.executor.tool_loop.limits import Remaining
from agents.executor.tool_loop.moves import (
    AskModel,
    AwaitPeople,
    HandToCaller,
    RunCalls,
    parse_arguments,
    plan_move,
)
from agents.executor.tool_loop.offer import LoopOffer, LoopSettings, build_offer
from agents.executor.tool_loop.permission import find_tools
from agents.executor.tool_loop.spending import count_invalid, describe_tools, sum_usage
from agents.executor.tool_loop.state import LoopTurn
from agents.executor.tool_loop.tool_runs import ToolRunner, build_context
from agents.executor.tool_loop.turn_log import NewTurns, TurnLog
from agents.memory.conversation import History
from agents.runtime.agent import Agent
from agents.runtime.attempt import WorkFailed, WorkInterrupted
from agents.runtime.wakeup import Drain
from agents.tools.toolbox import Toolbox
from protocol.records import (
    ClaimedSubtask,
    Completion,
    ErrorInfo,
    Failure,
    FailureAction,
    ToolWait,
    Usage,
)
from providers.calls.middleware import CallContext
from providers.chat import ChatRequest, Done, FinishReason, Message, ToolCall
from providers.chat_json import write_message
from providers.errors import ProviderError
from providers.secrets import Redactor

LIMIT_NOTE: Final = "The model was asked to answer without more tools, as it had reached {}."
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
        )
        match move:
            case AskModel(limit=limit):
                return await self._ask(limit)
            case RunCalls():
                self.progress.begin_turn(len(state.turns))
                context = build_context(self.claimed, self.request)
                await self.loop.runner.run(move, self._store_and_announce, context, self._redactor)
                return None
            case AwaitPeople(questions=questions):
                wait = ToolWait(approvals=list(questions))
                return Completion(ref=self.claimed.ref, usage=self._sum_usage(), wait=wait)
            case HandToCaller(turn=turn):
                return self._complete(self._rebuild_response(turn))
            case _ as unreachable:
                assert_never(unreachable)

    async def _ask(self, limit: str | None) -> Completion | None:
        """Request the next turn; store it if it calls tools that run here."""
        state = self.log.state
        self.progress.begin_turn(len(state.turns) + 1)
        if state.turns and self.loop.drain.begun.is_set():
            raise WorkFailed(_build_handing_back(self.claimed))
        response = await self._call_model(limit)
        is_last = limit is not None or not response.calls
        if is_last or all(self.offer.is_callers(each.name) for each in response.calls):
            if limit is not None:
                response.calls.clear()  # it was told that none would be run
            has_reasoned = response.done is not None and response.done.replay is not None
            if response.calls and (state.turns or has_reasoned):
                # The caller may send this answer back, and the model then needs what led to it.
                await self.log.store([("answer", self._build_answer(response, self.spent[-1]))])
            return await self._end(response, limit)
        usage = self.spent[-1]
        await self.log.store([("answer", self._build_answer(response, usage))])
        self._announce_calls()
        return None

    async def _call_model(self, limit: str | None) -> ResponseBuilder:
        """Call the model. Raises WorkFailed, WorkWaits, and CancelledError."""
        while (response := await self._try_to_call_model(limit)) is None:
            pass
        return response

    async def _try_to_call_model(self, limit: str | None) -> ResponseBuilder | None:
        """Call the model; return None if it may be called again, with less of the conversation."""
        caller, started = self.loop.caller, time.monotonic()
        model = caller.router.catalogue.get_model(self.claimed.lane)
        request = build_loop_request(
            self.request,
            self.log.state,
            self.offer,
            self.settings,
            sees=model.takes("image") is True,
            limit=limit,
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
            raise end_attempt(error, self.claimed, self._sum_usage(), self.history) from error
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
                usage = self._sum_usage() or self._build_no_usage(response)
                failure = build_invalid_failure(self.claimed, str(error), usage)
                raise WorkFailed(failure) from error
        return self._complete(response, limit)

    def _complete(self, response: ResponseBuilder, limit: str | None = None) -> Completion:
        seconds = time.monotonic() - self.started
        cost = self.loop.caller.compute_cost(response)
        completion = response.build_completion(cost, seconds=seconds)
        usage = self._sum_usage() or self._build_no_usage(response)
        state = self.log.state
        output: dict[str, Any] = completion.output | {
            "turns": max(len(state.turns), response.turn or 0),
            "tools_used": describe_tools(state),
        }
        output["derived"] = output["derived"] | {
            "cost_usd": None if usage.cost_usd is None else str(usage.cost_usd)
        }
        callers = [each for each in response.calls if self.offer.is_callers(each.name)]
        if invalid := count_invalid(state):
            output["invalid_calls"] = invalid
        if callers:
            output["tool_calls"] = [
                {"id": each.id, "name": each.name, "arguments": each.arguments} for each in callers
            ]
        if limit is not None:
            output["notes"] = [*output["notes"], LIMIT_NOTE.format(limit)]
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
                )

    def _announce_calls(self) -> None:
        """Report to watchers which tools of ours the last stored answer calls."""
        for call in self.log.state.turns[-1].calls:
            if self.offer.is_callers(call.call.name):
                continue
            tool = self.offer.tools.get(call.call.name)
            self.progress.add_tool_call(
                call_id=call.key,
                tool=tool.name if tool else call.call.name[:100],
                source=tool.source if tool else UNKNOWN_SOURCE,
                arguments=self._redactor.redact_json(parse_arguments(call) or {}),
            )

    @property
    def _redactor(self) -> Redactor:
        return self.loop.caller.router.keyring.get_redactor(shapes=True)

    def _build_answer(self, response: ResponseBuilder, usage: Usage) -> dict[str, JsonValue]:
        """Return the body of an answer as it is stored."""
        done = response.done
        message = Message(
            role="assistant",
            content="".join(response.text),
            tool_calls=self._name_calls(response.calls),
            replay=done.replay if done else None,
        )
        return {
            "message": write_message(message),
            "usage": usage.model_dump(mode="json"),
            "finish_reason": usage.finish_reason,
            "provider": usage.provider,
            "notes": list(done.notes) if done else [],
        }

    def _name_calls(self, calls: Sequence[ToolCall]) -> tuple[ToolCall, ...]:
        """Return calls with different ids, which vendors require of what is sent back to them."""
        ids = [each.id for each in calls]
        if all(ids) and len(set(ids)) == len(ids):
            return tuple(calls)
        keys = self.log.state.build_keys(calls)
        return tuple(replace(each, id=key) for each, key in zip(calls, keys, strict=True))

    def _rebuild_response(self, turn: LoopTurn) -> ResponseBuilder:
        """Return a stored answer that calls tools of the caller as it was."""
        found = self.loop.caller.router.list_deployments(self.claimed.lane)
        same = [each for each in found if each.provider == turn.body.get("provider")]
        notes = turn.body.get("notes")
        reason = FinishReason.LENGTH if turn.is_cut else FinishReason.TOOL_CALLS
        return ResponseBuilder(
            claimed=self.claimed,
            deployment=(same or found)[0],
            text=[turn.message.content],
            calls=list(turn.message.tool_calls),
            done=Done(
                finish_reason=reason,
                vendor_finish_reason=reason,
                notes=tuple(map(str, notes)) if isinstance(notes, list) else (),
            ),
        )

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
            seconds=None if left is None else left - (time.monotonic() - self.started),
        )

    def _sum_usage(self) -> Usage | None:
        return sum_usage(self.spent, seconds=time.monotonic() - self.started)

    def _build_no_usage(self, response: ResponseBuilder) -> Usage:
        """Return the usage of an attempt that has asked for nothing."""
        return Usage(
            model_id=self.claimed.lane,
            provider=response.deployment.provider,
            input_tokens=0,
            cached_tokens=0,
            output_tokens=0,
            reasoning_tokens=0,
            cost_usd=0,
            duration_ms=round((time.monotonic() - self.started) * 1000),
            finish_reason=response.done.finish_reason if response.done else None,
            simulated=response.deployment.simulated,
        )


def _build_handing_back(claimed: ClaimedSubtask) -> Failure:
    """Return the failure with which an agent that stops hands back a loop, at once."""
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(
            class_=NOT_BEGUN, message="The agent stopped between two turns of a tool loop."
        ),
        action=FailureAction.SNOOZE,
        retry_after=timedelta(0),
    )
