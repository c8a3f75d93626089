"""Fibonacci numbers."""

from collections.abc import Iterator


def fibonacci(n: int) -> int:
    """Return the n-th Fibonacci number, where the zeroth is 0.

    Takes n additions and constant space. Raises ValueError when n is negative.
    """
    if n < 0:
        raise ValueError(f"n must not be negative, got {n}")
    current, following = 0, 1
    for _ in range(n):
        current, following = following, current + following
    return current


def fibonacci_numbers() -> Iterator[int]:
    """Yield 0, 1, 1, 2, 3, 5, ... without end."""
    current, following = 0, 1
    while True:
        yield current
        current, following = following, current + following
