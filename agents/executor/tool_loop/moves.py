"""The next move of a tool loop, which follows from its state. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from pydantic import JsonValue

from agents.executor.tool_loop.limits import (
    ASK_PERSON,
    Remaining,
    count_calls,
    count_free_rows,
    count_rows,
    find_limit,
)
from agents.executor.tool_loop.offer import LoopOffer
from agents.executor.tool_loop.state import LoopCall, LoopState, LoopTurn
from agents.tools.params import ToolLimits
from agents.tools.toolbox import OfferedTool
from protocol.json_values import find_json_problem
from protocol.records import ToolQuestion

UNKNOWN_OUTCOME: Final = (
    "This call began, and whoever ran it has died before its end was recorded: whether it took "
    "effect is unknown. It is not run again by itself. Find out what has happened before you "
    "decide."
)
_CUT: Final = (
    "It was not run: your answer was cut at the limit of output tokens, perhaps within this call. "
    "Write less in one answer."
)
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
    is_invalid: bool = False
    """Whether there is no such tool, or the arguments are none for it."""


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


LoopMove: TypeAlias = AskModel | RunCalls | AwaitPeople | HandToCaller


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
) -> LoopMove:
    """Return what to do next. `mistakes` says what is wrong with arguments, by key of the call."""
    if not state.turns:
        return AskModel()
    last = state.turns[-1]
    found = _Sorted()
    room = limits.calls - count_calls(state)
    rows = count_free_rows(state)
    for call in last.calls:
        if call.result is None and not offer.is_callers(call.call.name):
            rows -= count_rows(call, offer.tools.get(call.call.name))
            if rows < 0:
                break  # what becomes of it could not be stored, so it is left without a result
            _sort_call(call, last, offer, found, (mistakes or {}).get(call.key), room=room)
    if found.replies or found.runs:
        return RunCalls(replies=found.replies, runs=found.runs)
    if found.questions:
        return AwaitPeople(questions=found.questions)
    if any(offer.is_callers(each.call.name) for each in last.calls):
        return HandToCaller(turn=last)
    limit = find_limit(state, limits, remaining or Remaining(), turn_seconds=turn_seconds)
    return AskModel(limit=limit)


def _sort_call(
    call: LoopCall,
    turn: LoopTurn,
    offer: LoopOffer,
    found: _Sorted,
    mistake: str | None,
    *,
    room: int,
) -> None:
    """Decide what becomes of a call of ours without a result."""
    tool = offer.tools.get(call.call.name)
    if tool is None:
        there = ", ".join([*offer.tools, *sorted(offer.client)]) or "none"
        text = f"There is no tool named {call.call.name[:100]}. The tools are: {there}."
        found.replies.append(_refuse(call, call.call.name[:100], text))
    elif turn.is_cut:
        found.replies.append(_reply(call, tool.name, "error", _CUT))
    elif call.has_begun and not tool.is_idempotent:
        found.replies.append(_reply(call, tool.name, "unknown", UNKNOWN_OUTCOME))
    elif (arguments := parse_arguments(call)) is None:
        text = "The arguments are not one JSON object. Nothing was run; call it again with one."
        found.replies.append(_refuse(call, tool.name, text))
    elif mistake is not None:
        text = f"The arguments do not fit its schema: {mistake}. Nothing was run."
        found.replies.append(_refuse(call, tool.name, text))
    elif len(found.runs) + len(found.questions) >= room:
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


def parse_arguments(call: LoopCall) -> dict[str, Any] | None:
    """Return the arguments of a call, or None if they are no JSON object."""
    text = call.call.arguments
    if not text.strip():
        return {}  # some models write nothing for a tool without parameters
    try:
        arguments = json.loads(text)
    except (ValueError, RecursionError):
        return None
    # Infinity is JSON for Python, and what is nested too deeply can be shown to nobody.
    is_readable = isinstance(arguments, dict) and find_json_problem(arguments) is None
    return arguments if is_readable else None


def _limit_shown(value: dict[str, JsonValue]) -> JsonValue:
    """Return what a person sees of a call; the text of it, cut, if it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return value if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "... (cut)"


def _get_comment(call: LoopCall) -> str:
    comment = (call.approval or {}).get("comment")
    return comment.strip() if isinstance(comment, str) else ""


def _reply(call: LoopCall, tool: str, status: Status, content: str) -> CallReply:
    return CallReply(call=call, tool=tool, status=status, content=content)


def _refuse(call: LoopCall, tool: str, content: str) -> CallReply:
    """Return the reply to a call that cannot be run as it is."""
    return CallReply(call=call, tool=tool, status="error", content=content, is_invalid=True)
