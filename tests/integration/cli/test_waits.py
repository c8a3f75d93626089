"""`cogo approve`, `approvals` and `send`, and what `show` says of child tasks and next runs."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from embedded.state import State
from protocol.errors import OutOfRange
from protocol.records import (
    Checkpoint,
    ClaimedSubtask,
    ErrorInfo,
    Failure,
    FailureAction,
    NewChildTask,
    NextRun,
    TurnLine,
)
from protocol.transport.supabase_store import SupabaseStore, open_store
from tests.integration.cli.conftest import Say
from tests.integration.waiting import (
    repeat_task,
    start_flow,
    wait_in_a_tool_loop,
    wait_step,
)

LEASE: Final = timedelta(minutes=1)


def with_store(project: State, work: Callable[[SupabaseStore], Awaitable[UUID]]) -> str:
    async def open_and_work() -> UUID:
        async with open_store(project.url, project.secret_key) as store:
            return await work(store)

    return str(asyncio.run(open_and_work()))


def question(key: str) -> Any:
    return wait_step(key, "approve", params={"question": f"May {key} run?"})


def test_a_person_lists_and_answers_what_waits(cogo: Say, project: State) -> None:
    task_id = with_store(project, lambda store: start_flow(store, question("a"), question("b")))

    several = cogo("approve", task_id)
    listed = json.loads(cogo("approvals", "--json")[1])
    table = cogo("approvals")[1]
    approved = cogo("approve", task_id, "--key", "a")
    refused = cogo("approve", task_id, "--refuse", "--comment", "no")
    told = cogo("approve", task_id, "--step", "b")
    nothing = cogo("approvals")
    every = json.loads(cogo("approvals", "--answered", "--task", task_id, "--json")[1])

    assert several[0] == 2
    assert "choose one with --key" in several[2]
    assert [each["key"] for each in listed] == ["b", "a"]
    assert "May b run?" in table
    assert approved[:2] == (0, f"{task_id}  a approved\n")
    assert refused[:2] == (0, f"{task_id}  b refused\n")
    assert told[0] == 1
    assert "b was refused by the operator cli:" in told[2]
    assert "nothing waits for a person" in nothing[1] + nothing[2]
    assert [each["approved"] for each in every] == [False, True]


def test_what_failed_attempts_had_written_is_shown_with_why(cogo: Say, project: State) -> None:
    async def fail_twice(store: SupabaseStore) -> UUID:
        task_id = await start_flow(store, wait_step("a", "ask", lane="model-a", max_failures=2))
        for text in ("one\nline", "x" * 65_537):
            [claimed] = await store.claim_subtasks(
                agent_id="e", lanes=["model-a"], limit=1, lease=LEASE, request_id=uuid4()
            )
            assert isinstance(claimed, ClaimedSubtask)
            await store.fail_subtask(
                agent_id="e",
                failure=Failure(
                    ref=claimed.ref,
                    error=ErrorInfo(class_="invalid_answer", message="it is no JSON"),
                    action=FailureAction.RETRY,
                    retry_after=timedelta(0),
                    output=Checkpoint(content=text),
                ),
            )
        return task_id

    another = with_store(project, lambda store: start_flow(store, question("a")))
    task_id = with_store(project, fail_twice)

    shown = cogo("show", task_id, "--attempts")
    printed = json.loads(cogo("show", task_id, "--attempts", "--json")[1])
    nothing = cogo("show", another, "--attempts")

    lines = shown[1].splitlines()
    assert lines[:3] == ["a, attempt 1  model-a  it is no JSON", "  one", "  line"]
    assert lines[-1] == "  (cut: 65,537 characters)"
    assert [(each["key"], each["attempt"], each["outcome"]) for each in printed] == [
        ("a", 1, "failed"),
        ("a", 2, "failed"),
    ]
    assert [each["text"] for each in printed] == ["one\nline", "x" * 65_536]
    assert printed[0]["error"]["class"] == "invalid_answer"
    assert nothing[:2] == (0, "")
    assert "no attempt that failed had written anything" in nothing[2]


def test_questions_about_calls_are_answered_by_step_while_one_is_open(
    cogo: Say, project: State
) -> None:
    task_id = with_store(
        project, lambda store: wait_in_a_tool_loop(store, "call_1", "call_2", "call_1#2")
    )

    listed = cogo("approvals")
    several = cogo("approve", task_id, "--key", "chat")
    answers = [
        cogo("approve", task_id, "--key", "chat/call_2", "--refuse", "--answer", "no"),
        cogo("approve", task_id, "--key", "chat/call_1#2"),
        cogo("approve", task_id, "--key", "chat"),
    ]
    nothing = cogo("approvals")
    turns = cogo("show", task_id, "--turns")[1]
    printed = json.loads(cogo("show", task_id, "--turns", "--json")[1])

    assert turns.splitlines() == [
        "chat, turn 1",
        "  says     a\ufffdb",
        "  calls    None(...)",
        "  gave     acme.look in 0.4 s",
        '           {"n": [null]}',
        "  a person refused call_2: no",
        "  a person approved call_1#2",
        "  a person approved call_1",
    ]
    assert [each["kind"] for each in printed[0]["turns"]][:2] == ["answer", "result"]
    assert "`cogo approve" in listed[2]
    assert "--key 'chat/call_1#2' --answer TEXT" in " ".join(listed[2].split())
    assert several[0] == 2
    assert "choose one with --key (chat/call_1#2, chat/call_2, chat/call_1)" in several[2]
    assert [code for code, _, _ in answers] == [0, 0, 0]
    assert answers[2][1] == f"{task_id}  chat/call_1 answered\n"
    assert "nothing waits for a person" in nothing[1] + nothing[2]

    async def read() -> tuple[list[dict[str, Any]], list[TurnLine]]:
        async with open_store(project.url, project.secret_key) as store:
            [_, step] = await store.fetch_subtasks(task_id=UUID(task_id))
            assert step.status == "queued"
            turns = await store.fetch_turns(subtask_id=step.id)
            assert [each.seq for each in turns] == [1, 2, 3, 4, 5]
            lines = await store.fetch_turn_lines(subtask_id=step.id)
            assert await store.fetch_turn_lines(subtask_id=step.id, after=3) == lines[3:]
            return [each.body for each in turns], lines

    (first, _, *told), lines = asyncio.run(read())
    assert first["nothing"] is None
    assert first["message"]["content"] == "a\ufffdb"
    assert [each.kind for each in lines] == ["answer", "result", *["approval"] * 3]
    assert (lines[0].text, lines[0].calls) == ("a\ufffdb", [{"id": "call_1"}])
    result = lines[1].model_dump(exclude={"subtask_id", "seq", "kind", "attempt", "created_at"})
    assert lines[1].created_at is not None
    assert result == {
        "text": None, "calls": None, "call_id": "call_0", "tool": "acme.look", "status": "ok",
        "content": {"n": [None]}, "seconds": 0.4, "rejected": None, "approved": None,
        "comment": None,
    }  # fmt: skip
    assert [(each["call_id"], each["approved"]) for each in told] == [
        ("call_2", False), ("call_1#2", True), ("call_1", True)
    ]  # fmt: skip


def test_an_event_is_sent_and_an_early_one_is_kept(cogo: Say, project: State) -> None:
    step = wait_step("go", "event", params={"name": "go"})
    task_id = with_store(project, lambda store: start_flow(store, step))

    taken = json.loads(cogo("send", task_id, "go", '{"n": 1}', "--json")[1])
    kept = cogo("send", task_id, "go")
    wrong = cogo("send", task_id, "go", "{n}")

    assert taken["payload"] == {"n": 1}
    assert taken["subtask_id"] is not None
    assert kept[0] == 0
    assert "no step waits for it" in kept[2]
    assert wrong[0] == 2
    assert "not JSON" in wrong[2]


def test_child_tasks_are_listed_on_request_and_shown_with_their_parent(
    cogo: Say, project: State
) -> None:
    child = wait_step("a", "task", child=NewChildTask(type="CHAT", prompt="the child"))
    task_id = with_store(project, lambda store: start_flow(store, child))

    default = json.loads(cogo("tasks", "list", "--json")[1])
    every = json.loads(cogo("tasks", "list", "--children", "--json")[1])
    shown = cogo("tasks", "show", task_id)[1]
    child_shown = cogo("tasks", "show", every[0]["id"])[1]

    assert [each["id"] for each in default] == [task_id]
    assert [each["prompt"] for each in every] == ["the child", "x"]
    assert f"child task {every[0]['id'][:8]}  pending  CHAT" in shown
    assert f"child task of {task_id[:8]}" in child_shown


def test_the_next_run_of_a_task_is_shown(cogo: Say, project: State) -> None:
    again = NextRun(at=datetime(2999, 1, 1, tzinfo=UTC), output={"text": "done"})
    task_id = with_store(project, lambda store: repeat_task(store, again))

    shown = cogo("show", task_id)
    history = cogo("tasks", "show", task_id)[1]

    assert shown[:2] == (0, "done\n")
    assert "pending at 2999-01-01 00:00:00" in shown[2]
    assert "ends it" in history


def test_cancelling_a_run_that_has_ended_names_the_next_one(cogo: Say, project: State) -> None:
    again = NextRun(at=datetime(2999, 1, 1, tzinfo=UTC), output={"text": "done"})
    task_id = with_store(project, lambda store: repeat_task(store, again))

    code, _, said = cogo("tasks", "cancel", task_id)
    name = said.partition("`cogo tasks cancel ")[2].partition("`")[0]

    assert code == 1
    assert f"its next run is {name} (pending)" in " ".join(said.split())
    assert cogo("tasks", "cancel", name)[0] == 0
    code, _, said = cogo("tasks", "cancel", task_id)
    assert code == 1
    assert "next run" not in said


@pytest.mark.parametrize("value", ["[" * 3000 + "]" * 3000, "1" + "0" * 5000])
def test_turns_that_python_cannot_parse_are_refused_and_not_asked_for_again(
    project: State, value: str
) -> None:
    task_id = with_store(project, lambda store: wait_in_a_tool_loop(store, "call_1"))

    async def read() -> None:
        connection = await asyncpg.connect(project.db_url)
        try:
            await connection.execute(
                "insert into cogo.turns (subtask_id, seq, kind, attempt, body)"
                " select id, 3, 'result', 1, jsonb_build_object('x', $2::text::jsonb)"
                " from cogo.subtasks where task_id = $1 and key = 'chat'",
                UUID(task_id), value,
            )  # fmt: skip
        finally:
            await connection.close()
        async with open_store(project.url, project.secret_key) as store:
            [_, step] = await store.fetch_subtasks(task_id=UUID(task_id))
            with pytest.raises(OutOfRange, match=f"turns of subtask {step.id} after 0"):
                await store.fetch_turns(subtask_id=step.id)

    asyncio.run(read())
