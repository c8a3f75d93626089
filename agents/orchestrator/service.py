"""The orchestrator process: advances workflows, chooses models, and runs periodic services."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from loguru import logger

from agents.orchestrator.cio import Cio
from agents.orchestrator.columns import log_column_pause, run_columns_regularly
from agents.orchestrator.flows.runner import FlowRunner, WorkflowSource
from agents.orchestrator.knowledge_sync import KnowledgeSync
from agents.orchestrator.lane_registry import LaneRegistry
from agents.orchestrator.memory import run_memory_regularly
from agents.orchestrator.retention import prune_regularly
from agents.orchestrator.selection_channel import SelectionChannelHandler
from agents.runtime.agent import Agent, open_agent
from agents.runtime.health import Health
from agents.runtime.lease import OpenStore
from agents.runtime.options import AgentIdentity, RuntimeOptions
from agents.runtime.pool import run_pool
from agents.runtime.wakeup import Drain
from agents.selection.evidence.knowledge import NOTHING_KNOWN, Knowledge
from agents.selection.kinds.linear_model import load_model
from agents.selection.model_profiles import get_profile_cache
from protocol.bus import Bus
from protocol.errors import StoreUnavailable
from protocol.lanes import CIO
from protocol.messages import Envelope
from protocol.store.queue import QueueStore
from protocol.topics import MODEL_SELECTION, TASKS
from providers.catalogue.catalogue import Catalogue

REAP_SECONDS = 1.0


async def run_orchestrator(
    *,
    open_store: OpenStore,
    bus: Bus,
    catalogue: Catalogue,
    workflows: WorkflowSource,
    lanes: Callable[[], Awaitable[Sequence[str]]],
    identity: AgentIdentity,
    options: RuntimeOptions,
    drain: Drain,
    on_ready: Callable[[], None],
    health: Health | None = None,
    knowledge: Knowledge = NOTHING_KNOWN,
) -> None:
    """Advance the workflows of tasks until drained or cancelled.

    `lanes` returns the lanes served while no executor is known; `knowledge` is used until the first
    refresh from the database. Raises Unauthorized or MigrationMissing if the project cannot be
    used.
    """
    async with open_agent(
        open_store=open_store, identity=identity, options=options, drain=drain, health=health
    ) as agent:
        registry = await _open_registry(agent, catalogue, lanes)
        sync = KnowledgeSync(
            store=agent.store,
            agent_id=identity.id,
            start=knowledge,
            get_sizes=lambda: registry.sizes,
        )
        await sync.refresh()
        cio = Cio(
            catalogue=catalogue,
            registry=registry,
            knowledge=lambda: sync.knowledge,
            memory_model=options.memory_model,
        )
        flows = FlowRunner(cio=cio, workflows=workflows, outputs=agent.store)
        channel = SelectionChannelHandler(
            cio=cio, bus=bus, store=agent.store, source=identity.id, jitter=agent.jitter
        )
        services = _start_services(agent, channel, sync, cio)
        try:
            async with (
                bus.listen(TASKS, _wake(agent), on_ready=agent.wakeup.notify),
                bus.listen(MODEL_SELECTION, _handle_with(channel, sync)),
            ):
                if not drain.begun.is_set():
                    on_ready()
                await run_pool(
                    agent,
                    lanes=lambda: [CIO],
                    work=flows.handle,
                    drain=drain,
                    on_recorded=flows.log_selections,
                )
        finally:
            for service in services:
                service.cancel()


async def _open_registry(
    agent: Agent, catalogue: Catalogue, lanes: Callable[[], Awaitable[Sequence[str]]]
) -> LaneRegistry:
    """Return the registry of lanes, and load what the first choice would wait for."""
    registry = LaneRegistry(store=agent.store, own=lanes)
    await registry.refresh()
    profiles = get_profile_cache(
        catalogue, simulated=registry.simulated, open_models=registry.open_models
    )
    await asyncio.to_thread(profiles.preload, registry.lanes)
    agent.services.create_task(asyncio.to_thread(load_model), name="load the classifier")
    return registry


def _start_services(
    agent: Agent, channel: SelectionChannelHandler, sync: KnowledgeSync, cio: Cio
) -> list[asyncio.Task[None]]:
    """Start the periodic services; the caller cancels them."""
    services = {
        "lane registry": cio.registry.run(),
        "selection channel": channel.run(),
        "knowledge sync": sync.run(),
        "reaper": _reap_regularly(agent.store),
        "AI columns": run_columns_regularly(agent),
        "memory": run_memory_regularly(agent, cio.choose_memory_model),
        "pruner": prune_regularly(agent.store, agent.options.retention),
    }
    return [agent.services.create_task(each, name=name) for name, each in services.items()]


def _wake(agent: Agent) -> Callable[[Envelope], None]:
    def handle_message(message: Envelope) -> None:
        log_column_pause(message)
        agent.wakeup.notify()

    return handle_message


def _handle_with(
    channel: SelectionChannelHandler, sync: KnowledgeSync
) -> Callable[[Envelope], None]:
    def handle_message(message: Envelope) -> None:
        channel.handle_message(message)
        sync.handle_message(message)

    return handle_message


async def _reap_regularly(store: QueueStore) -> None:
    """Reap once a second until cancelled. The database allows one orchestrator at a time."""
    while True:
        try:
            moved = await store.reap()
        except StoreUnavailable as error:
            logger.debug("the reaper could not run", error=str(error))
        else:
            if moved.reaped or moved.dead:
                logger.warning("expired leases were reaped", reaped=moved.reaped, dead=moved.dead)
        await asyncio.sleep(REAP_SECONDS)
