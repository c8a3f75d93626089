"""The concurrency limit of a deployment: how it falls and rises."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.calls.concurrency import AdaptiveLimit


def test_throttling_halves_the_limit_once_for_all_running_calls() -> None:
    limit = AdaptiveLimit(16)

    for _ in range(5):
        limit.on_throttle(began=0, now=1)

    assert limit.limit == 8
    limit.on_throttle(began=2, now=3)
    assert limit.limit == 4


async def test_it_is_full_with_exactly_as_many_calls_as_it_holds() -> None:
    limit = AdaptiveLimit(8, limit=3.9)
    for call in range(3):
        async with asyncio.timeout(5):
            await limit.acquire(call)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await limit.acquire("one more")

    assert limit.running == 3


def test_only_a_call_that_began_after_the_limit_was_cut_changes_it_again() -> None:
    limit = AdaptiveLimit(16)
    limit.on_throttle(began=0, now=5)

    limit.on_throttle(began=4.99, now=6)
    assert limit.limit == 8
    limit.on_throttle(began=5, now=7)
    assert limit.limit == 4


def test_latency_means_nothing_before_the_eleventh_answer() -> None:
    sizes = []
    for before in (9, 10):
        limit = AdaptiveLimit(16)
        for number in range(before):
            limit.on_success(0.2, began=number, now=number + 1)
        limit.on_success(60.0, began=before, now=before + 1)
        sizes.append(limit.limit)

    assert sizes[0] == 16
    assert sizes[1] < 16


def test_answers_give_it_back_little_by_little_up_to_the_maximum() -> None:
    limit = AdaptiveLimit(8, limit=2)

    sizes = []
    for number in range(60):
        limit.on_success(0.1, began=number, now=number + 1)
        sizes.append(limit.limit)

    assert sizes == sorted(sizes)
    assert sizes[:2] == [2.5, 2.9]  # one place more for each round of answers
    assert sizes[-1] == 8


def test_a_first_token_that_takes_much_longer_than_usual_shrinks_it() -> None:
    limit = AdaptiveLimit(16)
    for number in range(100):
        limit.on_success(0.2, began=number, now=number + 1)
    assert limit.limit == 16

    for number in range(100, 110):
        limit.on_success(5.0, began=number, now=number + 1)

    assert limit.limit < 16


@pytest.mark.parametrize(("seconds", "expected"), [(10.5, 16), (10.6, 16 * 0.9)])
def test_much_longer_is_more_than_three_times_as_long(seconds: float, expected: float) -> None:
    limit = AdaptiveLimit(16)
    for number in range(10):
        limit.on_success(1.0, began=number, now=number + 1)

    limit.on_success(seconds, began=10, now=11)

    # 10.52 makes the average of the last few 3.857 and the one of many 1.286.
    assert limit.limit == expected


@given(st.lists(st.tuples(st.sampled_from(["ok", "slow", "no"]), st.floats(0, 60))))
def test_it_never_leaves_its_bounds(events: list[tuple[str, float]]) -> None:
    limit, now = AdaptiveLimit(5), 0.0
    for kind, seconds in events:
        now += 1
        if kind == "no":
            limit.on_throttle(began=now - 0.5, now=now)
        else:
            limit.on_success(seconds, began=now - 0.5, now=now)
        assert 1 <= limit.limit <= 5
