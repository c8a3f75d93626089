"""Limits: when a loop must end, and how a model is told. Pure."""

import math
from dataclasses import dataclass
from typing import Final

from agents.executor.tool_loop.state import LoopCall, LoopState, LoopTurn
from agents.tools.params import ToolLimits
from agents.tools.toolbox import OWN, OfferedTool

RAN: Final = frozenset({"ok", "error", "unknown"})
"""Results of calls that count."""
ASK_PERSON: Final = f"{OWN}ask_person"
"""The tool whose result is the answer of a person."""
MAX_SAME_ANSWERS: Final = 3
"""In a row, if they make the same calls and get the same results."""
MAX_STORED_TURNS: Final = 1_000
"""What the database keeps of a subtask."""
_ROWS_OF_A_TURN: Final = 4
"""An answer that calls one tool, the approval of a person, the beginning, and the result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """What the task has left for this loop, beside the limits of its params. None: no limit."""

    usd: float | None = None
    seconds: float | None = None
    """Until the deadline."""


def count_calls(state: LoopState) -> int:
    """Return how many calls have taken place."""
    return sum(each.status in RAN for each in state.iter_calls())


def count_free_rows(state: LoopState) -> int:
    """Return how many turns can still be stored."""
    return MAX_STORED_TURNS - state.last_seq


def count_rows(call: LoopCall, tool: OfferedTool | None) -> int:
    """Return how many turns a call without a result may still need; None: it is no tool."""
    if tool is None or call.has_begun:
        return 1
    is_for_people = tool.needs_approval or tool.name == ASK_PERSON
    return 1 + (not tool.is_idempotent) + (is_for_people and call.approval is None)


def is_stuck(state: LoopState) -> bool:
    """Return whether the last answer makes the very calls of those before it once more.

    So it does from the fourth on, if these calls had the same results each time.
    """
    last = state.turns[-1:]
    before = state.turns[-1 - MAX_SAME_ANSWERS : -1]
    if not last or not last[0].calls or len(before) < MAX_SAME_ANSWERS:
        return False
    asked = {_describe_calls(each) for each in (*before, *last)}
    given = {tuple(describe_outcome(call) for call in each.calls) for each in before}
    have_run = all(
        call.status in RAN and call.rejection is None for each in before for call in each.calls
    )
    return len(asked) == 1 == len(given) and have_run


def describe_outcome(call: LoopCall) -> tuple[str, str]:
    """Return what is equal for results that are equal."""
    return str(call.status), str((call.result or {}).get("content"))


def _describe_calls(turn: LoopTurn) -> tuple[tuple[str, str], ...]:
    return tuple((each.call.name, each.call.arguments.strip()) for each in turn.calls)


def can_afford_more(state: LoopState, limits: ToolLimits, remaining: Remaining) -> bool:
    """Return whether the next answer may cost twice as much as the most expensive until now."""
    spent = [each.cost_usd or 0.0 for each in state.turns]
    total, dearest = math.fsum(spent), max(spent, default=0.0)
    if limits.usd is not None and total + 3 * dearest >= limits.usd:
        return False
    return remaining.usd is None or not dearest or 3 * dearest < remaining.usd


def double_tokens(limit: int | None, *, used: int | None, most: int | None) -> int | None:
    """Return twice the limit of output tokens that has cut an answer of `used` tokens.

    `most` is the model's own limit.
    """
    base = limit or used
    if base is None or (most is not None and base >= most):
        return limit
    return 2 * base if most is None else min(2 * base, most)


def find_limit(
    state: LoopState, limits: ToolLimits, remaining: Remaining, *, turn_seconds: float = 0.0
) -> str | None:
    """Return the limit that the loop has reached, as the end of a sentence, or None.

    It leaves enough for one last turn, as expensive and as slow as the longest until now.
    `turn_seconds` is how long that took.
    """
    spent = [each.cost_usd or 0.0 for each in state.turns]
    total, dearest = math.fsum(spent), max(spent, default=0.0)
    tool_seconds = math.fsum(_read_seconds(each.result) for each in state.iter_calls())
    limit_usd, usd, left = limits.usd, remaining.usd, remaining.seconds
    reached = {
        f"the limit of {MAX_SAME_ANSWERS} equal answers with equal results": is_stuck(state),
        f"the limit of {limits.turns} turns with tool calls": len(state.turns) >= limits.turns,
        f"the limit of {limits.calls} tool calls": count_calls(state) >= limits.calls,
        f"the limit of {limits.seconds:g} seconds for tools": tool_seconds >= limits.seconds,
        f"the limit of {MAX_STORED_TURNS} stored turns": count_free_rows(state) < _ROWS_OF_A_TURN,
        f"the limit of ${limit_usd or 0:g} for this loop": (
            limit_usd is not None and total > 0 and total + dearest >= limit_usd
        ),
        "the budget of the task": usd is not None and dearest > 0 and 2 * dearest >= usd,
        "the deadline of the task": (
            left is not None and bool(state.turns) and 2 * turn_seconds >= left
        ),
    }
    return next((limit for limit, is_reached in reached.items() if is_reached), None)


def _read_seconds(result: object) -> float:
    seconds = result.get("seconds") if isinstance(result, dict) else None
    return float(seconds) if isinstance(seconds, int | float) and seconds > 0 else 0.0
