"""Orchestrator and executor as services: started, notified, drained, cancelled."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from agents.executor.service import run_executor
from agents.orchestrator.service import run_orchestrator
from agents.runtime.options import AgentIdentity, RuntimeOptions
from agents.runtime.wakeup import Drain
from agents.workflows.hosting.host import WorkflowHost
from agents.workflows.registry import WORKFLOWS
from protocol.errors import MigrationMissing, Unauthorized
from protocol.messages import Envelope
from protocol.topics import MODEL_SELECTION, TASKS
from providers.catalogue.catalogue import Catalogue
from providers.router import Router
from tests.support.agents.fake_bus import FakeBus
from tests.support.agents.fake_store import AWAY, FakeStore
from tests.support.agents.subtasks import a_plan
from tests.support.eventually import eventually

CATALOGUE = Catalogue.load()
OPTIONS = RuntimeOptions(
    poll_busy=timedelta(milliseconds=10),
    poll_idle=timedelta(milliseconds=10),
    heartbeat_every=timedelta(milliseconds=20),
    grace=timedelta(seconds=2),
)
QUIET = RuntimeOptions(poll_busy=timedelta(hours=1), poll_idle=timedelta(hours=1))

Run = Callable[
    [FakeStore, FakeBus, RuntimeOptions, Drain, Callable[[], None]],
    Coroutine[Any, Any, None],
]


def identity(kind: str) -> AgentIdentity:
    which = "executor" if kind == "executor" else "orchestrator"
    return AgentIdentity(id=kind, kind=which, host="here", pid=1, version="0")  # type: ignore[arg-type]


async def orchestrator(
    store: FakeStore,
    bus: FakeBus,
    options: RuntimeOptions,
    drain: Drain,
    on_ready: Callable[[], None],
) -> None:
    async def own() -> Sequence[str]:
        return ["claude-sonnet-5-5"]

    await run_orchestrator(
        open_store=store.open,
        bus=bus,
        catalogue=CATALOGUE,
        workflows=WorkflowHost(WORKFLOWS),
        lanes=own,
        identity=identity("orchestrator"),
        options=options,
        drain=drain,
        on_ready=on_ready,
    )


async def executor(
    store: FakeStore,
    bus: FakeBus,
    options: RuntimeOptions,
    drain: Drain,
    on_ready: Callable[[], None],
    *,
    make_router: type[Router] = Router,
) -> None:
    async with make_router(CATALOGUE, {}) as router:
        await run_executor(
            open_store=store.open,
            bus=bus,
            router=router,
            identity=identity("executor"),
            options=options,
            drain=drain,
            on_ready=on_ready,
        )


SERVICES = pytest.mark.parametrize("run", [orchestrator, executor])


@asynccontextmanager
async def running(
    run: Run, store: FakeStore, bus: FakeBus, options: RuntimeOptions = OPTIONS
) -> AsyncIterator["asyncio.Task[None]"]:
    """Run until the end of the block, then drain."""
    ready, drain = asyncio.Event(), Drain()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run(store, bus, options, drain, ready.set))
        await eventually(ready.is_set, within=30)
        yield task
        drain.begin()


@SERVICES
async def test_a_service_that_is_drained_ends_and_leaves_nothing_held(run: Run) -> None:
    store, bus = FakeStore(), FakeBus()

    async with running(run, store, bus) as task:
        await eventually(lambda: len(store.records) > 2, within=5)

    assert task.done()
    assert len(store.released) == 1
    assert store.records[-1].stopped_at is not None
    assert store.opened == store.closed
    assert bus.listeners == {}


@SERVICES
async def test_a_service_that_is_cancelled_ends_and_leaves_nothing_held(run: Run) -> None:
    store, bus = FakeStore(), FakeBus()

    async with running(run, store, bus) as task:
        task.cancel()
        await eventually(task.done, within=5)

    assert len(store.released) == 1
    assert store.opened == store.closed


@SERVICES
async def test_a_service_waits_for_its_store_and_is_ready_only_then(run: Run) -> None:
    store, bus, drain = FakeStore(errors={"all": AWAY}), FakeBus(), Drain()
    ready = asyncio.Event()

    async with asyncio.TaskGroup() as group:
        group.create_task(run(store, bus, OPTIONS, drain, ready.set))
        await eventually(lambda: store.asked["record_agent"] > 1, within=5)
        assert not ready.is_set()
        store.errors.clear()
        await eventually(ready.is_set, within=30)
        drain.begin()


@SERVICES
@pytest.mark.parametrize("errors", [{}, {"all": AWAY}])
async def test_a_service_that_is_drained_while_it_starts_never_says_that_it_is_ready(
    run: Run, errors: dict[str, Exception]
) -> None:
    store, bus, drain = FakeStore(), FakeBus(), Drain()
    store.errors.update(errors)  # type: ignore[arg-type]
    said: list[str] = []
    drain.begin()

    await asyncio.wait_for(run(store, bus, OPTIONS, drain, partial(said.append, "ready")), 60)

    assert said == []


@SERVICES
@pytest.mark.parametrize("error", [Unauthorized("the key is wrong"), MigrationMissing("old")])
async def test_a_project_that_cannot_be_used_is_named_at_the_start(
    run: Run, error: Unauthorized | MigrationMissing
) -> None:
    store = FakeStore(errors={"all": error})

    with pytest.raises(type(error)):
        await run(store, FakeBus(), OPTIONS, Drain(), lambda: None)


@SERVICES
async def test_a_service_outlives_a_store_that_goes_away(run: Run) -> None:
    store, bus = FakeStore(), FakeBus()

    async with running(run, store, bus) as task:
        store.errors["all"] = AWAY
        beats = store.asked["record_agent"]
        await eventually(lambda: store.asked["record_agent"] > beats + 3, within=5)
        store.errors.clear()
        count = len(store.records)
        await eventually(lambda: len(store.records) > count, within=5)
        assert not task.done()


async def test_the_orchestrator_plans_what_it_claims() -> None:
    store = FakeStore(queue=[a_plan() for _ in range(20)])

    async with running(orchestrator, store, FakeBus()):
        await eventually(lambda: len(store.completed) == 20, within=5)

    assert all(each.hand_over for each in store.completed)


async def test_a_task_that_cannot_be_planned_fails_and_the_orchestrator_goes_on() -> None:
    bad = a_plan({"type": "BAKE_CAKE"})
    store = FakeStore(queue=[bad, a_plan()])

    async with running(orchestrator, store, FakeBus()):
        await eventually(lambda: store.failed and store.completed, within=5)

    assert [each.ref for each in store.failed] == [bad.ref]


async def test_a_doorbell_wakes_an_orchestrator_that_would_not_poll_for_an_hour() -> None:
    store, bus = FakeStore(), FakeBus()

    async with running(orchestrator, store, bus, QUIET):
        before = store.asked["claim_subtasks"]
        bus.listeners[TASKS](_message("ANYTHING", {"task_id": 7}))
        await eventually(lambda: store.asked["claim_subtasks"] > before, within=5)


async def test_nonsense_on_the_selection_channel_gets_one_answer_and_changes_nothing() -> None:
    store, bus = FakeStore(), FakeBus()

    async with running(orchestrator, store, bus) as task:
        for type_ in ("MODEL_SELECTION_REQUEST", "MODEL_SELECTION_RESPONSE", "OTHER"):
            bus.listeners[MODEL_SELECTION](_message(type_, {"available_models": 7}))
        await eventually(lambda: len(store.records) > 2, within=5)
        assert not task.done()

    [answer] = store.selections
    assert (answer.selected_model, "available_models" in answer.reason) == (None, True)
    assert bus.requests == []


def _message(type_: str, payload: dict[str, object]) -> Envelope:
    return Envelope(type=type_, payload=payload, source="test", target="test")
