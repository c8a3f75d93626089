"""The simulator's tests pass for its programs, and fail for the bugs of weaker models."""

from collections.abc import Callable
from typing import Any

import pytest

from agents.extraction.answer import extract_code
from simulator.answers.flaws import FLAWS, write_program
from simulator.answers.programs import NAMES, PROGRAMS
from simulator.answers.suites import SUITES
from simulator.answers.text import write_answer

SMALL, MEDIUM, STRONG = "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"
REPAIR = "\n\nThis code was written for it:\n\nIt was run, and failed:\n\ntest_a"


def run_suite(program: str, suite: str) -> list[bool]:
    """Run the tests of a suite; return which of them passed."""
    names: dict[str, Any] = {"__name__": "pasted"}
    exec(compile(f"{program}\n\n{suite}", "answer.py", "exec"), names)  # noqa: S102 — our own texts
    return [passes(test) for name, test in names.items() if name.startswith("test_")]


def passes(test: Callable[[], None]) -> bool:
    try:
        test()
    except Exception:  # noqa: BLE001 — wrong programs raise anything
        return False
    return True


@pytest.mark.parametrize("name", NAMES)
def test_a_program_passes_its_tests(name: str) -> None:
    passed = run_suite(PROGRAMS[name], SUITES[name])

    assert len(passed) >= 3
    assert all(passed)


@pytest.mark.parametrize("name", sorted(FLAWS))
def test_a_bug_fails_some_tests_and_not_all(name: str) -> None:
    assert PROGRAMS[name].count(FLAWS[name].right) == 1

    passed = run_suite(write_program(name, model=SMALL, request="Write it"), SUITES[name])

    assert any(passed)
    assert not all(passed)


@pytest.mark.parametrize(
    ("name", "model", "first", "repaired"),
    [
        ("binary_search", SMALL, False, True),
        ("binary_search", MEDIUM, False, True),
        ("binary_search", STRONG, True, True),
        ("lru_cache", SMALL, False, False),
        ("lru_cache", "fireworks/gpt-oss-20b", False, False),
        ("lru_cache", MEDIUM, False, False),
        ("lru_cache", STRONG, True, True),
        ("palindrome", SMALL, True, True),
    ],
)
def test_weaker_models_make_bugs_and_repair_those_that_are_not_hard(
    name: str, model: str, first: bool, repaired: bool
) -> None:
    draft = write_program(name, model=model, request="Write it")
    repair = write_program(name, model=model, request=f"Write it{REPAIR}")

    assert (draft == PROGRAMS[name], repair == PROGRAMS[name]) == (first, repaired)


@pytest.mark.parametrize(
    ("task", "name"), [("Write is_palindrome(text)", "palindrome"), ("An LRU cache", "lru_cache")]
)
def test_a_request_for_tests_gets_tests_that_say_they_are_simulated(task: str, name: str) -> None:
    request = f"Write tests for this task, in python:\n\n<task>\n{task}\n</task>"

    answer = write_answer(request, seed=1, context="Answer with one fenced code block")

    extracted = extract_code(answer)
    assert answer.startswith("Simulated answer (no model was asked): these are tests of")
    assert extracted.code is not None
    assert SUITES[name].strip() in extracted.code
    assert "Simulated: " in extracted.code
    assert "simulator.answers" not in extracted.code


def test_tests_in_a_request_for_code_are_not_taken_for_a_request_for_tests() -> None:
    request = "Write a palindrome check\n\nTests that the code must pass:\n\nwrite tests"

    assert "def is_palindrome" in write_answer(request, seed=1)
