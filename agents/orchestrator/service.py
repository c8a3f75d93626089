"""The orchestrator: plans tasks, stamps subtasks with models, and answers who asks for a choice."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence

from loguru import logger

from agents.orchestrator.knowledge_sync import Learner
from agents.orchestrator.lane_registry import Fleet
from agents.orchestrator.planner import Cio
from agents.orchestrator.retention import Retention, prune_regularly
from agents.orchestrator.selection_channel import SelectionDesk
from agents.runtime.agent import living
from agents.runtime.drain import Drain
from agents.runtime.health import Vitals
from agents.runtime.identity import AgentIdentity
from agents.runtime.lease import OpenStore
from agents.runtime.options import RuntimeOptions
from agents.selection.evidence.knowledge import NOTHING_KNOWN, Knowledge
from agents.selection.model_profiles import shelf_of
from protocol.bus import Bus
from protocol.errors import StoreUnavailable
from protocol.messages import Envelope
from protocol.store.queue import Store
from protocol.topics import MODEL_SELECTION, TASKS
from providers.catalogue.catalogue import Catalogue

LANE = "cio"
REAP_SECONDS = 1.0


async def run_orchestrator(
    *,
    open_store: OpenStore,
    bus: Bus,
    catalogue: Catalogue,
    lanes: Callable[[], Awaitable[Sequence[str]]],
    identity: AgentIdentity,
    options: RuntimeOptions,
    drain: Drain,
    on_ready: Callable[[], None],
    vitals: Vitals | None = None,
    knowledge: Knowledge = NOTHING_KNOWN,
) -> None:
    """Plan until drained or cancelled. `lanes` says what is served while no executor is known.

    `knowledge` is what is known before the database says more. Raises Unauthorized or
    MigrationMissing when the project cannot be used.
    """
    async with living(
        open_store=open_store, identity=identity, options=options, drain=drain, vitals=vitals
    ) as agent:
        fleet = Fleet(store=agent.store, own=lanes)
        await fleet.refresh()
        # Reading the price tables takes a while; nobody's choice is to wait for it.
        await asyncio.to_thread(shelf_of(catalogue, simulated=fleet.simulated).warm, fleet.lanes)
        learner = Learner(store=agent.store, agent_id=identity.id, start=knowledge)
        await learner.refresh()
        cio = Cio(catalogue=catalogue, fleet=fleet, knowledge=lambda: learner.knowledge)
        desk = SelectionDesk(
            catalogue=catalogue,
            cio=cio,
            fleet=fleet,
            bus=bus,
            store=agent.store,
            source=identity.id,
            jitter=agent.jitter,
        )
        services = _services(agent.store, fleet, desk, learner, options.retention)
        running = [agent.services.create_task(work, name=name) for name, work in services.items()]
        try:
            async with (
                bus.listen(TASKS, lambda _: agent.wakeup.ring(), on_ready=agent.wakeup.ring),
                bus.listen(MODEL_SELECTION, _each(desk.hear, learner.hear)),
            ):
                if not drain.begun.is_set():
                    on_ready()
                await agent.run(lanes=lambda: [LANE], work=cio.work, drain=drain)
        finally:
            for service in running:
                service.cancel()


def _services(
    store: Store, fleet: Fleet, desk: SelectionDesk, learner: Learner, retention: Retention
) -> dict[str, Coroutine[None, None, None]]:
    """Return what runs beside planning, by the names of its tasks."""
    return {
        "fleet": fleet.run(),
        "selection desk": desk.run(),
        "learner": learner.run(),
        "reaper": _reap(store),
        "pruner": prune_regularly(store, retention),
    }


def _each(*hearers: Callable[[Envelope], None]) -> Callable[[Envelope], None]:
    def hear(message: Envelope) -> None:
        for each in hearers:
            each(message)

    return hear


async def _reap(store: Store) -> None:
    """Move what is due. Every orchestrator does; the database lets one at a time."""
    while True:
        try:
            moved = await store.reap()
        except StoreUnavailable as error:
            logger.debug("the reaper could not run", error=str(error))
        else:
            if moved.reaped or moved.dead:
                logger.warning("leases had run out", reaped=moved.reaped, dead=moved.dead)
        await asyncio.sleep(REAP_SECONDS)
