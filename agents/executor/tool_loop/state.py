"""The state of a tool loop: what its stored turns say. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from protocol.records import StoredTurn, Usage
from providers.chat import FinishReason, Message, ToolCall
from providers.chat_json import read_message

_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,100}", re.ASCII)


class TurnsUnreadable(Exception):
    """The stored turns are none that this release can read."""


@dataclass(slots=True, kw_only=True)
class LoopCall:
    """A call that the model asked for."""

    key: str
    """Unique in the loop: the vendor's id, if that is short and new."""
    call: ToolCall
    has_begun: bool = False
    approval: Mapping[str, Any] | None = None
    """The answer of a person."""
    result: Mapping[str, Any] | None = None

    @property
    def status(self) -> str | None:
        """`ok`, `error`, `unknown` or `refused`, once there is a result."""
        return None if self.result is None else str(self.result.get("status"))

    @property
    def rejection(self) -> str | None:
        """The reason for which it is not run as it was written; None if it may be."""
        if self.call.rejection is not None:
            return self.call.rejection.reason
        rejected = None if self.result is None else self.result.get("rejected")
        return rejected if isinstance(rejected, str) else None


@dataclass(slots=True, kw_only=True)
class LoopTurn:
    """An answer of the model that calls tools, or announces a call."""

    message: Message
    body: Mapping[str, Any]
    usage: Usage | None
    calls: tuple[LoopCall, ...]
    attempt: int

    @property
    def is_bad(self) -> bool:
        """Whether all of its calls are rejected."""
        return bool(self.calls) and all(each.rejection for each in self.calls)

    @property
    def is_truncated(self) -> bool:
        """Whether one of its calls was cut at the limit of output tokens."""
        return self.is_cut and any(each.rejection == "truncated" for each in self.calls)

    @property
    def intent(self) -> str | None:
        """The tool that it announces and does not call."""
        intent = self.body.get("intent")
        return intent if isinstance(intent, str) and not self.calls else None

    @property
    def is_cut(self) -> bool:
        """Whether it was cut at the limit of output tokens, perhaps within arguments."""
        return self.body.get("finish_reason") == FinishReason.LENGTH

    @property
    def cost_usd(self) -> float | None:
        """The cost in dollars; None if that is unknown."""
        if self.usage is None or self.usage.cost_usd is None:
            return None
        return float(self.usage.cost_usd)


@dataclass(slots=True)
class LoopState:
    """All turns of a subtask, in order."""

    turns: list[LoopTurn] = field(default_factory=list)
    last_seq: int = 0
    """Of the last stored turn."""
    _calls: dict[str, LoopCall] = field(default_factory=dict)

    def add(self, turn: StoredTurn) -> None:
        """Add the next stored turn. Raises TurnsUnreadable."""
        self.last_seq = turn.seq
        body = turn.body
        if turn.kind == "answer":
            self._add_answer(turn)
            return
        call = self._calls.get(str(body.get("call_id")))
        if call is None:
            return  # the answer of a person to a call that was withdrawn
        match turn.kind:
            case "begun":
                call.has_begun = True
            case "result" if call.result is None:
                call.result = body
            case "approval" if call.approval is None:
                call.approval = body

    def iter_calls(self) -> Iterator[LoopCall]:
        """Yield all calls, in order."""
        for turn in self.turns:
            yield from turn.calls

    def list_open_calls(self) -> list[LoopCall]:
        """Return the calls that have no result."""
        return [each for each in self.iter_calls() if each.result is None]

    def build_keys(self, calls: Sequence[ToolCall]) -> list[str]:
        """Return the keys of the calls of a next answer."""
        taken = set(self._calls)
        keys = []
        for place, call in enumerate(calls, start=1):
            key = call.id
            if _PLAIN_ID.fullmatch(key) is None or key in taken:
                key = f"turn{len(self.turns) + 1}.{place}"
            while key in taken:  # a vendor may have used this very name
                key += "+"
            taken.add(key)
            keys.append(key)
        return keys

    def _add_answer(self, turn: StoredTurn) -> None:
        body = turn.body
        try:
            message = read_message(body["message"])
            stated = body.get("usage")
            usage = None if stated is None else Usage.model_validate(stated)
        except (KeyError, TypeError, ValueError, ValidationError) as error:
            raise TurnsUnreadable(f"turn {self.last_seq} cannot be read: {error}") from error
        calls = tuple(
            LoopCall(key=key, call=call)
            for key, call in zip(
                self.build_keys(message.tool_calls), message.tool_calls, strict=True
            )
        )
        self._calls |= {each.key: each for each in calls}
        self.turns.append(
            LoopTurn(message=message, body=body, usage=usage, calls=calls, attempt=turn.attempt)
        )


def read_loop_state(turns: Sequence[StoredTurn]) -> LoopState:
    """Return the state after stored turns. Raises TurnsUnreadable."""
    state = LoopState()
    for each in turns:
        state.add(each)
    return state
