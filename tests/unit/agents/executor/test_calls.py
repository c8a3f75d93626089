"""Calls of tools in an executor: what is run again, and what must not be."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents.executor.steps.calls import may_have_begun
from agents.runtime.options import RuntimeOptions
from agents.runtime.wakeup import Drain
from agents.tools.host import ToolHost
from agents.tools.loading import ToolDescription
from protocol.errors import StoreUnavailable
from protocol.records import ClaimedSubtask, EarlierAttempt, FailureAction
from tests.support.agents.fake_store import FakeStore
from tests.support.agents.subtasks import a_subtask
from tests.unit.agents.executor.calls import REAPED, RELEASED, run_calls

TOOLS = """
import time
from pathlib import Path

from cogo.workflows import tool


@tool
def pay(file: str) -> str:
    with Path(file).open("a") as log:
        log.write("paid\\n")
    return "paid"


@tool(idempotent=True, retries=1)
def look(file: str) -> int:
    with Path(file).open("a") as log:
        log.write("looked\\n")
    return len(Path(file).read_text())


@tool(idempotent=True, retries=1)
def fail() -> None:
    raise ValueError("no such order")


@tool
def hang(file: str) -> None:
    Path(file).touch()
    time.sleep(600)
"""
UNKNOWN = {"attempt": 2, "outcome": "failed", "error": {"class": "outcome_unknown"}}


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[ToolHost]:
    (tmp_path / "tools_of_calls.py").write_text(TOOLS, "utf-8")
    async with ToolHost(modules=["tools_of_calls"], folders=[tmp_path]) as host:
        assert not host.problems
        yield host


def a_call(name: str, *history: dict[str, Any], **arguments: Any) -> ClaimedSubtask:
    return a_subtask(
        key=name,
        kind="call",
        lane="tools:tools_of_calls",
        attempt=len(history) + 1,
        failures=sum(each["outcome"] == "failed" for each in history),
        params={"module": "tools_of_calls", "name": name, "arguments": arguments},
        history=list(history),
    )


async def test_a_call_is_completed_with_its_result(host: ToolHost, tmp_path: Path) -> None:
    store = FakeStore(queue=[a_call("look", file=str(tmp_path / "log"))])

    await run_calls(store, host, lambda: store.completed)

    assert store.completed[0].output == {"value": 7, "text": "look returned 7"}
    assert store.completed[0].usage is None


@pytest.mark.parametrize(
    ("name", "history", "runs"),
    [
        ("pay", [REAPED], False),
        ("pay", [RELEASED], True),
        ("pay", [REAPED, RELEASED], False),
        ("pay", [REAPED, UNKNOWN], True),
        ("look", [REAPED], True),
        ("look", [REAPED, REAPED], True),
    ],
)
async def test_what_may_have_had_its_effect_is_not_run_again_unless_it_is_idempotent(
    name: str, history: list[dict[str, Any]], runs: bool, host: ToolHost, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    store = FakeStore(queue=[a_call(name, *history, file=str(log))])

    await run_calls(store, host, lambda: store.completed or store.failed)

    assert log.exists() is runs
    assert len(store.completed) == runs
    if not runs:
        [failure] = store.failed
        assert failure.error.class_ == "outcome_unknown"
        assert failure.action is FailureAction.GIVE_UP


FAILED = {"attempt": 1, "outcome": "failed", "error": {"class": "tool_failed"}}


@pytest.mark.parametrize(
    ("call", "error_class", "action"),
    [
        (a_call("fail"), "tool_failed", FailureAction.RETRY),
        (a_call("fail", FAILED), "tool_failed", FailureAction.GIVE_UP),
        (a_call("pay", files=1), "invalid_arguments", FailureAction.GIVE_UP),
        (a_call("gone"), "unknown_tool", FailureAction.RETRY),
    ],
)
async def test_failures_of_calls(
    call: ClaimedSubtask, error_class: str, action: FailureAction, host: ToolHost
) -> None:
    store = FakeStore(queue=[call])

    await run_calls(store, host, lambda: store.failed)

    [failure] = store.failed
    assert (failure.error.class_, failure.action) == (error_class, action)


@pytest.mark.parametrize(("granted", "runs"), [(["{}.*", "{}/*"], True), (["other.pay"], False)])
async def test_the_owner_needs_a_grant_for_a_function(
    granted: list[str], runs: bool, host: ToolHost
) -> None:
    call = a_call("fail")
    names = [each.format(call.params["module"]) for each in granted]
    store = FakeStore(queue=[call.model_copy(update={"tools_granted": names})])

    await run_calls(store, host, lambda: store.failed)

    [failure] = store.failed
    assert failure.error.class_ == ("tool_failed" if runs else "not_granted")


async def test_a_call_that_the_end_of_the_agent_cuts_off_has_an_unknown_outcome(
    host: ToolHost, tmp_path: Path
) -> None:
    store = FakeStore(queue=[a_call("hang", file=str(tmp_path / "log"))])

    await run_calls(store, host, (tmp_path / "log").exists)

    [failure] = store.failed
    assert failure.error.class_ == "outcome_unknown"
    assert "the agent stopped" in failure.error.message
    assert store.released == ["agent"]


async def test_a_call_whose_cut_off_cannot_be_recorded_is_not_released(
    host: ToolHost, tmp_path: Path
) -> None:
    store = FakeStore(queue=[a_call("hang", file=str(tmp_path / "log"))])

    def cut() -> None:
        store.errors["fail_subtask"] = StoreUnavailable("it is away")

    await run_calls(store, host, (tmp_path / "log").exists, then=cut)

    assert not store.failed
    assert not store.released
    assert store.records[-1].stopped_at is not None


async def test_an_agent_that_stops_hands_back_what_has_not_begun(
    host: ToolHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The drain comes after the claim, while the process of the function is being started."""
    drain = Drain()
    log = tmp_path / "log"
    store = FakeStore(queue=[a_call("pay", file=str(log))])
    find_tool = host.find_tool

    def find_late(module: str, name: str) -> ToolDescription:
        drain.begin()
        return find_tool(module, name)

    monkeypatch.setattr(host, "find_tool", find_late)

    await run_calls(store, host, lambda: store.failed, drain=drain)

    [failure] = store.failed
    assert failure.action is FailureAction.SNOOZE
    assert not log.exists()
    snoozed = EarlierAttempt(attempt=1, outcome="released", error={"class": failure.error.class_})
    assert not may_have_begun([snoozed])


async def test_heartbeats_list_the_lanes_of_tools(host: ToolHost) -> None:
    store = FakeStore()

    await run_calls(store, host, lambda: any(each.lanes for each in store.records))

    record = next(each for each in store.records if each.lanes)
    assert record.lanes == ["tools:tools_of_calls"]
    assert record.capacity == RuntimeOptions().capacity + 2
