"""Serving: one agent, from its greeting to its drain."""

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import Final

from loguru import logger

from agents.executor.answer_cache import AnswerCache
from agents.executor.service import run_executor
from agents.orchestrator.retention import Retention
from agents.orchestrator.service import run_orchestrator
from agents.runtime.drain import Drain
from agents.runtime.health import Health
from agents.runtime.identity import AgentIdentity
from agents.runtime.options import RuntimeOptions
from agents.selection.evidence.knowledge import Knowledge
from cogo.config.catalogue import credentials, ended_models, load_catalogue
from cogo.config.context import Project
from cogo.process.bootstrap import Greeting, Kind
from cogo.process.health_server import health_server
from cogo.process.parent_watch import hold_tether
from cogo.process.shutdown import Stop, stop_on_signals
from cogo.terminal import print_line, typed
from cogo.wiring.catalogue_watch import kept_fresh
from cogo.wiring.router import build_router, open_cache, open_router
from cogo.wiring.stores import OpenStore, build_bus, store_factory
from protocol.bus import Bus
from providers.catalogue.catalogue import Catalogue
from providers.router import Router

Agent = Callable[[Drain, Callable[[], None]], Awaitable[None]]

PROGRESS: Final = timedelta(milliseconds=30)
HOSTED_PROGRESS: Final = timedelta(milliseconds=200)
"""Hosted projects meter each delivery, so progress goes out in larger batches there."""


def secrets_of(project: Project, greeting: Greeting) -> list[str]:
    """Give every secret that this process knows, for the redaction of its logs."""
    opened = credentials(project, load_catalogue(project)).values()
    keys = (key.get_secret_value() for each in opened for key in each.keys)
    return [greeting.secret_key, *keys]


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What an agent is to be."""

    kind: Kind
    agent_id: str
    capacity: int
    health_port: int | None
    """Where on loopback it answers probes; 0: on any free port, None: nowhere."""


async def serve(project: Project, greeting: Greeting, role: Role, *, with_parent: bool) -> None:
    """Run one agent until it is drained.

    `with_parent` ties it to the process that greeted it: when that is gone, it cancels.
    """
    connection = greeting.connection()
    catalogue = load_catalogue(project)
    if role.kind == "orchestrator":
        for sentence in ended_models(catalogue):
            logger.warning(sentence)
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(build_bus(connection))
        router = await stack.enter_async_context(_open_router(project, catalogue, greeting, role))
        health = Health(bus=bus)
        health_url = None
        if role.health_port is not None:
            health_url = stack.enter_context(health_server(health, role.health_port))
        lister = router if greeting.simulator_url is None else None
        await stack.enter_async_context(kept_fresh(project, catalogue, lister=lister))
        if greeting.simulator_url is None:
            await router.discover()
        stop = stack.enter_context(stop_on_signals())
        if with_parent:
            hold_tether(partial(_insist, stop, asyncio.get_running_loop()))
        parts = _Parts(
            identity=_identity(role),
            options=RuntimeOptions(
                capacity=role.capacity,
                retention=Retention(
                    tasks=project.settings.retention, calls=project.settings.audit_retention
                ),
                simulated=greeting.simulator_url is not None,
                health_url=health_url,
                progress_every=HOSTED_PROGRESS if connection.is_hosted else PROGRESS,
            ),
            open_store=store_factory(connection),
            health=health,
            knowledge=Knowledge(policy=project.settings.selection_policy),
            cache=await stack.enter_async_context(
                open_cache(project, connection, agent_id=role.agent_id)
            ),
        )
        await run_until_stopped(
            _agent(parts, bus, router), stop, on_ready=partial(_announce, parts)
        )


def _announce(parts: "_Parts") -> None:
    """Print that the agent is ready, or what it lacks to be."""
    lacking = parts.health.serves_nothing
    about = {"health_url": parts.options.health_url}
    if lacking is None:
        print_line(json.dumps({"ready": parts.identity.id} | about))
    else:
        print_line(typed(lacking), err=True)
        print_line(json.dumps({"waiting": parts.identity.id} | about | {"missing": lacking}))


def _open_router(
    project: Project, catalogue: Catalogue, greeting: Greeting, role: Role
) -> AbstractAsyncContextManager[Router]:
    """Only executors make calls, so only they need what stands around them."""
    if role.kind != "executor":
        return build_router(project, catalogue, simulator_url=greeting.simulator_url)
    return open_router(
        project,
        catalogue,
        greeting.connection(),
        agent_id=role.agent_id,
        simulator_url=greeting.simulator_url,
    )


def _identity(role: Role) -> AgentIdentity:
    return AgentIdentity(
        id=role.agent_id,
        kind=role.kind,
        host=socket.gethostname(),
        pid=os.getpid(),
        version=version("cogo"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What both kinds of agents are made of."""

    identity: AgentIdentity
    options: RuntimeOptions
    open_store: OpenStore
    health: Health
    knowledge: Knowledge
    cache: AnswerCache


def _agent(parts: _Parts, bus: Bus, router: Router) -> Agent:
    async def execute(drain: Drain, on_ready: Callable[[], None]) -> None:
        await run_executor(
            open_store=parts.open_store,
            bus=bus,
            router=router,
            identity=parts.identity,
            options=parts.options,
            drain=drain,
            on_ready=on_ready,
            health=parts.health,
            cache=parts.cache,
        )

    async def own_lanes() -> Sequence[str]:
        return router.served_lanes()

    async def orchestrate(drain: Drain, on_ready: Callable[[], None]) -> None:
        await run_orchestrator(
            open_store=parts.open_store,
            bus=bus,
            catalogue=router.catalogue,
            lanes=own_lanes,
            knowledge=parts.knowledge,
            identity=parts.identity,
            options=parts.options,
            drain=drain,
            on_ready=on_ready,
            health=parts.health,
        )

    return execute if parts.identity.kind == "executor" else orchestrate


def _insist(stop: Stop, loop: asyncio.AbstractEventLoop) -> None:
    loop.call_soon_threadsafe(stop.insist)


async def run_until_stopped(agent: Agent, stop: Stop, *, on_ready: Callable[[], None]) -> None:
    """Run `agent`; drain it at the first request to stop, cancel it at the second."""
    drain = Drain()
    async with asyncio.TaskGroup() as group:
        work = group.create_task(_as_coroutine(agent, drain, on_ready), name="agent")

        async def pass_on() -> None:
            await stop.drain.wait()
            drain.begin()
            await stop.cancel.wait()
            work.cancel()

        watcher = group.create_task(pass_on(), name="stop")
        work.add_done_callback(lambda _: watcher.cancel())


async def _as_coroutine(agent: Agent, drain: Drain, on_ready: Callable[[], None]) -> None:
    await agent(drain, on_ready)
