"""What the turns of one attempt cost, and what its tools did. Pure."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from agents.executor.tool_loop.limits import RAN
from agents.executor.tool_loop.state import LoopState
from protocol.records import Usage

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


def describe_tools(state: LoopState) -> list[dict[str, Any]]:
    """Return what was called, for the result."""
    used: dict[str, dict[str, Any]] = {}
    for call in state.iter_calls():
        body = call.result
        if body is None or call.status not in RAN:
            continue
        name = str(body.get("tool"))
        entry = used.setdefault(name, {"tool": name, "calls": 0, "errors": 0, "seconds": 0.0})
        entry["calls"] += 1
        entry["errors"] += call.status != "ok"
        seconds = body.get("seconds")
        entry["seconds"] += seconds if isinstance(seconds, int | float) else 0.0
    return [each | {"seconds": round(each["seconds"], 3)} for each in used.values()]


def count_invalid(state: LoopState) -> int:
    """Return how many calls could not be run as they were asked for."""
    return sum((each.result or {}).get("invalid") is True for each in state.iter_calls())


def _sum(usages: Sequence[Usage], read: Callable[[Usage], _N | None]) -> _N | None:
    total: _N | None = None
    for each in usages:
        value = read(each)
        if value is None:
            return None
        total = value if total is None else total + value
    return total
