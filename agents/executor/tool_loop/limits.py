"""Limits: when a loop must end, and how a model is told. Pure."""

import math
from dataclasses import dataclass
from typing import Final

from agents.executor.tool_loop.state import LoopCall, LoopState
from agents.tools.params import ToolLimits
from agents.tools.toolbox import OWN, OfferedTool

RAN: Final = frozenset({"ok", "error", "unknown"})
"""Results of calls that count."""
ASK_PERSON: Final = f"{OWN}ask_person"
"""The tool whose result is the answer of a person."""
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
    if len(state.turns) >= limits.turns:
        return f"the limit of {limits.turns} turns with tool calls"
    if count_calls(state) >= limits.calls:
        return f"the limit of {limits.calls} tool calls"
    if tool_seconds >= limits.seconds:
        return f"the limit of {limits.seconds:g} seconds for tools"
    if count_free_rows(state) < _ROWS_OF_A_TURN:
        return f"the limit of {MAX_STORED_TURNS} stored turns"
    if limits.usd is not None and total and total + dearest >= limits.usd:
        return f"the limit of ${limits.usd:g} for this loop"
    if remaining.usd is not None and dearest and 2 * dearest >= remaining.usd:
        return "the budget of the task"
    if remaining.seconds is not None and state.turns and 2 * turn_seconds >= remaining.seconds:
        return "the deadline of the task"
    return None


def _read_seconds(result: object) -> float:
    seconds = result.get("seconds") if isinstance(result, dict) else None
    return float(seconds) if isinstance(seconds, int | float) and seconds > 0 else 0.0
