"""What a subtask said is put together right, from whatever arrives in whatever order."""

import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.streams.transcript import Voice

TEXT = "The quick brown fox jumps over the lazy dog"


@given(seed=st.integers(), lost=st.sets(st.integers(0, 10)), read_at=st.integers(0, len(TEXT)))
def test_no_order_no_loss_and_no_repetition_changes_the_text(
    seed: int, lost: set[int], read_at: int
) -> None:
    voice = Voice()
    pieces = [(at, TEXT[at : at + 4]) for at in range(0, len(TEXT), 4)]
    heard = [piece for number, piece in enumerate(pieces) if number not in lost] * 2
    random.Random(seed).shuffle(heard)  # noqa: S311 - an order, no secret

    for offset, delta in heard:
        voice.hear(attempt=1, kind="text", offset=offset, delta=delta)
        assert TEXT.startswith(voice.said("text"))
    voice.read(attempt=1, text=TEXT[:read_at], reasoning="")
    assert TEXT.startswith(voice.said("text"))
    voice.read(attempt=1, text=TEXT, reasoning="")

    assert voice.said("text") == TEXT
    assert not voice.has_gap


def test_a_later_attempt_begins_anew_and_an_earlier_one_is_not_heard() -> None:
    voice = Voice()
    voice.hear(attempt=1, kind="text", offset=0, delta="old")

    voice.hear(attempt=2, kind="text", offset=0, delta="new")
    voice.hear(attempt=1, kind="text", offset=3, delta="er")
    voice.read(attempt=1, text="older", reasoning="")

    assert (voice.attempt, voice.said("text")) == (2, "new")


@pytest.mark.parametrize("kind", ["text", "reasoning"])
def test_text_and_reasoning_are_counted_apart(kind: str) -> None:
    voice = Voice()

    voice.hear(attempt=1, kind="reasoning", offset=0, delta="because")
    voice.hear(attempt=1, kind="text", offset=0, delta="yes")

    assert (
        voice.said("text" if kind == "text" else "reasoning")
        == {
            "text": "yes",
            "reasoning": "because",
        }[kind]
    )


def test_a_delta_costs_as_much_as_it_is_long_however_much_was_said_before() -> None:
    voice, said = Voice(), 200_000
    voice.read(attempt=1, text="x" * said, reasoning="")
    allocated = 0

    tracemalloc.start()
    for offset in range(said, said + 2_000, 20):
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        voice.hear(attempt=1, kind="text", offset=offset, delta="y" * 20)
        assert voice.said("text", after=offset) == "y" * 20
        allocated += tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()

    assert allocated < 10 * said  # a hundred copies of the text would be 100 * said
