"""The next move of a tool loop, which follows from its state. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from pydantic import JsonValue

from agents.executor.tool_loop.limits import (
    ASK_PERSON,
    Remaining,
    can_afford_more,
    count_calls,
    count_free_rows,
    count_rows,
    find_limit,
    is_stuck,
)
from agents.executor.tool_loop.offer import LoopOffer
from agents.executor.tool_loop.rejections import (
    DEMAND_AFTER,
    MAX_BAD_ANSWERS,
    check_call,
    count_bad_answers,
    explain_rejection,
)
from agents.executor.tool_loop.state import LoopCall, LoopState, LoopTurn
from agents.tools.params import ToolLimits
from agents.tools.toolbox import OfferedTool
from protocol.records import ToolQuestion
from providers.chat import CallRejection

UNKNOWN_OUTCOME: Final = (
    "This call began, and whoever ran it has died before its end was recorded: whether it took "
    "effect is unknown. It is not run again by itself. Find out what has happened before you "
    "decide."
)
_REPEATED: Final = (
    "It was not run: you have made this very call again and again, and its result was the same. "
    "Answer with what you have."
)
UNKNOWN_TOOL: Final = "unknown"
"""In place of the name of a call that has none."""
_MAX_QUESTION: Final = 2_000
_MAX_SHOWN: Final = 20_000

Status = Literal["ok", "error", "unknown", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReply:
    """A result that no tool gives."""

    call: LoopCall
    tool: str
    status: Status
    content: str
    rejected: str | None = None
    """The reason if the call cannot be run as it was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRun:
    """A call to run."""

    call: LoopCall
    tool: OfferedTool
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskModel:
    """Request the next answer; without tools once a limit is reached."""

    limit: str | None = None
    is_call_demanded: bool = False
    """Whether the model must call a tool, as its calls until now could not be run."""
    needs_room: bool = False
    """Whether the answer may be longer, as the last one was cut within a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCalls:
    """Store replies, and run calls at the same time."""

    replies: Sequence[CallReply] = ()
    runs: Sequence[CallRun] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitPeople:
    """End the attempt until persons have answered."""

    questions: Sequence[ToolQuestion]


@dataclass(frozen=True, slots=True, kw_only=True)
class HandToCaller:
    """End with the calls that the caller of the gateway runs."""

    turn: LoopTurn


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveModelUp:
    """End the attempt: the model cannot call tools as they must be called."""


LoopMove: TypeAlias = AskModel | RunCalls | AwaitPeople | HandToCaller | GiveModelUp


@dataclass(slots=True)
class _Sorted:
    replies: list[CallReply] = field(default_factory=list)
    runs: list[CallRun] = field(default_factory=list)
    questions: list[ToolQuestion] = field(default_factory=list)


def plan_move(
    state: LoopState,
    offer: LoopOffer,
    limits: ToolLimits,
    *,
    mistakes: Mapping[str, str] | None = None,
    remaining: Remaining | None = None,
    turn_seconds: float = 0.0,
    first_attempt: int = 1,
) -> LoopMove:
    """Return what to do next.

    `mistakes` says what is wrong with arguments, by key of the call. Rejected calls of answers
    before `first_attempt` do not count.
    """
    if not state.turns:
        return AskModel()
    last = state.turns[-1]
    found = _Sorted()
    room = limits.calls - count_calls(state)
    rows = count_free_rows(state)
    for call in last.calls:
        if call.result is None and not offer.is_callers(call.call):
            rows -= count_rows(call, offer.tools.get(call.call.name))
            if rows < 0:
                break  # what becomes of it could not be stored, so it is left without a result
            if is_stuck(state):
                found.replies.append(_reply(call, _name_tool(call, offer), "refused", _REPEATED))
            else:
                _sort_call(call, last, offer, found, (mistakes or {}).get(call.key), room=room)
    if found.replies or found.runs:
        return RunCalls(replies=found.replies, runs=found.runs)
    if found.questions:
        return AwaitPeople(questions=found.questions)
    if any(offer.is_callers(each.call) for each in last.calls):
        return HandToCaller(turn=last)
    bad = count_bad_answers(state, first_attempt=first_attempt)
    if bad >= MAX_BAD_ANSWERS:
        return GiveModelUp()
    left = remaining or Remaining()
    if (limit := find_limit(state, limits, left, turn_seconds=turn_seconds)) is not None:
        return AskModel(limit=limit)
    return AskModel(
        is_call_demanded=bad >= DEMAND_AFTER,
        needs_room=last.is_truncated and can_afford_more(state, limits, left),
    )


def _sort_call(
    call: LoopCall,
    turn: LoopTurn,
    offer: LoopOffer,
    found: _Sorted,
    mistake: str | None,
    *,
    room: int,
) -> None:
    """Decide what becomes of a call without a result that is not the caller's."""
    tool = offer.tools.get(call.call.name)
    if call.has_begun and tool is not None and not tool.is_idempotent:
        found.replies.append(_reply(call, tool.name, "unknown", UNKNOWN_OUTCOME))
        return
    checked = check_call(call.call, turn, offer, mistake)
    if isinstance(checked, CallRejection):
        found.replies.append(_reject(call, checked, offer))
        return
    tool, arguments = checked
    if len(found.runs) + len(found.questions) >= room:
        text = "It was not run: the limit of tool calls is reached. Answer with what you have."
        found.replies.append(_reply(call, tool.name, "refused", text))
    elif tool.name == ASK_PERSON:
        _sort_question(call, tool, arguments, found)
    elif not tool.needs_approval:
        found.runs.append(CallRun(call=call, tool=tool, arguments=arguments))
    elif call.approval is None:
        found.questions.append(_build_question(call, tool, arguments))
    elif call.approval.get("approved") is True:
        found.runs.append(CallRun(call=call, tool=tool, arguments=arguments))
    else:
        text = "A person has refused this call. It was not run."
        if comment := _get_comment(call):
            text += f" They say: {comment}"
        found.replies.append(_reply(call, tool.name, "refused", text))


def _sort_question(
    call: LoopCall, tool: OfferedTool, arguments: Mapping[str, Any], found: _Sorted
) -> None:
    """Return the question to put to a person, or the answer that one has given."""
    if call.approval is not None:
        said = _get_comment(call) or ("yes" if call.approval.get("approved") is True else "no")
        found.replies.append(_reply(call, tool.name, "ok", said))
        return
    question = str(arguments.get("question") or "").strip()[:_MAX_QUESTION]
    rest: dict[str, JsonValue] = {
        name: value for name, value in arguments.items() if name != "question"
    }
    found.questions.append(
        ToolQuestion(
            call_id=call.key,
            question=question or "The model has a question, but has not said which.",
            show=_limit_shown(rest) if rest else None,
        )
    )


def _build_question(
    call: LoopCall, tool: OfferedTool, arguments: Mapping[str, Any]
) -> ToolQuestion:
    return ToolQuestion(
        call_id=call.key,
        question=f"May the model run the tool {tool.name}?",
        show=_limit_shown({"tool": tool.name, "arguments": dict(arguments)}),
        **dict(tool.approval),
    )


def _limit_shown(value: dict[str, JsonValue]) -> JsonValue:
    """Return what a person sees of a call; the text of it, cut, if it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return value if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "... (cut)"


def _get_comment(call: LoopCall) -> str:
    comment = (call.approval or {}).get("comment")
    return comment.strip() if isinstance(comment, str) else ""


def _reply(call: LoopCall, tool: str, status: Status, content: str) -> CallReply:
    return CallReply(call=call, tool=tool, status=status, content=content)


def _reject(call: LoopCall, rejection: CallRejection, offer: LoopOffer) -> CallReply:
    """Return the reply to a call that cannot be run as it is."""
    return CallReply(
        call=call,
        tool=_name_tool(call, offer),
        status="error",
        content=explain_rejection(call.call, rejection, offer),
        rejected=rejection.reason,
    )


def _name_tool(call: LoopCall, offer: LoopOffer) -> str:
    tool = offer.tools.get(call.call.name)
    return tool.name if tool else call.call.name[:100] or UNKNOWN_TOOL
