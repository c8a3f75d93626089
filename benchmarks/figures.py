"""Quantiles of samples."""

from collections.abc import Sequence


def quantiles(samples: Sequence[float]) -> dict[str, float | int]:
    """Return n, p50, p95 and max by nearest rank, without interpolation."""
    ordered = sorted(samples)
    last = len(ordered) - 1
    return {
        "n": len(ordered),
        "p50": round(ordered[last // 2], 3),
        "p95": round(ordered[min(last, round(last * 0.95))], 3),
        "max": round(ordered[-1], 3),
    }
