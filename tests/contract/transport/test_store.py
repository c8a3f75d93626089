from collections.abc import Callable, Coroutine
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from embedded.state import State
from protocol.errors import InvalidArgument, MoveNotAllowed, NotFound
from protocol.ids import utc_now
from protocol.lifecycle import SubtaskState, TaskState
from protocol.records import (
    EVERYTHING,
    AgentRecord,
    Checkpoint,
    Completion,
    ErrorInfo,
    Extension,
    Failure,
    FailureAction,
    LeaseRef,
    NewTask,
    Route,
    SessionMessage,
    TaskFilter,
)
from protocol.transport.supabase_store import SupabaseStore
from tests.contract.transport.agent import LEASE, Agent, a_selection, a_usage


@pytest.fixture
def agent(store: SupabaseStore) -> Agent:
    return Agent(store)


def a_failure(ref: LeaseRef, **fields: Any) -> Failure:
    error = ErrorInfo(class_="overloaded", message="the vendor is busy", status=529)
    return Failure.model_validate({"ref": ref, "error": error, "action": "retry"} | fields)


async def test_a_task_is_stored_as_it_was_asked_for(store: SupabaseStore) -> None:
    asked = NewTask(
        prompt="Write a function",
        params={"language": "python", "deep": [1, {"x": None}]},
        priority=2,
        preferences={"policy": "cost"},
        budget_usd=Decimal("0.50"),
        idempotency_key=str(uuid4()),
        session_id=uuid4(),
        stream=False,
    )

    task = await store.submit_task(asked)

    assert task.status is TaskState.PENDING
    for name in NewTask.model_fields:
        if name not in {"id", "deadline", "run_at"}:
            assert getattr(task, name) == getattr(asked, name), name
    assert await store.fetch_task(task_id=task.id) == task


async def test_a_known_idempotency_key_gives_the_task_of_the_first_call(
    store: SupabaseStore,
) -> None:
    key = str(uuid4())

    first = await store.submit_task(NewTask(prompt="one", idempotency_key=key))
    second = await store.submit_task(NewTask(prompt="one", idempotency_key=key))

    assert second.id == first.id
    with pytest.raises(InvalidArgument, match=str(first.id)):
        await store.submit_task(NewTask(prompt="two", idempotency_key=key))


async def test_a_task_is_planned_done_and_finished(agent: Agent, store: SupabaseStore) -> None:
    task = await agent.submit(session_id=str(uuid4()))
    planned = await agent.plan(task)
    [claimed] = await agent.claim()

    answer = await agent.complete(
        Completion(
            ref=claimed.ref,
            output={"generated_code": "def is_prime(n): ...", "none": None},
            usage=a_usage(),
            messages=[SessionMessage(role="assistant", content="done")],
        )
    )

    assert (planned.answer, answer.answer) == ("ok", "ok")
    assert claimed.task.prompt == task.prompt
    assert claimed.params["generation_prompt"] == task.prompt
    done = await store.fetch_task(task_id=task.id)
    assert done.status is TaskState.COMPLETED
    assert done.result == {"generated_code": "def is_prime(n): ...", "none": None}
    assert (done.cost_usd, done.input_tokens, done.output_tokens) == (Decimal("0.25"), 10, 5)
    [selection] = await store.fetch_selections(task_id=task.id)
    assert (selection.selected_model, selection.reason) == ("model-a", "the only one")
    subtasks = await store.fetch_subtasks(task_id=task.id)
    assert [each.status for each in subtasks] == [SubtaskState.COMPLETED] * 2
    attempts = await store.fetch_attempts(task_id=task.id)
    assert [each.outcome for each in attempts] == ["completed", "completed"]
    assert attempts[1].cost_usd == Decimal("0.25")
    assert task.session_id is not None
    page = await store.read_session(owner=None, session_id=task.session_id)
    assert page is not None
    assert [each.content for each in page.messages] == ["done"]


async def test_events_have_no_gaps_and_can_be_read_from_any_point(
    agent: Agent, store: SupabaseStore
) -> None:
    task, claimed = await agent.start()
    await agent.complete(Completion(ref=claimed.ref, output={}, usage=a_usage()))

    events = await store.fetch_events(task_id=task.id)

    assert [each.seq for each in events] == list(range(1, len(events) + 1))
    assert [each.kind for each in events if each.ends_task] == ["task.completed"]
    assert await store.fetch_events(task_id=task.id, after=2) == events[2:]


async def test_repeating_a_claim_gives_the_same_leases(agent: Agent) -> None:
    task = await agent.submit()
    await agent.plan(task)
    request_id = uuid4()

    first = await agent.claim(request_id=request_id)
    again = await agent.claim(request_id=request_id)
    another = await agent.claim()

    assert [each.ref for each in again] == [each.ref for each in first] != []
    assert another == []


async def test_an_extension_keeps_the_lease_and_the_text_so_far(
    agent: Agent, store: SupabaseStore
) -> None:
    task, claimed = await agent.start()
    checkpoint = Checkpoint(content="def ", reasoning="let me see")
    extension = Extension(**claimed.ref.model_dump(), checkpoint=checkpoint)
    lost = Extension(subtask_id=claimed.subtask_id, attempt=claimed.attempt + 1)

    answers = await store.extend_leases(agent_id=agent.id, leases=[extension, lost], lease=LEASE)

    assert sorted(each.answer for each in answers) == ["lost", "ok"]
    [subtask] = [
        each
        for each in await store.fetch_subtasks(task_id=task.id)
        if each.id == claimed.subtask_id
    ]
    assert subtask.checkpoint is not None
    assert subtask.checkpoint["content"] == "def "
    assert subtask.checkpoint["reasoning"] == "let me see"


async def test_each_completion_gets_its_own_answer_in_order(agent: Agent) -> None:
    _, claimed = await agent.start()
    good = Completion(ref=claimed.ref, output={}, usage=a_usage())
    unknown = Completion(ref=LeaseRef(subtask_id=uuid4(), attempt=1), output={})

    answers = await agent.complete_all([unknown, good, good])

    assert [each.answer for each in answers] == ["unknown", "ok", "duplicate"]
    assert [each.subtask_id for each in answers] == [
        each.ref.subtask_id for each in (unknown, good, good)
    ]


async def test_characters_that_no_row_can_hold_are_replaced_when_sent(
    agent: Agent, store: SupabaseStore
) -> None:
    task, claimed = await agent.start(prompt="nul \x00 and half \ud83d of a pair")

    answer = await agent.complete(
        Completion(
            ref=claimed.ref, output={"a\x00": ["\udc00", float("nan")], "b": "😀"}, usage=a_usage()
        )
    )

    assert answer.answer == "ok"
    done = await store.fetch_task(task_id=task.id)
    assert done.prompt == "nul \ufffd and half \ufffd of a pair"
    assert done.result == {"a\ufffd": ["\ufffd", None], "b": "😀"}


async def test_a_failure_is_tried_again_later(agent: Agent, store: SupabaseStore) -> None:
    task, claimed = await agent.start()

    answer = await store.fail_subtask(
        agent_id=agent.id,
        failure=a_failure(claimed.ref, retry_after=timedelta(seconds=90), usage=a_usage()),
    )

    assert (answer.answer, answer.status) == ("ok", "delayed")
    assert answer.run_at is not None
    assert answer.run_at - utc_now() > timedelta(seconds=30)  # backoff alone would give two
    attempt = (await store.fetch_attempts(task_id=task.id))[-1]
    assert attempt.outcome == "failed"
    assert attempt.error is not None
    assert attempt.error["class"] == "overloaded"
    assert attempt.input_tokens == 10


async def test_a_rerouted_subtask_comes_back_with_its_history_and_goes_to_another_lane(
    agent: Agent, store: SupabaseStore
) -> None:
    task, claimed = await agent.start()
    await store.fail_subtask(
        agent_id=agent.id, failure=a_failure(claimed.ref, action=FailureAction.REROUTE)
    )

    back = await agent.claim_plan(task)
    other = f"{agent.lane}-b"
    routed = await agent.complete(
        Completion(
            ref=back.ref,
            output={},
            route=Route(lane=other, params={"model_id": other}, selection=a_selection()),
        )
    )
    [again] = await agent.claim(other)

    assert [each.outcome for each in back.history] == ["rerouted"]
    assert routed.answer == "ok"
    assert (again.subtask_id, again.params["model_id"]) == (claimed.subtask_id, other)


async def test_giving_up_fails_the_task_and_a_redrive_puts_it_back(
    agent: Agent, store: SupabaseStore
) -> None:
    task, claimed = await agent.start()

    await store.fail_subtask(
        agent_id=agent.id, failure=a_failure(claimed.ref, action=FailureAction.GIVE_UP)
    )
    failed = await store.fetch_task(task_id=task.id)
    await store.redrive_task(task_id=task.id)
    [again] = await agent.claim()

    assert failed.status is TaskState.FAILED
    assert failed.error is not None
    assert failed.error["message"] == "the vendor is busy"
    assert again.attempt == claimed.attempt + 1


async def test_released_leases_can_be_claimed_by_another(
    agent: Agent, store: SupabaseStore
) -> None:
    _, claimed = await agent.start()
    other = Agent(store, lane=agent.lane)

    one = await store.release_subtasks(agent_id=agent.id, leases=None, reason="drain")
    [again] = await other.claim()

    assert [(each.subtask_id, each.answer) for each in one] == [(claimed.subtask_id, "ok")]
    assert (again.subtask_id, again.failures) == (claimed.subtask_id, 0)


async def test_a_cancelled_task_ends_at_once_and_its_worker_is_notified(
    agent: Agent, store: SupabaseStore
) -> None:
    task, claimed = await agent.start()

    cancelled = await store.cancel_task(task_id=task.id, reason="not needed")
    [answer] = await store.extend_leases(
        agent_id=agent.id, leases=[Extension(**claimed.ref.model_dump())], lease=LEASE
    )

    assert cancelled.status is TaskState.CANCELLED
    assert answer.answer == "cancel"


async def test_a_held_task_is_not_claimed_until_it_is_resumed(
    agent: Agent, store: SupabaseStore
) -> None:
    task = await agent.submit()
    await agent.plan(task)

    held = await store.pause_task(task_id=task.id)
    while_held = await agent.claim()
    await store.resume_task(task_id=task.id)
    after = await agent.claim()

    assert held.status is TaskState.HELD
    assert while_held == []
    assert len(after) == 1


async def test_a_subtask_that_waits_for_a_person_runs_once_approved(
    agent: Agent, store: SupabaseStore
) -> None:
    task = await agent.submit()
    await agent.plan(task, needs_approval=True)
    [waiting] = [
        each
        for each in await store.fetch_subtasks(task_id=task.id)
        if each.status is SubtaskState.WAITING
    ]

    before = await agent.claim()
    approved = await store.approve_subtask(subtask_id=waiting.id, comment="go on")
    [claimed] = await agent.claim()

    assert before == []
    assert approved.status is SubtaskState.QUEUED
    assert claimed.subtask_id == waiting.id


async def test_an_agent_that_is_recorded_is_found(store: SupabaseStore) -> None:
    record = AgentRecord(
        id=f"executor-{uuid4()}", kind="executor", lanes=["model-a"], capacity=4, details={"k": [1]}
    )

    await store.record_agent(record)

    [found] = [each for each in await store.fetch_agents() if each.id == record.id]
    assert (found.lanes, found.capacity, found.details) == (["model-a"], 4, {"k": [1]})
    assert found.heartbeat_at is not None
    assert found.state == "alive"


async def test_a_choice_outside_a_plan_is_kept(agent: Agent, store: SupabaseStore) -> None:
    task = await agent.submit()

    await store.record_selection(a_selection(task_id=str(task.id), agent_id=agent.id))

    [row] = await store.fetch_selections(task_id=task.id)
    [candidate] = row.candidates
    assert (candidate["model_id"], candidate["rank"]) == ("model-a", 1)
    assert candidate["expected"]["quality"] == 0.5


async def test_the_newest_tasks_come_first_and_by_their_status(
    agent: Agent, store: SupabaseStore
) -> None:
    older, newer = await agent.submit(), await agent.submit()
    await store.cancel_task(task_id=older.id)

    latest = (await store.find_tasks(visible=EVERYTHING, limit=2)).tasks
    cancelled = (
        await store.find_tasks(
            visible=EVERYTHING, limit=1, wanted=TaskFilter(status=[TaskState.CANCELLED])
        )
    ).tasks

    assert [each.id for each in latest] == [newer.id, older.id]
    assert [each.id for each in cancelled] == [older.id]


async def test_the_reaper_can_be_called_at_any_time(store: SupabaseStore) -> None:
    assert (await store.reap(limit=5)).dead >= 0


async def test_the_applied_migrations_can_be_asked_for(
    store: SupabaseStore, project: State
) -> None:
    assert "20261128000000" in await store.schema_versions()


@pytest.mark.parametrize(
    "call",
    [
        lambda store: store.fetch_task(task_id=uuid4()),
        lambda store: store.cancel_task(task_id=uuid4()),
        lambda store: store.redrive_task(task_id=uuid4()),
        lambda store: store.pause_task(task_id=uuid4()),
        lambda store: store.resume_task(task_id=uuid4()),
        lambda store: store.approve_subtask(subtask_id=uuid4()),
    ],
)
async def test_a_missing_row_is_not_found(
    store: SupabaseStore, call: Callable[[SupabaseStore], Coroutine[Any, Any, object]]
) -> None:
    with pytest.raises(NotFound):
        await call(store)


async def test_a_refused_move_says_so_and_a_wrong_argument_too(
    agent: Agent, store: SupabaseStore
) -> None:
    task, claimed = await agent.start()
    await agent.complete(Completion(ref=claimed.ref, output={}, usage=a_usage()))

    with pytest.raises(MoveNotAllowed):
        await store.redrive_task(task_id=task.id)
    with pytest.raises(InvalidArgument):
        await store.claim_subtasks(
            agent_id="", lanes=["cio"], limit=1, lease=LEASE, request_id=uuid4()
        )
