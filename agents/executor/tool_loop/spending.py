"""What the turns of one attempt cost, and what its tools did. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from agents.executor.response import ResponseBuilder
from agents.executor.tool_loop.limits import RAN
from agents.executor.tool_loop.state import LoopState, LoopTurn
from protocol.records import Usage
from providers.chat import STRUCTURED, ToolCall

_N = TypeVar("_N", int, Decimal)


def sum_usage(usages: Sequence[Usage], *, seconds: float) -> Usage | None:
    """Return the usage of all turns of an attempt; what is unknown of one is unknown of all."""
    if not usages:
        return None
    last = usages[-1]
    return last.model_copy(
        update={
            "input_tokens": _sum(usages, lambda each: each.input_tokens),
            "cached_tokens": _sum(usages, lambda each: each.cached_tokens),
            "output_tokens": _sum(usages, lambda each: each.output_tokens),
            "reasoning_tokens": _sum(usages, lambda each: each.reasoning_tokens),
            "cost_usd": _sum(usages, lambda each: each.cost_usd),
            "first_token_ms": usages[0].first_token_ms,
            "duration_ms": round(seconds * 1000),
            "derived": {**last.derived, "turns": len(usages)} if len(usages) > 1 else last.derived,
        }
    )


def build_no_usage(response: ResponseBuilder, *, seconds: float) -> Usage:
    """Return the usage of an attempt that has asked for nothing."""
    return Usage(
        model_id=response.claimed.lane,
        provider=response.deployment.provider,
        input_tokens=0,
        cached_tokens=0,
        output_tokens=0,
        reasoning_tokens=0,
        cost_usd=Decimal(),
        duration_ms=round(seconds * 1000),
        finish_reason=response.done.finish_reason if response.done else None,
        simulated=response.deployment.simulated,
    )


def describe_tools(state: LoopState) -> list[dict[str, Any]]:
    """Return what was called, for the result. `count_outcomes` counts rejected calls."""
    used: dict[str, dict[str, Any]] = {}
    for call in state.iter_calls():
        body = call.result
        if body is None or call.status not in RAN or call.rejection is not None:
            continue
        name = str(body.get("tool"))
        entry = used.setdefault(name, {"tool": name, "calls": 0, "errors": 0, "seconds": 0.0})
        entry["calls"] += 1
        entry["errors"] += call.status != "ok"
        seconds = body.get("seconds")
        entry["seconds"] += seconds if isinstance(seconds, int | float) else 0.0
    return [each | {"seconds": round(each["seconds"], 3)} for each in used.values()]


def count_invalid(state: LoopState, *, first_attempt: int) -> int:
    """Return how many calls of this model could not be run as they were asked for."""
    own = (each for each in state.turns if each.attempt >= first_attempt)
    return sum(call.rejection is not None for each in own for call in each.calls)


def count_outcomes(turns: Iterable[LoopTurn], more: Iterable[ToolCall] = ()) -> dict[str, Any]:
    """Return how many calls were clean, repaired, rejected (by reason) and read from text.

    Those of stored answers, and `more` of one that is not stored. Empty without any call.
    """
    calls = [(each.call, each.rejection) for turn in turns for each in turn.calls]
    calls += [(each, each.rejection.reason if each.rejection else None) for each in more]
    if not calls:
        return {}
    rejected = Counter(reason for _, reason in calls if reason is not None)
    good = [call for call, reason in calls if reason is None]
    return {
        "clean": sum(not each.repairs for each in good),
        "repaired": sum(bool(each.repairs) for each in good),
        "rejected": dict(rejected),
        "text": sum(call.form != STRUCTURED for call, _ in calls),
    }


def _sum(usages: Sequence[Usage], read: Callable[[Usage], _N | None]) -> _N | None:
    total: _N | None = None
    for each in usages:
        value = read(each)
        if value is None:
            return None
        total = value if total is None else total + value
    return total
