"""Every choice of a model is announced on `model-selection`, recorded, and can be asked for."""

from contextlib import suppress
from uuid import UUID

import pytest
from realtime import RealtimeSubscribeStates

from protocol.errors import MoveNotAllowed
from protocol.messages import (
    Envelope,
    MessageType,
    ModelSelectionRequest,
    ModelSelectionResponse,
    read_payload,
)
from protocol.topics import MODEL_SELECTION, SELECTION_TARGET
from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.tasks import ended, submitted
from tests.e2e.watcher import OPTIONS, Watcher, joined, realtime, watching
from tests.support.eventually import eventually
from tests.support.servers.system import System

pytestmark = pytest.mark.e2e

ASKED = {
    "Say what is plain": "claude-sonnet-5-5",
    "Generate optimized sorting algorithm": "fireworks/qwen3p8-max",
    "Say something complex and advanced": "claude-sonnet-5-5",
}
"""The documented rules: plain work, performance, and complexity that needs accuracy."""


def responses(watcher: Watcher, task_id: UUID) -> list[ModelSelectionResponse]:
    said = watcher.of(MessageType.MODEL_SELECTION_RESPONSE)
    found = [read_payload(each, ModelSelectionResponse) for each in said]
    return [each for each in found if each.task_id == str(task_id)]


async def test_every_choice_is_announced_and_recorded_with_its_reason(
    system: System, store: SupabaseStore
) -> None:
    async with watching(system.state, MODEL_SELECTION) as watcher:
        tasks = {prompt: await submitted(store, prompt) for prompt in ASKED}
        await eventually(lambda: all(responses(watcher, task.id) for task in tasks.values()))

    for prompt, task in tasks.items():
        [said] = responses(watcher, task.id)
        [row] = await store.fetch_selections(task_id=task.id)
        [subtask] = [each for each in await store.fetch_subtasks(task_id=task.id) if each.sink]
        assert said.selected_model == row.selected_model == ASKED[prompt]
        assert subtask.lane == subtask.params["model_id"] == row.selected_model
        assert said.selection_reason
        assert said.selection_reason == row.reason
        assert row.selected_model in said.available_models
        assert said.subtask_id == str(row.subtask_id)
        assert row.candidates
        with suppress(MoveNotAllowed):  # it has ended
            await store.cancel_task(task_id=task.id)  # its answer is of no interest here


async def test_a_request_for_a_selection_is_answered(system: System, store: SupabaseStore) -> None:
    task = await ended(store, (await submitted(store, "Say anything", type="CHAT")).id)
    watcher = Watcher()
    async with realtime(system.state, key=system.state.secret_key) as client:
        assert await joined(client, MODEL_SELECTION, watcher) is RealtimeSubscribeStates.SUBSCRIBED
        channel = client.channel(MODEL_SELECTION, OPTIONS)
        for request in (
            ModelSelectionRequest(
                task_id=str(task.id),
                task_requirements={"performanceNeeded": True, "complexity": "low"},
            ),
            ModelSelectionRequest(task_id=str(task.id), requested_model="no-such-model"),
        ):
            envelope = Envelope.wrap(
                MessageType.MODEL_SELECTION_REQUEST,
                request,
                source="a-test",
                target=SELECTION_TARGET,
            )
            await channel.send_broadcast(envelope.type, envelope.model_dump(mode="json"))
        await eventually(lambda: len(responses(watcher, task.id)) == 2)
    watcher.check()

    chosen, refused = responses(watcher, task.id)
    assert chosen.selected_model == "fireworks/qwen3p8-max"
    assert chosen.selection_reason
    assert refused.selected_model is None
    assert "no-such-model" in (refused.selection_reason or "")
    rows = await store.fetch_selections(task_id=task.id)
    assert [row.selected_model for row in rows if row.subtask_id is None] == [chosen.selected_model]
