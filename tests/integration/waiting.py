"""Tasks that wait for people, events and other tasks, in a project without agents."""

from datetime import timedelta
from uuid import UUID, uuid4

from protocol.records import (
    ClaimedSubtask,
    Completion,
    LeaseRef,
    NewStep,
    NewTask,
    NextRun,
    Suspension,
)
from protocol.transport.supabase_store import SupabaseStore


def wait_step(key: str, kind: str, **fields: object) -> NewStep:
    """Build a step that nobody leases."""
    return NewStep.model_validate({"key": key, "kind": kind, "type": "X", "lane": "wait"} | fields)


async def start_flow(store: SupabaseStore, *steps: NewStep, owner: UUID | None = None) -> UUID:
    """Insert a task and suspend its flow, as an orchestrator does; return its id."""
    suspension = Suspension(steps=list(steps), awaits=[step.key for step in steps])
    return await _end_flow(store, owner, suspend=suspension)


async def repeat_task(store: SupabaseStore, again: NextRun) -> UUID:
    """Insert a task that repeats itself; return its id."""
    return await _end_flow(store, None, again=again)


async def _end_flow(store: SupabaseStore, owner: UUID | None, **end: object) -> UUID:
    task = await store.submit_task(NewTask(prompt="x", owner=owner))
    claims = await store.claim_subtasks(
        agent_id="o", lanes=["cio"], limit=1, lease=timedelta(minutes=1), request_id=uuid4()
    )
    [lease] = [each for each in claims if isinstance(each, ClaimedSubtask)]
    ref = LeaseRef(subtask_id=lease.subtask_id, attempt=lease.attempt)
    completion = Completion.model_validate({"ref": ref} | end)
    [answer] = await store.complete_subtasks(agent_id="o", items=[completion])
    assert answer.answer == "ok", answer
    return task.id
