"""A cancelled task costs nothing more: the vendor's call is ended, not only its result ignored."""

import asyncio
import time
from typing import Any
from uuid import UUID

import pytest

from protocol.lifecycle import TaskState
from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.tasks import attempts, ended, outcomes, submitted
from tests.support.eventually import eventually
from tests.support.servers.system import System

pytestmark = pytest.mark.e2e

ENDLESS = "stall after=4"
"""No other test asks for this fault, so that its requests can be told from all others."""


async def test_cancelling_a_task_ends_the_call_of_its_model(
    system: System, store: SupabaseStore
) -> None:
    task = await submitted(store, f"Say it until nobody wants to hear it [[fault:{ENDLESS}]]")
    await eventually(lambda: calls(system, pieces=4), within=20)

    said = await asyncio.to_thread(system.cogo, "tasks", "cancel", str(task.id), "--reason", "late")
    cancelled_at = time.monotonic()
    [call] = await eventually(lambda: calls(system, is_over=True), within=8)
    print(f"the call ended {time.monotonic() - cancelled_at:.2f} s after the command")

    assert said.returncode == 0, said.stderr
    assert said.stdout.split() == [str(task.id), "cancelled"]
    assert call["aborted_by_client"]
    row = await ended(store, task.id)
    assert row.status is TaskState.CANCELLED
    assert row.result is None
    await eventually(lambda: is_recorded(store, task.id))
    assert len(await calls(system)) == 1
    [attempt] = await attempts(store, task.id)
    assert attempt.input_tokens, "the vendor had counted the prompt"
    assert (attempt.output_tokens, attempt.simulated) == (None, True)


async def calls(system: System, *, pieces: int = 0, is_over: bool = False) -> list[dict[str, Any]]:
    """Return the calls for this test's task so far."""
    found = [each for each in await system.asked() if each["fault"] == ENDLESS]
    return [
        each
        for each in found
        if each["pieces"] >= pieces and (each["ended_at"] is not None or not is_over)
    ]


async def is_recorded(store: SupabaseStore, task_id: UUID) -> bool:
    return await outcomes(store, task_id) == ["cancelled"]
