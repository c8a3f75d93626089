"""Exponential backoff, for all waits that grow with repeated failures."""

import random

__all__ = ["compute_backoff"]

_MAX_DOUBLINGS = 32


def compute_backoff(
    failures: int, *, first: float, longest: float, jitter: random.Random | None = None
) -> float:
    """Return the seconds to wait after `failures` (at least 1) consecutive failures.

    The wait is `first`, then twice as long each time, and never more than `longest`. With `jitter`
    it is drawn between 0 and that (full jitter), so that clients do not retry simultaneously.
    """
    wait = min(first * 2 ** min(failures - 1, _MAX_DOUBLINGS), longest)
    return wait if jitter is None else jitter.uniform(0, wait)
