"""Which models fit, with how much context, and beside which others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogo.local_model.fit import (
    CONTEXT,
    LEAST_CONTEXT,
    Reservation,
    ServingPlan,
    Shortage,
    calculate_memory,
    calculate_room,
    choose_parallel,
    choose_quantization,
    find_disk_shortage,
    is_split,
    plan_serving,
)
from cogo.local_model.gguf import GgufFacts

GB = 10**9
FACTS = GgufFacts(context=32_768, kv_bytes=131_072, vocabulary=32_000)
SIZE = 4 * GB


def test_a_model_that_fits_has_the_usual_context_and_two_answers_at_once() -> None:
    plan = plan_serving(SIZE, FACTS, room=16 * GB)

    assert isinstance(plan, ServingPlan)
    assert (plan.context, plan.parallel) == (CONTEXT, 2)
    assert plan.memory == calculate_memory(SIZE, FACTS, context=CONTEXT, parallel=2)
    assert plan.memory > SIZE + 2 * CONTEXT * 131_072


def test_a_short_context_that_a_model_was_trained_for_is_not_exceeded() -> None:
    plan = plan_serving(SIZE, GgufFacts(context=1024, kv_bytes=1000), room=16 * GB)

    assert isinstance(plan, ServingPlan)
    assert plan.context == 1024


def test_with_less_memory_conversations_are_fewer_and_then_shorter() -> None:
    one = calculate_memory(SIZE, FACTS, context=CONTEXT, parallel=1)
    short = calculate_memory(SIZE, FACTS, context=LEAST_CONTEXT, parallel=1)

    assert plan_serving(SIZE, FACTS, room=one) == ServingPlan(
        context=CONTEXT, parallel=1, memory=one
    )
    assert plan_serving(SIZE, FACTS, room=short) == ServingPlan(
        context=LEAST_CONTEXT, parallel=1, memory=short
    )
    assert plan_serving(SIZE, FACTS, room=short - 1) == Shortage(needed=short, room=short - 1)


@given(
    free=st.integers(0, 64 * GB),
    sizes=st.lists(st.integers(1, 16 * GB), max_size=6),
    resident=st.lists(st.floats(0, 1), min_size=6, max_size=6),
)
def test_models_that_are_served_together_never_need_more_than_there_is(
    free: int, sizes: list[int], resident: list[float]
) -> None:
    """Whether what is promised is in use already, or only later, does not matter."""
    served: list[Reservation] = []
    used = 0
    for size, share in zip(sizes, resident, strict=False):
        plan = plan_serving(size, FACTS, room=calculate_room(free - used, served))
        if isinstance(plan, ServingPlan):
            now = round(plan.memory * share)
            used += now
            served.append(Reservation(alias=str(size), reserved=plan.memory, resident=now))

    assert sum(each.reserved for each in served) <= free


@pytest.mark.parametrize(
    ("alone", "together", "parallel"),
    [(20.0, 38.0, 2), (20.0, 26.0, 2), (20.0, 22.0, 1), (72.0, 61.0, 1), (0.0, 0.0, 2)],
)
def test_answers_at_once_are_worth_it_if_they_are_faster_together(
    alone: float, together: float, parallel: int
) -> None:
    assert choose_parallel(alone, together) == parallel


def test_the_largest_quantization_that_fits_is_chosen() -> None:
    sizes = [("m-Q2_K.gguf", 3 * GB), ("m-Q4_K_M.gguf", 4 * GB), ("m-Q8_0.gguf", 8 * GB)]

    assert choose_quantization(sizes, room=64 * GB) == "m-Q8_0.gguf"
    assert choose_quantization(sizes, room=6 * GB) == "m-Q4_K_M.gguf"
    assert choose_quantization(sizes, room=2 * GB) is None
    wide = [*sizes, ("m-F16.gguf", 16 * GB)]
    assert choose_quantization(wide, room=64 * GB) == "m-Q8_0.gguf"
    assert choose_quantization([("m-F16.gguf", GB)], room=64 * GB) == "m-F16.gguf"


def test_what_is_downloaded_already_needs_no_more_disk() -> None:
    assert find_disk_shortage(4 * GB, have=0, free=5 * GB) is None
    assert find_disk_shortage(4 * GB, have=3 * GB, free=2 * GB) is None
    lacking = find_disk_shortage(4 * GB, have=0, free=1 * GB)
    assert lacking is not None
    assert lacking > 3 * GB


def test_parts_of_a_model_are_known_by_their_names() -> None:
    assert is_split("big-Q4_K_M-00001-of-00003.gguf")
    assert not is_split("best-of-breed-Q4_K_M.gguf")
