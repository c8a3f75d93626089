"""Samples in, quantiles out."""

from collections.abc import Sequence


def quantiles(samples: Sequence[float]) -> dict[str, float | int]:
    """Give n, p50, p95 and max; the sample at the rank, nothing between two samples is invented."""
    ordered = sorted(samples)
    last = len(ordered) - 1
    return {
        "n": len(ordered),
        "p50": round(ordered[last // 2], 3),
        "p95": round(ordered[min(last, round(last * 0.95))], 3),
        "max": round(ordered[-1], 3),
    }
