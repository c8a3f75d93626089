"""`cogo stop-spending`, `resume-spending` and `actions`, and who a command acts for."""

import getpass
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from cogo.cli.admin.operate import describe_change
from cogo.cli.app import run
from embedded.state import State

Say = Callable[..., str]
ME = f"cli:{getpass.getuser()}@{socket.gethostname()}"


@pytest.fixture
def cogo(chosen_project: State, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run a command on an emptied project; return what it printed."""

    def say(*arguments: str, code: int | None = 0) -> str:
        assert run(arguments) == code or code is None
        printed = capsys.readouterr()
        return printed.out + printed.err

    return say


def read(said: str) -> Any:
    return json.loads(said.splitlines()[0])  # what follows is on standard error


def test_spending_is_stopped_and_resumed_and_everything_says_so(cogo: Say) -> None:
    stopped = cogo("stop-spending", "--reason", "a loop: é")
    again = cogo("stop-spending", "--cancel-running")
    said = cogo("submit", "Hello", "--type", "CHAT", "--no-wait")
    queue = cogo("queue")
    doctor = cogo("doctor", code=None)  # of what else this machine lacks
    resumed = cogo("resume-spending")
    twice = cogo("resume-spending")

    assert "spending is stopped" in stopped
    assert f"spending was stopped by {ME}" in again
    assert "a loop: é" in again
    assert "cogo resume-spending" in said
    assert "cogo resume-spending" in queue
    assert "cogo resume-spending" in doctor
    assert ("is resumed" in resumed, "was not stopped" in twice) == (True, True)
    actions = read(cogo("actions", "--kind", "spending", "--json"))
    assert [(each["who"], each["reason"], each["after"] is None) for each in actions] == [
        (ME, None, True),
        (ME, "a loop: é", False),
    ]


def test_actions_are_listed_with_filters_and_the_reason(cogo: Say) -> None:
    cogo("queue", "pause", "--lane", "model-a", "--reason", "too slow")
    cogo("queue", "limit", "--lane", "model-a", "--running", "3")
    cogo("budget", "set", "total", "20")
    cogo("models", "policy", "scored")
    key = read(cogo("keys", "create", "--name", "ci", "--json"))
    everything = cogo("actions", "--json")
    shown = cogo("actions", "--subject", "model-a")
    nobody = cogo("actions", "--who", "nobody")
    one = read(cogo("actions", "--limit", "1", "--json"))

    kinds = [each["kind"] for each in read(everything)]
    assert kinds == ["key", "policy", "budget", "lane", "lane"]
    assert {each["who"] for each in read(everything)} == {ME}
    assert key["key"] not in everything
    assert "max_running: null -> 3" in shown
    assert "too slow" in shown
    assert "no operator has done anything" in nobody
    assert [each["kind"] for each in one] == ["key"]
    assert cogo("actions", "--since", "soon", code=2)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (None, {"paused": True, "max_running": None}, "+ paused: true"),
        ({"paused": False}, {"paused": True}, "paused: false -> true"),
        ({"limit_usd": 1}, None, "- limit_usd: 1"),
        ({}, {}, ""),
        (None, {}, "+"),
        ({"a": "x"}, {"a": "y" * 500}, "a: x -> " + "y" * 192 + "..."),
    ],
)
def test_a_change_is_described_in_a_line(before: Any, after: Any, words: str) -> None:
    assert describe_change(before, after) == words
