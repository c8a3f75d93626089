"""Requests to orchestrators on `model-selection`."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest
from loguru import logger

from agents.orchestrator.cio import Cio
from agents.orchestrator.lane_registry import LaneRegistry
from agents.orchestrator.selection_channel import MAX_WAITING, SelectionChannelHandler
from protocol.errors import Refused
from protocol.messages import (
    Envelope,
    MessageType,
    ModelControl,
    ModelSelectionResponse,
    read_payload,
)
from protocol.records import AgentRecord, SelectionRecord
from providers.catalogue.catalogue import Catalogue
from tests.support.agents.fake_bus import FakeBus
from tests.support.agents.fake_store import AWAY, FakeStore
from tests.support.eventually import eventually

CATALOGUE = Catalogue.load()
RETIRED = "fireworks/qwen3-coder-480b-a35b-instruct"


def an_executor() -> AgentRecord:
    return AgentRecord(
        id="executor",
        kind="executor",
        lanes=["claude-haiku-4-5", "claude-sonnet-5-5", "gpt-6.1-sol"],
        capacity=1,
        silent_ms=0,
    )


async def open_channel(store: FakeStore, bus: FakeBus | None = None) -> SelectionChannelHandler:
    async def own() -> Sequence[str]:
        return ()

    registry = LaneRegistry(store=store, own=own)
    await registry.refresh()
    return SelectionChannelHandler(
        cio=Cio(catalogue=CATALOGUE, registry=registry),
        bus=bus or FakeBus(),
        store=store,
        source="cio-1",
        jitter=random.Random(0),  # noqa: S311 - guards nothing
    )


def a_request(payload: dict[str, Any], **fields: Any) -> Envelope:
    """Build a request as it is read from the channel."""
    raw = {
        "type": "MODEL_SELECTION_REQUEST",
        "payload": payload,
        "source": "an executor",
        "target": "cogo-model-selection",
    }
    return Envelope.parse(raw | fields)


async def answers(*requests: Envelope) -> list[SelectionRecord]:
    """Ask one after the other; gives everything that was answered."""
    store, bus = FakeStore(others=[an_executor()]), FakeBus()
    channel = await open_channel(store, bus)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(channel.run())
        for request in requests:
            channel.handle_message(request)
        last = a_request({"requested_model": "claude-haiku-4-5", "task_id": "the last"})
        channel.handle_message(last)
        await eventually(lambda: any(each.task_id == "the last" for each in store.selections))
        running.cancel()
    assert bus.requests == []
    return [each for each in store.selections if each.task_id != "the last"]


SEED = {
    "task_id": "task-123",
    "subtask_id": "subtask-1",
    "requested_model": "claude-3.5-sonnet",
    "available_models": ["claude-3.5-sonnet", "gpt-6.1-sol"],
    "model_capabilities": {"claude-3.5-sonnet": ["code-generation"]},
    "timestamp": "2026-03-01T12:00:00Z",
}


async def test_a_request_with_ids_that_are_no_uuids_is_answered_with_the_successor() -> None:
    [answer] = await answers(a_request(SEED))

    assert (answer.task_id, answer.subtask_id) == ("task-123", "subtask-1")
    assert answer.requested_model == "claude-3.5-sonnet"
    assert answer.selected_model == "claude-sonnet-5-5"
    assert set(answer.available_models) == {"claude-sonnet-5-5", "gpt-6.1-sol"}
    assert "Claude Sonnet 5.5 replaces it" in answer.reason


async def test_a_request_without_an_id_has_the_same_one_at_every_orchestrator() -> None:
    first, again, other = (
        a_request(SEED), a_request(SEED), a_request(SEED | {"timestamp": "2026-03-01T12:00:01Z"})
    )  # fmt: skip
    named = a_request(SEED, id="11111111-0000-4000-8000-000000000001")

    assert first.id == again.id != other.id
    found = await answers(first, named)
    assert [each.request_id for each in found] == [first.id, named.id]
    assert [each.unnamed_request for each in found] == [True, False]


@pytest.mark.parametrize(
    ("payload", "selected", "words"),
    [
        ({"task_requirements": {"complexity": "high"}}, "claude-sonnet-5-5", "accuracy"),
        ({"requested_model": "auto"}, "claude-sonnet-5-5", "default"),
        ({"requested_model": "claude-sonnet-55"}, None, "claude-sonnet-5-5"),
        ({"requested_model": "claude-opus-5-5"}, None, "no executor serves it"),
        ({"requested_model": "x" * 100_000}, None, "too long"),
        (
            {"requested_model": "no-such", "available_models": ["no-such", "gpt-6.1-sol"]},
            None,
            "'no-such' does not exist",
        ),
        (
            {"requested_model": "gpt-6.1-sol", "available_models": ["claude-haiku-4-5"]},
            None,
            "not among the available models: claude-haiku-4-5",
        ),
        ({"available_models": ["no-such", "gpt-6.1-sol"]}, "gpt-6.1-sol", "does not exist"),
        ({"available_models": ["no-such"]}, None, "does not exist"),
        (
            {"available_models": [*(f"no-such-{n}" for n in range(1_000)), "gpt-6.1-sol"]},
            "gpt-6.1-sol",
            "990 more names were not resolved",
        ),
        ({"available_models": ["claude-opus-5-5"]}, None, "No executor serves claude-opus-5-5"),
        (
            {"available_models": ["claude-3.5-sonnet"]},
            "claude-sonnet-5-5",
            "Claude Sonnet 5.5 replaces it",
        ),
        ({"task_requirements": {"complexity": "huge"}}, None, "task_requirements.complexity"),
        ({"available_models": "all"}, None, "cannot be read: available_models"),
        ({"task_requirements": []}, None, "cannot be read: task_requirements"),
        ({"task_id": ["x"]}, None, "cannot be read: task_id"),
        ({"task_id": "x" * 300}, None, "cannot be read: task_id"),
        ({"task_id": "a\x00b"}, "claude-sonnet-5-5", "default"),
        ({"task_id": "\ud800"}, None, "cannot be read: task_id"),
    ],
)
async def test_every_request_gets_one_answer_that_says_why(
    payload: dict[str, Any], selected: str | None, words: str
) -> None:
    [answer] = await answers(a_request(payload))

    assert answer.selected_model == selected
    assert words in answer.reason
    assert "\n" not in answer.reason
    assert len(answer.reason) < 2_000
    assert "\x00" not in answer.model_dump_json()


async def test_an_answer_that_the_database_refuses_is_given_on_the_channel() -> None:
    store = FakeStore(others=[an_executor()])
    store.errors["record_selection"] = Refused("no such thing")
    bus = FakeBus()
    channel = await open_channel(store, bus)
    request = a_request(SEED)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(channel.run())
        channel.handle_message(request)
        await eventually(lambda: bus.requests)
        running.cancel()

    [[sent]] = bus.requests
    answer = read_payload(sent.envelope, ModelSelectionResponse)
    assert (answer.request_id, answer.task_id) == (request.id, "task-123")
    assert answer.error
    assert answer.selected_model is None


async def test_requests_wait_until_the_store_answers() -> None:
    store = FakeStore(others=[an_executor()], errors={"record_selection": AWAY})
    channel = await open_channel(store)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(channel.run())
        for number in range(3):
            channel.handle_message(a_request({"task_id": str(number)}))
        await eventually(lambda: store.asked["record_selection"] > 1)
        store.errors.clear()
        await eventually(lambda: len(store.selections) == 3)
        running.cancel()

    assert [each.task_id for each in store.selections] == ["0", "1", "2"]


async def test_operators_speak_on_the_channel_and_a_provider_takes_its_lanes_along() -> None:
    store = FakeStore(others=[an_executor()])
    channel = await open_channel(store)
    said = ModelControl(action="drain", subject="anthropic", reason="its contract ends")
    async with asyncio.TaskGroup() as group:
        running = group.create_task(channel.run())
        message = Envelope.wrap(MessageType.MODEL_CONTROL, said, source="ann", target="x")
        channel.handle_message(message)
        channel.handle_message(
            Envelope(type="MODEL_CONTROL", payload={"a": 1}, source="x", target="x")
        )
        await eventually(lambda: store.controls)
        running.cancel()

    lanes = ("claude-haiku-4-5", "claude-sonnet-5-5")
    assert store.controls == [
        ("drain", "anthropic", lanes, "everywhere", "its contract ends", "ann")
    ]


@pytest.mark.parametrize("lanes", [(), (RETIRED,)])
async def test_a_command_applies_to_the_model_that_a_role_stands_for_now(
    lanes: Sequence[str],
) -> None:
    own = an_executor()
    store = FakeStore(others=[own.model_copy(update={"lanes": [*own.lanes, *lanes]})])
    channel = await open_channel(store)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(channel.run())
        for action, subject in (("pin", "coding"), ("allow", "coding"), ("ban", "unheard-of")):
            said = ModelControl.model_validate({"action": action, "subject": subject})
            channel.handle_message(
                Envelope.wrap(MessageType.MODEL_CONTROL, said, source="ann", target="x")
            )
        await eventually(lambda: store.controls and store.controls[-1][0] == "ban")
        running.cancel()

    successor = CATALOGUE.resolve("coding").model.id
    ids = [RETIRED, "coding"] if lanes else [successor, RETIRED, "coding"]
    assert [each[:3] for each in store.controls] == [
        ("pin", ids[0], (ids[0],)),
        *(("allow", each, (each,)) for each in ids),
        ("ban", "unheard-of", ("unheard-of",)),
    ]


async def test_a_flood_is_logged_when_it_begins_and_when_it_is_over() -> None:
    store = FakeStore(others=[an_executor()])
    channel = await open_channel(store)
    said: list[dict[str, Any]] = []
    sink = logger.add(lambda message: said.append(dict(message.record)), level="WARNING")
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(MAX_WAITING + 400):
                channel.handle_message(a_request({}))
            running = group.create_task(channel.run())
            await eventually(lambda: len(store.selections) == MAX_WAITING)
            running.cancel()
    finally:
        logger.remove(sink)

    assert [each["extra"].get("dropped") for each in said] == [None, 400]
