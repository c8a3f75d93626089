from datetime import timedelta
from uuid import uuid4

import pytest

from protocol.errors import InvalidArgument, NotFound
from protocol.records import (
    Checkpoint,
    ErrorInfo,
    Failure,
    FailureAction,
    NewTask,
)
from protocol.transport.supabase_store import SupabaseStore
from tests.contract.transport.agent import Agent
from tests.support.sql.planned_subtasks import Plan, PlanCompletion, PlannedSubtask


@pytest.fixture
def agent(store: SupabaseStore) -> Agent:
    return Agent(store)


async def test_a_lane_is_limited_paused_and_freed(store: SupabaseStore) -> None:
    lane = f"lane-{uuid4()}"

    limited = await store.set_lane(lane=lane, max_running=3, per_minute=60)
    paused = await store.set_lane(lane=lane, paused=True)
    freed = await store.set_lane(lane=lane, paused=False, max_running=-1, per_minute=-1)

    assert (limited.paused, limited.max_running, limited.per_minute) == (False, 3, 60)
    assert (paused.paused, paused.max_running, paused.per_minute) == (True, 3, 60)
    assert (freed.paused, freed.max_running, freed.per_minute) == (False, None, None)
    with pytest.raises(InvalidArgument):
        await store.set_lane(lane=lane, per_minute=0)


async def test_an_owner_is_limited_and_freed(store: SupabaseStore) -> None:
    owner = uuid4()

    limited = await store.set_owner(owner=owner, max_running=3)
    freed = await store.set_owner(owner=owner, max_running=-1)

    assert (limited.max_running, limited.running) == (3, 0)
    assert freed.max_running is None


async def test_the_queue_lists_every_lane(store: SupabaseStore) -> None:
    lane = f"lane-{uuid4()}"
    await store.set_lane(lane=lane, paused=True)

    [row] = [row for row in await store.fetch_queue() if row.lane == lane]

    assert (row.lane_paused, row.queued, row.oldest_at) == (True, 0, None)


async def test_recent_tasks_are_not_pruned(store: SupabaseStore) -> None:
    task = await store.submit_task(NewTask(prompt="x"))
    await store.cancel_task(task_id=task.id)

    await store.prune(older_than=timedelta(days=1))

    assert (await store.fetch_task(task_id=task.id)).id == task.id


async def test_a_subtask_that_is_not_there_is_not_redriven(store: SupabaseStore) -> None:
    with pytest.raises(NotFound):
        await store.redrive_subtask(subtask_id=uuid4())


async def test_a_subtask_adds_others_and_learns_what_failed(agent: Agent) -> None:
    def planned(key: str, *dependencies: str, **fields: object) -> PlannedSubtask:
        return PlannedSubtask.model_validate(
            {"key": key, "type": "CHAT", "lane": agent.lane, "params": {}}
            | {"dependencies": list(dependencies)}
            | fields
        )

    task = await agent.submit()
    plan = Plan(subtasks=[planned("map"), planned("join", "map")], selections=[])
    lease = await agent.claim_plan(task)
    await agent.complete(PlanCompletion(ref=lease.ref, output={}, plan=plan))
    [first] = await agent.claim()
    added = [planned("spare", on_failure="continue")]

    answer = await agent.complete(PlanCompletion(ref=first.ref, output={}, subtasks=added))
    [spare] = await agent.claim()
    error = ErrorInfo(class_="overloaded", message="the vendor is busy")
    await agent.store.fail_subtask(
        agent_id=agent.id,
        failure=Failure(ref=spare.ref, error=error, action=FailureAction.GIVE_UP),
    )
    [join] = await agent.claim()

    assert answer.answer == "ok"
    assert (join.key, join.inputs) == ("join", {"map": {}})
    assert join.failed_inputs["spare"]["message"] == "the vendor is busy"


async def test_what_a_failed_attempt_had_written_is_read_apart_from_the_attempts(
    agent: Agent, store: SupabaseStore
) -> None:
    task, claimed = await agent.start()
    error = ErrorInfo(class_="overloaded", message="the vendor is busy")
    written = Checkpoint(content="half \x00 \ud800 of it", reasoning="hm", turn=3)

    await agent.store.fail_subtask(
        agent_id=agent.id,
        failure=Failure(ref=claimed.ref, error=error, action=FailureAction.RETRY, output=written),
    )

    [output] = await store.fetch_attempt_outputs(task_id=task.id)
    assert (output.subtask_id, output.attempt) == (claimed.subtask_id, claimed.attempt)
    assert (output.text, output.reasoning) == ("half \ufffd \ufffd of it", "hm")
    assert (output.turn, output.characters) == (3, None)
    attempt = (await store.fetch_attempts(task_id=task.id))[-1]
    assert (attempt.outcome, attempt.unreadable) == ("failed", {})
