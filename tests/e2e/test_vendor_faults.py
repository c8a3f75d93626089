"""Faults of vendors: another attempt or model succeeds, or the error is reported."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import httpx
import pytest

from protocol.lifecycle import TaskState
from protocol.messages import MessageType
from protocol.records import Attempt
from protocol.topics import result_topic
from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.tasks import attempts, ended, outcomes, submitted
from tests.e2e.watcher import watching
from tests.support.servers.system import System

pytestmark = pytest.mark.e2e

MENDED: Sequence[tuple[str, str]] = (
    ("429", "rate_limited"),
    ("529", "overloaded"),
    ("bad-json after=2", "malformed_response"),
    ("error-event after=2", "overloaded"),
    ("clean-end after=2", "incomplete_stream"),
)
"""What the vendor does to the first try, and the error's class."""


async def calling(store: SupabaseStore, task_id: UUID) -> list[Attempt]:
    """Return the attempts that called a vendor; those handed back did not."""
    return [each for each in await attempts(store, task_id) if each.outcome != "released"]


async def test_a_short_wait_that_a_vendor_asks_for_is_spent_within_the_attempt(
    store: SupabaseStore,
) -> None:
    task = await submitted(store, "Say it [[fault:429 retry_after=1.5 times=1]]", type="CHAT")

    row = await ended(store, task.id)

    assert row.status is TaskState.COMPLETED, row.error
    [only] = await attempts(store, task.id)
    assert only.ended_at is not None
    assert (only.ended_at - only.claimed_at).total_seconds() >= 1.5
    assert row.result is not None
    [absorbed] = row.result["derived"]["absorbed"]
    assert (absorbed["class"], absorbed["status"]) == ("rate_limited", 429)


async def test_a_passing_fault_is_retried_with_the_same_model(store: SupabaseStore) -> None:
    # One after the other: five failures without an answer between them could open the circuit.
    for spec, error_class in MENDED:
        task = await submitted(store, f"Say it [[fault:{spec} times=1]]", type="CHAT")
        row = await ended(store, task.id)
        assert row.status is TaskState.COMPLETED, (spec, row.error)
        made = await calling(store, task.id)
        assert len(made) == 2, [(each.outcome, each.error) for each in made]
        first, second = made
        assert (first.outcome, second.outcome) == ("failed", "completed"), spec
        assert first.error is not None
        assert first.error["class"] == error_class, spec
        assert first.lane == second.lane, spec


async def test_a_model_that_fails_twice_is_replaced_by_another(store: SupabaseStore) -> None:
    task = await submitted(store, "Say it elsewhere [[fault:500 times=2]]", type="CHAT")

    row = await ended(store, task.id)

    assert row.status is TaskState.COMPLETED, row.error
    made = await calling(store, task.id)
    assert [each.outcome for each in made] == ["failed", "rerouted", "completed"]
    first, second, third = made
    assert first.lane == second.lane != third.lane
    chosen = await store.fetch_selections(task_id=task.id)
    assert [each.selected_model for each in chosen] == [first.lane, third.lane]
    assert first.lane in (chosen[1].reason or "")


@pytest.mark.parametrize(
    ("spec", "error_class"),
    [
        ("empty", "empty_answer"),
        ("finish=insufficient_system_resource", "overloaded"),
        ("finish=refusal", "content_filtered"),
        ("finish=something-new", "malformed_response"),
    ],
)
async def test_an_answer_that_is_none_is_never_stored_as_one(
    store: SupabaseStore, spec: str, error_class: str
) -> None:
    task = await submitted(store, f"Say it [[fault:{spec} times=1]]", type="CHAT")

    row = await ended(store, task.id)

    assert row.status is TaskState.COMPLETED, row.error
    first, second = await calling(store, task.id)
    assert first.error is not None
    assert first.error["class"] == error_class
    assert second.outcome == "completed"
    assert row.result is not None
    assert row.result["text"].strip()


async def test_code_that_was_cut_says_so(store: SupabaseStore) -> None:
    task = await submitted(store, "Write fibonacci [[fault:finish=max_tokens]]")

    row = await ended(store, task.id)

    assert row.status is TaskState.COMPLETED, row.error
    assert row.result is not None
    assert row.result["finish_reason"] == "length"
    assert row.result["verification"]["status"] == "failed"
    assert any("was cut" in note for note in row.result["notes"])


async def test_a_vendor_that_says_no_fails_the_task_with_its_words(store: SupabaseStore) -> None:
    task = await submitted(store, "Say no [[fault:400]]", type="CHAT")

    row = await ended(store, task.id)

    assert row.status is TaskState.FAILED
    assert row.error is not None
    assert row.error["class"] == "invalid_request"
    assert "Simulated 400" in row.error["message"]
    assert await outcomes(store, task.id) == ["failed"]


async def test_watchers_of_a_stream_that_was_cut_discard_its_text(
    system: System, store: SupabaseStore
) -> None:
    task_id = uuid4()
    prompt = "Write fibonacci again [[fault:cut after=5 times=1]]"
    async with watching(system.state, result_topic(task_id)) as watcher:
        async with httpx.AsyncClient(
            base_url=system.state.url, headers=system.headers, timeout=60
        ) as http:
            row: dict[str, object] = {"id": str(task_id), "prompt": prompt}
            row |= {"model": "claude-haiku-5-5", "params": {"verify": "off"}}
            (await http.post("/rest/v1/cogo_tasks", json=row)).raise_for_status()
        await watcher.until(MessageType.TASK_RESULT)

    task = await ended(store, task_id)
    assert task.result is not None
    assert await outcomes(store, task_id) == ["failed", "completed"]
    numbers = [piece.attempt for piece in watcher.progress()]
    assert set(numbers) == {1, 2}
    assert numbers == sorted(numbers)
    last = [piece for piece in watcher.progress() if piece.attempt == 2]
    assert last[0].offset == 0
    assert "".join(piece.delta for piece in last) == task.result["text"]
