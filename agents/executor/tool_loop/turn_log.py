"""The log of a loop: its turns are stored in order, under the fence, before the loop goes on."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal, TypeAlias, cast

from pydantic import JsonValue

from agents.executor.response import ResponseBuilder
from agents.executor.steps.calls import UNREADABLE_TURNS
from agents.executor.tool_loop.state import (
    LoopState,
    LoopTurn,
    TurnsUnreadable,
    read_loop_state,
)
from agents.runtime.agent import Agent
from agents.runtime.attempt import WorkFailed
from agents.runtime.retry import retry_until_answered
from protocol.errors import OutOfRange, Refused
from protocol.json_values import make_storable
from protocol.records import (
    ClaimedSubtask,
    ErrorInfo,
    Failure,
    FailureAction,
    NewTurn,
    StoredTurn,
    TurnBatch,
    Usage,
)
from providers.catalogue.deployment import Deployment
from providers.chat import Done, FinishReason, Message, ToolCall
from providers.chat_json import write_message

TurnKind = Literal["answer", "begun", "result"]
NewTurns: TypeAlias = Sequence[tuple[TurnKind, Mapping[str, Any]]]
StoreTurns: TypeAlias = Callable[[NewTurns], Awaitable[None]]
_MAX_REJECTED: Final = 16_000
"""Characters of a rejected call."""
_CLASSES: Final = {"stale": "lease_lost", "cancel": "cancelled", "invalid": "not_stored"}


class TurnLog:
    """Stores the turns of one attempt, one call at a time, and keeps the state after them."""

    def __init__(self, agent: Agent, claimed: ClaimedSubtask) -> None:
        self._agent = agent
        self._claimed = claimed
        self._free = asyncio.Lock()
        self.state = LoopState()

    async def read(self) -> None:
        """Read what earlier attempts have stored. Raises WorkFailed if it cannot be read."""
        if not self._claimed.turns:
            return
        try:
            stored = await retry_until_answered(
                lambda: self._agent.store.fetch_turns(subtask_id=self._claimed.subtask_id),
                what="the turns of a subtask",
                jitter=self._agent.jitter,
            )
            self.state = read_loop_state(stored)
        except (TurnsUnreadable, OutOfRange) as error:
            raise self._fail(UNREADABLE_TURNS, str(error)) from error

    async def store(self, turns: NewTurns) -> None:
        """Store turns, all or none, and add them to the state.

        Raises WorkFailed if the attempt must stop, or if the database refuses them.
        """
        if not turns:
            return
        async with self._free:
            first = self.state.last_seq + 1
            new: list[NewTurn] = []
            try:
                new += [
                    NewTurn(seq=seq, kind=kind, body=_make_body(body))
                    for seq, (kind, body) in enumerate(turns, start=first)
                ]
                answer, detail = await self._send(new)
            except (OutOfRange, Refused) as error:
                answer, detail = "invalid", str(error)
            if answer != "ok":
                raise self._fail(_CLASSES[answer], detail or answer)
            for each in new:
                self.state.add(
                    StoredTurn(
                        seq=each.seq,
                        kind=each.kind,
                        attempt=self._claimed.attempt,
                        body=dict(each.body),
                    )
                )

    async def _send(self, turns: list[NewTurn]) -> tuple[str, str | None]:
        batch = TurnBatch(ref=self._claimed.ref, turns=turns)
        [answer] = await retry_until_answered(
            lambda: self._agent.store.store_turns(agent_id=self._agent.identity.id, items=[batch]),
            what="the turns of a subtask",
            jitter=self._agent.jitter,
        )
        return answer.answer, answer.detail

    def _fail(self, error_class: str, message: str) -> WorkFailed:
        return WorkFailed(
            Failure(
                ref=self._claimed.ref,
                error=ErrorInfo(class_=error_class, message=f"The turns of the loop: {message}"),
                action=FailureAction.GIVE_UP,
            )
        )


def build_stored_answer(
    response: ResponseBuilder, usage: Usage, state: LoopState
) -> dict[str, JsonValue]:
    """Return the body of an answer as it is stored after `state`."""
    done = response.done
    message = Message(
        role="assistant",
        content="".join(response.text),
        tool_calls=_name_calls(response.calls, state),
        replay=done.replay if done else None,
    )
    body: dict[str, JsonValue] = {
        "message": write_message(message),
        "usage": usage.model_dump(mode="json"),
        "finish_reason": usage.finish_reason,
        "provider": usage.provider,
        "notes": list(done.notes) if done else [],
    }
    if not response.calls and done is not None and done.intent is not None:
        body["intent"] = done.intent
    return body


def rebuild_response(
    turn: LoopTurn, claimed: ClaimedSubtask, deployments: Sequence[Deployment]
) -> ResponseBuilder:
    """Return a stored answer that calls tools of the caller as it was."""
    same = [each for each in deployments if each.provider == turn.body.get("provider")]
    notes = turn.body.get("notes")
    reason = FinishReason.LENGTH if turn.is_cut else FinishReason.TOOL_CALLS
    return ResponseBuilder(
        claimed=claimed,
        deployment=(same or list(deployments))[0],
        text=[turn.message.content],
        calls=list(turn.message.tool_calls),
        done=Done(
            finish_reason=reason,
            vendor_finish_reason=reason,
            notes=tuple(map(str, notes)) if isinstance(notes, list) else (),
        ),
    )


def _name_calls(calls: Sequence[ToolCall], state: LoopState) -> tuple[ToolCall, ...]:
    """Return calls with different ids, which vendors require of what is sent back to them.

    What is rejected is cut: it may be the endless text of a model that has lost its way.
    """
    calls = [
        replace(each, arguments=each.arguments[:_MAX_REJECTED]) if each.rejection else each
        for each in calls
    ]
    ids = [each.id for each in calls]
    if all(ids) and len(set(ids)) == len(ids):
        return tuple(calls)
    keys = state.build_keys(calls)
    return tuple(replace(each, id=key) for each, key in zip(calls, keys, strict=True))


def _make_body(body: Mapping[str, Any]) -> dict[str, JsonValue]:
    return cast("dict[str, JsonValue]", make_storable(cast("JsonValue", dict(body))))
