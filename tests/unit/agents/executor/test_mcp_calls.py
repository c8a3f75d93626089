"""Calls of tools of MCP servers by workflows: results, what is run again, and approvals."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from agents.tools.host import ToolHost
from agents.tools.mcp import McpHost
from protocol.errors import OutOfRange
from protocol.records import ClaimedSubtask, FailureAction, StoredTurn
from tests.support.agents.fake_store import FakeStore
from tests.support.agents.subtasks import a_subtask
from tests.support.mcp.hosts import a_host, a_hostile_server
from tests.unit.agents.executor.calls import REAPED, RELEASED, run_calls

SUSPENDED = {"attempt": 1, "outcome": "suspended"}


@pytest.fixture
async def mcp(tmp_path: Path) -> AsyncIterator[McpHost]:
    server = a_hostile_server(tmp_path / "log", approval=frozenset({"inject"}))
    async with a_host(server) as host:
        await host.list_tools()
        yield host


def a_call(name: str, *history: dict[str, Any], turns: int = 0) -> ClaimedSubtask:
    return a_subtask(
        key="step",
        kind="call",
        lane="tools:mcp.bad",
        attempt=len(history) + 1,
        failures=sum(each["outcome"] == "failed" for each in history),
        turns=turns,
        params={"module": "mcp.bad", "name": name, "arguments": {"text": "hello"}},
        history=list(history),
    )


async def run(store: FakeStore, mcp: McpHost) -> None:
    await run_calls(store, ToolHost(), lambda: store.completed or store.failed, mcp=mcp)


async def test_a_tool_of_a_server_gives_its_value(mcp: McpHost) -> None:
    store = FakeStore(queue=[a_call("echo")])

    await run(store, mcp)

    assert store.completed[0].output == {
        "value": "hello", "text": 'mcp:bad/echo returned "hello"',
    }  # fmt: skip
    assert "tools:mcp.bad" in next(each.lanes for each in store.records if each.lanes)


async def test_images_are_named(mcp: McpHost) -> None:
    store = FakeStore(queue=[a_call("image")])

    await run(store, mcp)

    assert store.completed[0].output["value"] == {"content": "", "images": ["image/png, 8 bytes"]}


@pytest.mark.parametrize(
    ("call", "error_class", "action"),
    [
        (a_call("says_error"), "tool_failed", FailureAction.GIVE_UP),
        (a_call("die"), "outcome_unknown", FailureAction.GIVE_UP),
        (a_call("leak", REAPED), "outcome_unknown", FailureAction.GIVE_UP),
        (a_call("gone"), "unknown_tool", FailureAction.RETRY),
    ],
)
async def test_failures_of_calls(
    call: ClaimedSubtask, error_class: str, action: FailureAction, mcp: McpHost, tmp_path: Path
) -> None:
    store = FakeStore(queue=[call])

    await run(store, mcp)

    [failure] = store.failed
    assert (failure.error.class_, failure.action) == (error_class, action)
    assert (tmp_path / "log").exists() is (call.params["name"] in {"says_error", "die"})


@pytest.mark.parametrize(("name", "history"), [("echo", [REAPED]), ("leak", [RELEASED])])
async def test_what_may_run_again_does(
    name: str, history: list[dict[str, Any]], mcp: McpHost
) -> None:
    store = FakeStore(queue=[a_call(name, *history)])

    await run(store, mcp)

    assert len(store.completed) == 1


async def test_a_tool_that_needs_approval_waits_for_a_person(mcp: McpHost, tmp_path: Path) -> None:
    store = FakeStore(queue=[a_call("inject")])

    await run(store, mcp)

    [waits] = store.completed
    assert waits.wait is not None
    [question] = waits.wait.approvals
    assert question.question == "May mcp:bad/inject run with these arguments?"
    assert question.show == {"tool": "mcp:bad/inject", "arguments": {"text": "hello"}}
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize("approved", [True, False])
async def test_the_answer_of_a_person_decides(approved: bool, mcp: McpHost, tmp_path: Path) -> None:
    claimed = a_call("inject", SUSPENDED, turns=1)
    body = {"call_id": "call", "approved": approved, "comment": "not today", "by": str(uuid4())}
    turn = StoredTurn(seq=1, kind="approval", attempt=1, body=body)
    store = FakeStore(queue=[claimed], turns={claimed.ref.subtask_id: [turn]})

    await run(store, mcp)

    assert (tmp_path / "log").exists() is approved
    assert len(store.completed) == approved
    if not approved:
        [failure] = store.failed
        assert failure.error.class_ == "not_approved"
        assert failure.error.message == "a person has refused mcp:bad/inject: not today"
        assert failure.action is FailureAction.GIVE_UP


async def test_an_answer_that_cannot_be_read_fails_the_call(mcp: McpHost, tmp_path: Path) -> None:
    store = FakeStore(queue=[a_call("inject", SUSPENDED, turns=1)])
    store.errors["fetch_turns"] = OutOfRange("a number has 5000 digits")

    await run(store, mcp)

    [failure] = store.failed
    assert failure.error.class_ == "unreadable_turns"
    assert failure.action is FailureAction.GIVE_UP
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize("granted", [[], ["mcp:bad/die", "mcp:other/*"]])
async def test_a_tool_that_is_not_granted_does_not_run(
    granted: list[str], mcp: McpHost, tmp_path: Path
) -> None:
    store = FakeStore(queue=[a_call("echo").model_copy(update={"tools_granted": granted})])

    await run(store, mcp)

    [failure] = store.failed
    assert (failure.error.class_, failure.action) == ("not_granted", FailureAction.GIVE_UP)
    assert "mcp:bad/echo" in failure.error.message
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize("granted", [None, ["mcp:bad/*"], ["mcp:bad/echo"]])
async def test_a_tool_that_is_granted_runs(granted: list[str] | None, mcp: McpHost) -> None:
    store = FakeStore(queue=[a_call("echo").model_copy(update={"tools_granted": granted})])

    await run(store, mcp)

    assert [each.output["value"] for each in store.completed] == ["hello"]
