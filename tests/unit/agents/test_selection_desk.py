"""What is said to orchestrators on `model-selection`."""

import asyncio
from collections.abc import Sequence
from typing import Any

from loguru import logger

from agents.cio import Cio
from agents.fleet import Fleet
from agents.selection_desk import WAITING, SelectionDesk
from protocol.ids import utc_now
from protocol.messages import Envelope, MessageType, ModelControl, ModelSelectionRequest
from protocol.records import AgentRecord
from providers.catalogue import Catalogue
from tests.support.eventually import eventually
from tests.support.scripted_bus import ScriptedBus
from tests.support.scripted_store import ScriptedStore

CATALOGUE = Catalogue.load()


def an_executor() -> AgentRecord:
    return AgentRecord(
        id="executor",
        kind="executor",
        lanes=["claude-haiku-4-5", "claude-sonnet-5-5", "gpt-6.1-sol"],
        capacity=1,
        heartbeat_at=utc_now(),
    )


async def a_desk(store: ScriptedStore) -> SelectionDesk:
    async def own() -> Sequence[str]:
        return ()

    fleet = Fleet(store=store, own=own)
    await fleet.refresh()
    cio = Cio(catalogue=CATALOGUE, fleet=fleet)
    return SelectionDesk(cio=cio, fleet=fleet, bus=ScriptedBus(), store=store, source="cio-1")


async def test_operators_speak_on_the_channel_and_a_provider_takes_its_lanes_along() -> None:
    store = ScriptedStore(others=[an_executor()])
    desk = await a_desk(store)
    said = ModelControl(action="drain", subject="anthropic", reason="its contract ends")
    async with asyncio.TaskGroup() as group:
        running = group.create_task(desk.run())
        desk.hear(Envelope.of(MessageType.MODEL_CONTROL, said, source="ann", target="x"))
        desk.hear(Envelope(type="MODEL_CONTROL", payload={"a": 1}, source="x", target="x"))
        await eventually(lambda: store.controls)
        running.cancel()

    lanes = ("claude-haiku-4-5", "claude-sonnet-5-5")
    assert store.controls == [
        ("drain", "anthropic", lanes, "everywhere", "its contract ends", "ann")
    ]


async def test_an_answer_carries_the_id_of_its_request() -> None:
    store = ScriptedStore(others=[an_executor()])
    desk = await a_desk(store)
    question = Envelope.of(
        MessageType.MODEL_SELECTION_REQUEST, ModelSelectionRequest(), source="x", target="x"
    )
    async with asyncio.TaskGroup() as group:
        running = group.create_task(desk.run())
        desk.hear(question)
        await eventually(lambda: store.selections)
        running.cancel()

    assert [each.request_id for each in store.selections] == [question.id]


async def test_a_flood_is_logged_when_it_begins_and_when_it_is_over() -> None:
    store = ScriptedStore(others=[an_executor()])
    desk = await a_desk(store)
    said: list[dict[str, Any]] = []
    sink = logger.add(lambda message: said.append(dict(message.record)), level="WARNING")
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(WAITING + 400):
                desk.hear(
                    Envelope.of(
                        MessageType.MODEL_SELECTION_REQUEST,
                        ModelSelectionRequest(),
                        source="x",
                        target="x",
                    )
                )
            running = group.create_task(desk.run())
            await eventually(lambda: len(store.selections) == WAITING)
            running.cancel()
    finally:
        logger.remove(sink)

    assert [each["extra"].get("dropped") for each in said] == [None, 400]
