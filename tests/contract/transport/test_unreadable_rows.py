"""Rows that cannot be read: each fails alone and hides no other."""

import json
from uuid import UUID, uuid4

import asyncpg
import pytest

from embedded.state import State
from protocol.errors import StoreUnavailable
from protocol.lifecycle import TaskState
from protocol.records import (
    EVERYTHING,
    ClaimedSubtask,
    ClaimRequest,
    Completion,
    ErrorInfo,
    Failure,
    FailureAction,
    NewTask,
    UnreadableSubtask,
)
from protocol.transport.supabase_store import SupabaseStore
from tests.contract.transport.agent import LEASE

UNREADABLE = {
    "a number of 5,000 digits": ("params", "1e5000", "params"),
    "a list 4,000 levels deep": ("preferences", "[" * 4_000 + "]" * 4_000, "params"),
    "a budget that is no number": ("budget_usd", "NaN", "budget_usd"),
    "a deadline that is no time": ("deadline", "infinity", "deadline"),
}
TYPES = {"params": "jsonb", "preferences": "jsonb", "budget_usd": "numeric"}


async def past_the_wall(project: State, column: str, text: str) -> UUID:
    """Insert a row as only the owner of the table can."""
    connection = await asyncpg.connect(project.db_url)
    try:
        async with connection.transaction():
            await connection.execute("alter table public.cogo_tasks disable trigger check_limits")
            await connection.execute(
                "select set_config('request.jwt.claims', $1, true)",
                json.dumps({"role": "service_role"}),
            )
            task_id: UUID = await connection.fetchval(
                f"insert into public.cogo_tasks (prompt, {column})"  # noqa: S608 - our own names
                f" values ('sort', $1::text::{TYPES.get(column, 'timestamptz')}) returning id",
                text,
            )
        await connection.execute("alter table public.cogo_tasks enable trigger check_limits")
    finally:
        await connection.close()
    return task_id


@pytest.mark.parametrize(("column", "text", "named"), UNREADABLE.values(), ids=UNREADABLE)
async def test_a_row_that_nobody_can_read_hides_no_other_that_is_claimed_with_completions(
    project: State, store: SupabaseStore, column: str, text: str, named: str
) -> None:
    done = await store.submit_task(NewTask(prompt="done"))
    request = {"agent_id": "cio", "lanes": ["cio"], "lease": LEASE}
    [flow] = await store.claim_subtasks(limit=1, request_id=uuid4(), **request)  # type: ignore[arg-type]
    first = await store.submit_task(NewTask(prompt="first"))
    bad = await past_the_wall(project, column, text)
    last = await store.submit_task(NewTask(prompt="last"))

    result = await store.complete_and_claim(
        agent_id="cio",
        items=[Completion(ref=flow.ref, output={"text": "done"})],
        claim=ClaimRequest(lanes=["cio"], limit=10, lease=LEASE, request_id=uuid4()),
    )

    assert [each.ref for each in result.answers] == [flow.ref]
    assert (await store.fetch_task(task_id=done.id)).status is TaskState.COMPLETED
    assert result.claimed is not None
    good = [each for each in result.claimed if isinstance(each, ClaimedSubtask)]
    [unreadable] = [each for each in result.claimed if isinstance(each, UnreadableSubtask)]
    assert {each.task_id for each in good} == {first.id, last.id}
    assert bad is not None
    assert unreadable.field == named
    await store.release_subtasks(agent_id="cio", leases=None, reason="done")


@pytest.mark.parametrize(("column", "text", "named"), UNREADABLE.values(), ids=UNREADABLE)
async def test_a_row_that_nobody_can_read_ends_alone_and_hides_no_other(
    project: State, store: SupabaseStore, column: str, text: str, named: str
) -> None:
    first = await store.submit_task(NewTask(prompt="first"))
    bad = await past_the_wall(project, column, text)
    last = await store.submit_task(NewTask(prompt="last"))

    claims = await store.claim_subtasks(
        agent_id="cio", lanes=["cio"], limit=10, lease=LEASE, request_id=uuid4()
    )
    good = [each for each in claims if isinstance(each, ClaimedSubtask)]
    [unreadable] = [each for each in claims if isinstance(each, UnreadableSubtask)]
    await store.fail_subtask(
        agent_id="cio",
        failure=Failure(
            ref=unreadable.ref,
            error=ErrorInfo(class_="invalid_task", message=unreadable.problem),
            action=FailureAction.GIVE_UP,
        ),
    )

    assert {each.task_id for each in good} == {first.id, last.id}
    assert unreadable.field == named
    listed = {
        each.id: each for each in (await store.find_tasks(visible=EVERYTHING, limit=10)).tasks
    }
    lines = await store.fetch_lines(limit=10, visible=EVERYTHING)
    assert {each.id for each in lines} == listed.keys() == {first.id, bad, last.id}
    assert listed[bad].status is TaskState.FAILED
    assert list(listed[bad].unreadable) == ([named] if column == named != "params" else [])


async def test_one_task_that_nobody_can_read_is_said_to_be_so(
    project: State, store: SupabaseStore
) -> None:
    bad = await past_the_wall(project, "params", "1e5000")

    with pytest.raises(StoreUnavailable, match="JSON that cannot be read"):
        await store.fetch_task(task_id=bad)
