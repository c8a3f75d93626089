"""Serving: one agent, from its greeting to its drain."""

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import Final

from agents.executor import run_executor
from agents.orchestrator import run_orchestrator
from agents.runtime.drain import Drain
from agents.runtime.identity import AgentIdentity
from agents.runtime.options import RuntimeOptions
from cogo.cli.output import print_line
from cogo.greeting import Greeting, Kind
from cogo.models import credentials, key_variables, load_catalogue
from cogo.project import Project
from cogo.stop import Stop, stop_on_signals
from cogo.tether import hold_tether
from cogo.wiring import OpenStore, build_bus, store_factory
from protocol.bus import Bus
from providers.router import Router

Agent = Callable[[Drain, Callable[[], None]], Awaitable[None]]

PROGRESS: Final = timedelta(milliseconds=30)
HOSTED_PROGRESS: Final = timedelta(milliseconds=200)
"""Hosted projects meter each delivery, so progress goes out in larger batches there."""


def secrets_of(project: Project, greeting: Greeting) -> list[str]:
    """Give every secret that this process knows, for the redaction of its logs."""
    keys = map(project.settings.value, key_variables(load_catalogue(project)))
    return [greeting.secret_key, *(key for key in keys if key is not None)]


async def serve(
    kind: Kind,
    project: Project,
    greeting: Greeting,
    *,
    agent_id: str,
    capacity: int,
    with_parent: bool,
) -> None:
    """Run one agent until it is drained.

    `with_parent` ties it to the process that greeted it: when that is gone, it cancels.
    """
    connection = greeting.connection()
    catalogue = load_catalogue(project)
    parts = _Parts(
        identity=AgentIdentity(
            id=agent_id,
            kind=kind,
            host=socket.gethostname(),
            pid=os.getpid(),
            version=version("cogo"),
        ),
        options=RuntimeOptions(
            capacity=capacity,
            retention=project.settings.retention,
            simulated=greeting.simulator_url is not None,
            progress_every=HOSTED_PROGRESS if connection.is_hosted else PROGRESS,
        ),
        open_store=store_factory(connection),
    )
    async with (
        build_bus(connection) as bus,
        Router(catalogue, credentials(project, catalogue, greeting.simulator_url)) as router,
    ):
        if greeting.simulator_url is None:
            await router.discover()
        with stop_on_signals() as stop:
            if with_parent:
                loop = asyncio.get_running_loop()
                hold_tether(partial(_insist, stop, loop))
            agent = _agent(parts, bus, router)
            await run_until_stopped(agent, stop, on_ready=lambda: _say_ready(agent_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What both kinds of agents are made of."""

    identity: AgentIdentity
    options: RuntimeOptions
    open_store: OpenStore


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
        )

    async def own_lanes() -> Sequence[str]:
        return router.served_lanes()

    async def orchestrate(drain: Drain, on_ready: Callable[[], None]) -> None:
        await run_orchestrator(
            open_store=parts.open_store,
            bus=bus,
            catalogue=router.catalogue,
            lanes=own_lanes,
            identity=parts.identity,
            options=parts.options,
            drain=drain,
            on_ready=on_ready,
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


def _say_ready(agent_id: str) -> None:
    print_line(json.dumps({"ready": agent_id}))
