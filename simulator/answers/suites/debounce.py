"""Tests of a debounce decorator."""

import threading

import pytest

from simulator.answers.programs.debounce import debounce


def test_only_the_last_of_several_calls_is_made() -> None:
    seen: list[str] = []
    called = threading.Event()

    @debounce(0.5)
    def save(text: str) -> None:
        seen.append(text)
        called.set()

    for text in ("a", "ab", "abc"):
        save(text)

    assert called.wait(10)
    assert seen == ["abc"]


def test_a_debounced_call_does_not_wait() -> None:
    called = threading.Event()

    debounce(60)(called.set)()

    assert not called.is_set()


def test_a_negative_wait_is_refused() -> None:
    with pytest.raises(ValueError):
        debounce(-1)
