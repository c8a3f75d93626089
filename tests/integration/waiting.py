"""Tasks that wait for people, events and other tasks, in a project without agents."""

from datetime import timedelta
from uuid import UUID, uuid4

from protocol.records import (
    ClaimedSubtask,
    Completion,
    LeaseRef,
    NewStep,
    NewTask,
    NewTurn,
    NextRun,
    Suspension,
    ToolQuestion,
    ToolWait,
    TurnBatch,
)
from protocol.transport.supabase_store import SupabaseStore


def wait_step(key: str, kind: str, **fields: object) -> NewStep:
    """Build a step that nobody leases."""
    return NewStep.model_validate({"key": key, "kind": kind, "type": "X", "lane": "wait"} | fields)


async def start_flow(store: SupabaseStore, *steps: NewStep, owner: UUID | None = None) -> UUID:
    """Insert a task and suspend its flow, as an orchestrator does; return its id."""
    suspension = Suspension(steps=list(steps), awaits=[step.key for step in steps])
    return await end_flow(store, owner, suspend=suspension)


async def wait_in_a_tool_loop(store: SupabaseStore, *call_ids: str) -> UUID:
    """Insert a task whose step `chat` waits for answers about these calls; return its id."""
    step = NewStep(key="chat", kind="ask", type="CHAT", lane="model-a")
    task_id = await start_flow(store, step)
    claims = await store.claim_subtasks(
        agent_id="e", lanes=["model-a"], limit=1, lease=timedelta(minutes=1), request_id=uuid4()
    )
    [lease] = [each for each in claims if isinstance(each, ClaimedSubtask)]
    message = {"role": "assistant", "content": "a\0b", "tool_calls": [{"id": "call_1"}]}
    result = {
        "call_id": "call_0", "tool": "acme.look", "status": "ok", "content": {"n": [None]},
        "seconds": 0.4,
    }  # fmt: skip
    turns = [
        NewTurn(seq=1, kind="answer", body={"message": message, "nothing": None}),
        NewTurn(seq=2, kind="result", body=result),
    ]
    [stored] = await store.store_turns(agent_id="e", items=[TurnBatch(ref=lease.ref, turns=turns)])
    assert stored.answer == "ok", stored
    wait = ToolWait(
        approvals=[ToolQuestion(call_id=each, question=f"{each}?") for each in call_ids]
    )
    [answer] = await store.complete_subtasks(
        agent_id="e", items=[Completion(ref=lease.ref, wait=wait)]
    )
    assert answer.answer == "ok", answer
    return task_id


async def repeat_task(store: SupabaseStore, again: NextRun) -> UUID:
    """Insert a task that repeats itself; return its id."""
    return await end_flow(store, again=again)


async def end_flow(store: SupabaseStore, owner: UUID | None = None, **end: object) -> UUID:
    """Insert a task and end the attempt of its flow, as an orchestrator does; return its id."""
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
