"""Calls that cannot be run as the model wrote them, and what follows from answers full of them.

A rejected call is answered as a failed tool, with what was wrong and how to call rightly, and the
calls beside it run. The second answer in a row in which all calls are rejected is followed by a
demand for a call; after `MAX_BAD_ANSWERS` of them the model is not asked again. All of this follows
from the stored turns, so whoever goes on with a loop decides the same.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from agents.executor.output_checks import Checker
from agents.executor.tool_loop.offer import LoopOffer
from agents.executor.tool_loop.state import LoopState, LoopTurn
from agents.runtime.failed_attempts import read_error_class
from agents.tools.toolbox import OfferedTool
from protocol.json_schema import check_schema
from protocol.json_values import find_json_problem
from protocol.records import ClaimedSubtask
from providers.chat import STRUCTURED, CallRejection, ToolCall
from providers.errors import BadToolCalls

MAX_BAD_ANSWERS: Final = 3
"""In a row: another model is better then."""
DEMAND_AFTER: Final = 2
_MAX_MISTAKE: Final = 1_000
_MAX_SCHEMA: Final = 2_000
_MAX_QUOTED: Final = 500


def parse_arguments(call: ToolCall) -> dict[str, Any] | None:
    """Return the arguments of a call, or None if they are no JSON object."""
    if not call.arguments.strip():
        return {}  # some models write nothing for a tool without parameters
    try:
        arguments = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return None
    # Infinity is JSON for Python, and what is nested too deeply can be shown to nobody.
    is_readable = isinstance(arguments, dict) and find_json_problem(arguments) is None
    return arguments if is_readable else None


async def find_mistakes(state: LoopState, offer: LoopOffer, checker: Checker) -> dict[str, str]:
    """Return what is wrong with the arguments of calls without a result, by their keys.

    The schema of a tool comes from its server; one that cannot be used accepts all.
    """
    found = {}
    for call in state.list_open_calls():
        tool, arguments = offer.tools.get(call.call.name), parse_arguments(call.call)
        if tool is None or arguments is None or call.call.rejection is not None:
            continue
        if check_schema(tool.parameters) is not None:
            continue
        mistake = await checker.find_mismatch(tool.parameters, dict(arguments))
        if mistake is not None:
            found[call.key] = mistake[:_MAX_MISTAKE]
    return found


def check_call(
    call: ToolCall, turn: LoopTurn, offer: LoopOffer, mistake: str | None
) -> CallRejection | tuple[OfferedTool, dict[str, Any]]:
    """Return the tool and the arguments of a call, or why it must not be run.

    `mistake` is what is wrong with its arguments.
    """
    tool, arguments = offer.tools.get(call.name), parse_arguments(call)
    if call.rejection is not None:
        return call.rejection
    if tool is None:
        name = call.name[:100]
        return CallRejection(reason="unknown_tool", detail=f"There is no tool named {name}")
    # A call that was read from text is whole, and so are those beside one that an adapter rejects.
    is_examined = call.form != STRUCTURED or any(each.call.rejection for each in turn.calls)
    if turn.is_cut and not is_examined:
        return CallRejection(
            reason="truncated",
            detail="Your answer was cut at the limit of output tokens, perhaps within this call",
        )
    if arguments is None:
        return CallRejection(reason="malformed", detail="The arguments are not one JSON object")
    if mistake is not None:
        detail = f"The arguments do not fit its schema: {mistake}"
        return CallRejection(reason="schema", detail=detail)
    return tool, arguments


def explain_rejection(call: ToolCall, rejection: CallRejection, offer: LoopOffer) -> str:
    """Return what a model reads of a call that was not run: why, and how to call rightly."""
    parts = [f"It was not run. {rejection.detail.strip().removesuffix('.')[:_MAX_MISTAKE]}."]
    # Markup is not quoted: a model that repeats it in its answer would seem to call once more.
    if call.form == STRUCTURED and parse_arguments(call) is None:
        parts.append(f"You wrote: {_shorten(call.arguments.strip(), _MAX_QUOTED)}")
    names = ", ".join([*offer.tools, *sorted(offer.client)]) or "none"
    schema = _find_schema(call.name, offer)
    if rejection.reason == "truncated":
        parts.append("Call it again in full, and write less beside it.")
    elif schema is None:
        parts.append(f"The tools are: {names}.")
    else:
        parts.append("Call it again with one JSON object as its arguments.")
        text = json.dumps(schema, ensure_ascii=False)
        if rejection.reason == "schema" and len(text) <= _MAX_SCHEMA:
            parts.append(f"It must follow this JSON Schema: {text}")
    return "\n".join(parts)


def asks_for(intent: str, state: LoopState) -> bool:
    """Return whether to ask for a call of a tool that an answer announces: once in a loop.

    Not if this tool has run: then such a sentence mostly says what was done.
    """
    has_run = any(
        each.call.name == intent and each.rejection is None and each.status is not None
        for each in state.iter_calls()
    )
    return not has_run and not any(each.intent for each in state.turns)


def find_first_attempt(claimed: ClaimedSubtask) -> int:
    """Return the first attempt whose answers count for or against this model now.

    Those of other models do not, nor those for which it has been given up already.
    """
    over = (
        each.attempt
        for each in claimed.history
        if each.model_id not in {None, claimed.lane} or read_error_class(each) == BadToolCalls.code
    )
    return max(over, default=0) + 1


def count_bad_answers(state: LoopState, *, first_attempt: int) -> int:
    """Return how many answers at the end had only rejected calls.

    One that was cut is asked for again with more room, which is not counted.
    """
    bad = list_bad_turns(state, first_attempt=first_attempt)
    return len(bad) - any(each.is_truncated for each in bad)


def list_bad_turns(state: LoopState, *, first_attempt: int) -> Sequence[LoopTurn]:
    """Return the answers at the end that had only rejected calls, the last one first."""
    found = []
    for turn in reversed(state.turns):
        if turn.attempt < first_attempt or not (turn.is_bad or turn.intent):
            break
        if turn.is_bad:
            found.append(turn)
    return found


def build_bad_calls_error(turns: Sequence[LoopTurn], *, model: str) -> BadToolCalls:
    """Return the error of a model that has called nothing that could be run; the last one first."""
    reasons = Counter(each.rejection for turn in turns for each in turn.calls)
    counted = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items(), key=str))
    last = turns[0].calls[-1]
    text = str((last.result or {}).get("content") or "").partition("\n")[0]
    return BadToolCalls(
        str(turns[0].body.get("provider") or model),
        f"{model} has called no tool as it must be called in {len(turns)} answers in a row "
        f"({counted}). The last call: {_shorten(last.call.name, 100) or 'without a name'}. {text}",
    )


def _find_schema(name: str, offer: LoopOffer) -> Mapping[str, Any] | None:
    tool = offer.tools.get(name) or offer.client.get(name)
    return None if tool is None else tool.parameters


def _shorten(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + "..."
