import random

from protocol.backoff import compute_backoff


def test_waits_double_up_to_the_longest() -> None:
    waits = [compute_backoff(failures, first=0.5, longest=3) for failures in range(1, 6)]

    assert waits == [0.5, 1, 2, 3, 3]


def test_many_failures_wait_no_longer() -> None:
    assert compute_backoff(10_000, first=0.25, longest=10) == 10


def test_jitter_draws_between_nothing_and_the_whole_wait() -> None:
    chance = random.Random(1)  # noqa: S311 - jitter

    waits = [compute_backoff(9, first=1, longest=8, jitter=chance) for _ in range(1_000)]

    assert 0 <= min(waits) < 0.1
    assert 7.9 < max(waits) <= 8
