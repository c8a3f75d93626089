"""Reasons why a task waits."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from cogo.watch.format import describe_wait
from cogo.watch.why_waiting import explain_waiting
from protocol.records import AgentRecord, Attempt, SpendingStop, Subtask
from protocol.records.agents import SILENT_AFTER

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def a_subtask(**fields: Any) -> Subtask:
    base: dict[str, Any] = {
        "id": uuid4(),
        "task_id": uuid4(),
        "key": "main",
        "type": "CHAT",
        "lane": "a-model",
        "status": "queued",
        "attempt": 1,
        "failures": 0,
        "reaps": 0,
        "sink": True,
        "created_at": NOW,
    }
    return Subtask.model_validate(base | fields)


def an_agent(*lanes: str, seconds: float = 1) -> AgentRecord:
    return AgentRecord(
        id="a", kind="executor", capacity=1, lanes=list(lanes), silent_ms=int(seconds * 1000)
    )


def an_attempt(subtask: Subtask, error: dict[str, Any]) -> Attempt:
    return Attempt.model_validate(
        {
            "subtask_id": subtask.id,
            "attempt": 1,
            "task_id": subtask.task_id,
            "agent_id": "cio",
            "lane": "cio",
            "claimed_at": NOW,
            "outcome": "released",
            "error": error,
        }
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "approve", "key": "ship"}, "for a person to approve ship: `cogo approve "),
        ({"kind": "event", "key": "paid"}, "for the event paid: `cogo send "),
        ({"kind": "event", "params": {"name": "invoice-paid"}}, " invoice-paid`"),
        ({"kind": "task", "key": "child"}, "for the child task child"),
        (
            {"kind": "sleep", "key": "nap", "status": "delayed", "run_at": NOW},
            "nap sleeps until 2026-11-21 12:00:00",
        ),
        ({"lane": "tools:shop", "status": "queued"}, "start one that can run it"),
        ({"lane": "sandbox:python", "status": "queued"}, "`cogo sandbox status`"),
    ],
)
def test_a_step_waits_for_what_its_kind_says(fields: dict[str, Any], words: str) -> None:
    step = a_subtask(**({"status": "waiting", "lane": "wait"} | fields))

    [reason] = explain_waiting([step], [], [])

    assert words in reason


@pytest.mark.parametrize(
    ("lane", "agents", "words"),
    [
        ("a-model", [], "cogo serve executor"),
        ("a-model", [an_agent("another")], "a-model"),
        ("a-model", [an_agent("a-model", seconds=SILENT_AFTER.total_seconds() + 1)], "a-model"),
        ("a-model", [an_agent("a-model")], None),
        ("cio", [an_agent("a-model")], "cogo serve orchestrator"),
        ("cio", [an_agent("cio")], None),
    ],
)
def test_a_subtask_in_an_unserved_lane_reports_what_to_start(
    lane: str, agents: list[AgentRecord], words: str | None
) -> None:
    lines = list(explain_waiting([a_subtask(lane=lane)], [], agents))

    assert len(lines) == (words is not None)
    assert words is None or words in lines[0]


@pytest.mark.parametrize(
    ("lane", "says_so"),
    [
        ("a-model", True),
        ("tools:cogo.embeddings/e", True),
        ("tools:cogo.rerank/r", True),
        ("tools:shop", False),
        ("sandbox:python", False),
        ("cio", False),
    ],
)
def test_what_calls_a_model_waits_for_spending_to_be_resumed(lane: str, says_so: bool) -> None:
    stop = SpendingStop(since=NOW, who="key:k1", reason="a loop")

    lines = list(explain_waiting([a_subtask(lane=lane)], [], [an_agent(lane)], stop=stop))

    assert [line for line in lines if "resume-spending" in line] == (
        [
            "spending was stopped by key:k1 at 2026-11-21 12:00:00 UTC: a loop; "
            "`cogo resume-spending` lets it go on"
        ]
        if says_so
        else []
    )


def test_an_orchestrator_that_is_being_restarted_need_not_be_started() -> None:
    (line,) = explain_waiting([a_subtask(lane="cio")], [], [], is_up_running=True)

    assert "`cogo up` is restarting it" in line


def test_a_delayed_subtask_reports_until_when_and_why() -> None:
    subtask = a_subtask(status="delayed", run_at=NOW + timedelta(seconds=8), lane="cio")
    error = {"class": "no_model", "message": "no executor is alive", "hint": "start one"}

    (line,) = explain_waiting([subtask], [an_attempt(subtask, error)], [])

    assert line == "retried at 12:00:08: no executor is alive (start one)"


@pytest.mark.parametrize(("status", "words"), [("waiting", "approve main"), ("held", "resume")])
def test_a_subtask_that_waits_for_a_person_reports_it(status: str, words: str) -> None:
    (line,) = explain_waiting([a_subtask(status=status)], [], [])

    assert words in line


@pytest.mark.parametrize("status", ["running", "completed", "failed", "cancelled", "blocked"])
def test_running_and_blocked_subtasks_report_nothing(status: str) -> None:
    assert list(explain_waiting([a_subtask(status=status)], [], [])) == []


def test_a_suspended_workflow_waits_for_its_open_steps() -> None:
    flow = a_subtask(key="plan", kind="flow", lane="cio", status="blocked")
    steps = [
        a_subtask(key=key, status="running") for key in ("draft", "tests", "c", "d", "e", "f", "g")
    ]
    ended = a_subtask(key="old", status="completed")
    asked = a_subtask(key="deploy", kind="approve", status="waiting", lane="wait")

    [short] = explain_waiting([flow, *steps[:2], ended], [], [])
    [long] = explain_waiting([flow, *steps], [], [])

    [alone] = explain_waiting([flow, asked], [], [])
    assert alone.startswith("for a person to approve deploy")
    assert short == "the workflow waits for draft, tests"
    assert long == "the workflow waits for draft, tests, c, d, e and 2 more"


def test_a_step_that_waits_for_money_says_so() -> None:
    wait = describe_wait(uuid4(), "draft", None, cap="total::day")

    assert wait == "for more money than its budget (total::day) allows: `cogo approvals`"
