import json
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from loguru import logger

from embedded.state import State
from protocol.bus import OutgoingMessage
from protocol.errors import StoreUnavailable, Unauthorized
from protocol.messages import Envelope, MessageType, SubtaskProgress
from protocol.topics import MODEL_SELECTION, RESULTS, SUBTASKS, TASKS, result_topic
from protocol.transport.channels import Channels
from protocol.transport.supabase_store import SupabaseStore
from tests.contract.transport.agent import Agent, a_selection, a_usage
from tests.support.eventually import eventually
from tests.support.ports import a_port
from tests.support.servers.embedded import embedded_server
from tests.support.servers.postgres import state_directory

NOWHERE = "http://127.0.0.1:9"


class RecordingListener:
    """Keeps messages and counts subscriptions."""

    def __init__(self) -> None:
        self.messages: list[Envelope] = []
        self.ready = 0

    def hear(self, message: Envelope) -> None:
        self.messages.append(message)

    def get_ready(self) -> None:
        self.ready += 1

    def of(self, task_id: UUID) -> list[Envelope]:
        return [each for each in self.messages if each.payload.get("task_id") == str(task_id)]


@pytest.fixture
def logged() -> Iterator[list[dict[str, Any]]]:
    """Everything that is logged, as records."""
    records: list[dict[str, Any]] = []
    sink = logger.add(lambda message: records.append(dict(message.record)), level="INFO")
    yield records
    logger.remove(sink)


def a_progress(task_id: UUID, delta: str, offset: int = 0) -> OutgoingMessage:
    progress = SubtaskProgress(
        task_id=task_id, subtask_id=uuid4(), attempt=1, offset=offset, delta=delta
    )
    topic = result_topic(task_id)
    envelope = Envelope.wrap(
        MessageType.SUBTASK_PROGRESS, progress, source="executor-1", target=topic
    )
    return OutgoingMessage(topic=topic, envelope=envelope)


async def broadcast(project: State, topic: str, event: str, payload: object) -> None:
    """Broadcast a message from the database."""
    connection = await asyncpg.connect(project.db_url)
    try:
        await connection.execute(
            "select realtime.send($1::jsonb, $2, $3, true)", json.dumps(payload), event, topic
        )
    finally:
        await connection.close()


async def test_the_events_of_a_task_are_heard_on_every_topic(
    store: SupabaseStore, channels: Channels
) -> None:
    agent = Agent(store)
    listeners = {
        topic: RecordingListener() for topic in (TASKS, SUBTASKS, RESULTS, MODEL_SELECTION)
    }
    async with (
        channels.listen(TASKS, listeners[TASKS].hear, on_ready=listeners[TASKS].get_ready),
        channels.listen(SUBTASKS, listeners[SUBTASKS].hear, on_ready=listeners[SUBTASKS].get_ready),
        channels.listen(RESULTS, listeners[RESULTS].hear, on_ready=listeners[RESULTS].get_ready),
        channels.listen(
            MODEL_SELECTION,
            listeners[MODEL_SELECTION].hear,
            on_ready=listeners[MODEL_SELECTION].get_ready,
        ),
    ):
        await eventually(lambda: all(listener.ready for listener in listeners.values()))

        task, claimed = await agent.start()
        await agent.complete_output(claimed, {"generated_code": "1"}, a_usage())
        await eventually(lambda: len(listeners[RESULTS].of(task.id)) == 2)
        await eventually(lambda: listeners[MODEL_SELECTION].of(task.id))

    assert [each.type for each in listeners[TASKS].of(task.id)] == ["TASK_CREATED"]
    [stamped] = listeners[SUBTASKS].of(task.id)
    assert (stamped.type, stamped.target) == ("MCP_SUBTASK", SUBTASKS)
    assert stamped.payload["params"]["model_id"] == agent.lane
    assert [each.type for each in listeners[RESULTS].of(task.id)] == [
        "SUBTASK_RESULT",
        "TASK_RESULT",
    ]
    assert {each.source for each in listeners[RESULTS].of(task.id)} == {agent.id}
    [selection] = listeners[MODEL_SELECTION].of(task.id)
    assert selection.payload["selection_reason"] == a_selection().reason


async def test_a_listener_hears_its_own_topic_only_and_in_order(channels: Channels) -> None:
    mine, other = uuid4(), uuid4()
    listener = RecordingListener()
    async with channels.listen(result_topic(mine), listener.hear, on_ready=listener.get_ready):
        await eventually(lambda: listener.ready)

        await channels.publish([a_progress(other, "x")])
        await channels.publish([a_progress(mine, str(n), offset=n) for n in range(20)])
        await channels.publish([a_progress(mine, "end", offset=20)])
        await eventually(lambda: len(listener.messages) >= 21)

    assert [each.payload["offset"] for each in listener.messages] == list(range(21))


async def test_half_a_character_reaches_listeners_replaced(channels: Channels) -> None:
    task_id = uuid4()
    listener = RecordingListener()
    async with channels.listen(result_topic(task_id), listener.hear, on_ready=listener.get_ready):
        await eventually(lambda: listener.ready)

        await channels.publish([a_progress(task_id, "a\ud83d\x00b")])
        await eventually(lambda: listener.messages)

    assert listener.messages[0].payload["delta"] == "a\ufffd\ufffdb"


async def test_too_large_a_message_is_left_out_and_the_others_arrive(
    channels: Channels, logged: list[dict[str, Any]]
) -> None:
    task_id = uuid4()
    listener = RecordingListener()
    async with channels.listen(result_topic(task_id), listener.hear, on_ready=listener.get_ready):
        await eventually(lambda: listener.ready)

        # Short in characters, too long in bytes.
        await channels.publish([a_progress(task_id, "😀" * 10_000), a_progress(task_id, "small")])
        await eventually(lambda: listener.messages)

    assert [each.payload["delta"] for each in listener.messages] == ["small"]
    assert [each["message"] for each in logged] == ["a message was too large to send"]


async def test_a_listener_that_left_hears_nothing_and_may_come_back(
    project: State, channels: Channels
) -> None:
    stays, listener = RecordingListener(), RecordingListener()
    task_id = uuid4()
    topic = result_topic(task_id)
    async with channels.listen(TASKS, stays.hear, on_ready=stays.get_ready):
        async with channels.listen(topic, listener.hear, on_ready=listener.get_ready):
            await eventually(lambda: listener.ready and stays.ready)
        await channels.publish([a_progress(task_id, "unheard")])

        async with channels.listen(topic, listener.hear, on_ready=listener.get_ready):
            await eventually(lambda: listener.ready >= 2)
            await eventually(lambda: _published(channels, task_id, listener))

    assert {each.payload["delta"] for each in listener.messages} == {"heard"}


async def _published(channels: Channels, task_id: UUID, listener: RecordingListener) -> bool:
    await channels.publish([a_progress(task_id, "heard")])
    return bool(listener.messages)


async def test_a_malformed_message_changes_nothing_and_is_logged_once_with_its_topic(
    project: State, channels: Channels, logged: list[dict[str, Any]]
) -> None:
    topic = result_topic(uuid4())
    good = a_progress(uuid4(), "good").envelope.model_dump(mode="json")
    listener = RecordingListener()
    async with channels.listen(topic, listener.hear, on_ready=listener.get_ready):
        await eventually(lambda: listener.ready)

        for payload in ({}, {"type": "SUBTASK_PROGRESS", "payload": 7}, good | {"payload": {}}):
            await broadcast(project, topic, "SUBTASK_PROGRESS", payload)
        await broadcast(project, topic, "SUBTASK_PROGRESS", good)
        await eventually(lambda: listener.messages)

    assert [each.payload.get("delta") for each in listener.messages] == ["good"]
    [record] = logged
    assert record["message"] == "a malformed message was ignored"
    assert record["extra"]["topic"] == topic


async def test_a_type_of_a_newer_version_is_heard_and_logged_once(
    project: State, channels: Channels, logged: list[dict[str, Any]]
) -> None:
    topic = result_topic(uuid4())
    newer = a_progress(uuid4(), "x").envelope.model_dump(mode="json") | {"type": "TASK_DREAMT"}
    listener = RecordingListener()
    async with channels.listen(topic, listener.hear, on_ready=listener.get_ready):
        await eventually(lambda: listener.ready)
        for _ in range(2):
            await broadcast(project, topic, "TASK_DREAMT", newer)
        await eventually(lambda: len(listener.messages) == 2)

    assert [each["extra"].get("event") for each in logged] == ["TASK_DREAMT"]


async def test_listeners_hear_again_after_the_server_was_restarted(
    logged: list[dict[str, Any]],
) -> None:
    task_id = uuid4()
    listener = RecordingListener()
    port = a_port()
    with state_directory() as directory:
        async with AsyncExitStack() as stack:
            with embedded_server(directory, f"--port={port}") as state:
                channels = Channels(state.url, state.secret_key)
                await stack.enter_async_context(channels)
                listening = channels.listen(
                    result_topic(task_id), listener.hear, on_ready=listener.get_ready
                )
                await stack.enter_async_context(listening)
                await eventually(lambda: listener.ready == 1)
            with embedded_server(directory, f"--port={port}"):
                await eventually(lambda: listener.ready == 2, within=30)
                await channels.publish([a_progress(task_id, "again")])
                await eventually(lambda: listener.messages)
                await stack.aclose()

    warnings = [each["message"] for each in logged if each["level"].name == "WARNING"]
    assert warnings == ["Realtime is unavailable; polling for work"]


async def test_speaking_where_nobody_listens_means_ask_again() -> None:
    async with Channels(NOWHERE, "sb_secret_x") as channels:
        with pytest.raises(StoreUnavailable):
            await channels.publish([a_progress(uuid4(), "x")])


async def test_publishing_with_a_wrong_key_raises(project: State) -> None:
    async with Channels(project.url, "sb_secret_wrong_wrong_wrong") as channels:
        with pytest.raises(Unauthorized, match="SUPABASE_SECRET_KEY"):
            await channels.publish([a_progress(uuid4(), "x")])
