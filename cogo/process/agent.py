"""The process of one agent, from its bootstrap to its drain."""

import asyncio
import gc
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import Any, Final, Protocol

from loguru import logger

from agents.executor.service import run_executor
from agents.memory.index import VectorIndex
from agents.middleware.call_ledger import CallLedger
from agents.orchestrator.service import run_orchestrator
from agents.runtime.health import Health
from agents.runtime.options import AgentIdentity, Retention, RuntimeOptions
from agents.runtime.wakeup import Drain
from agents.sandbox.check_runner import CheckRunner
from agents.tools.host import ToolHost
from agents.tools.mcp import McpHost
from agents.tools.own import OwnTools, build_own_tools
from cogo.config.catalogue import describe_ended_models, load_credentials
from cogo.config.context import Project
from cogo.config.sections.memory import find_memory_settings
from cogo.process.bootstrap import AgentBootstrap, AgentKind
from cogo.process.health_server import serve_health
from cogo.process.parent_watch import watch_parent
from cogo.process.shutdown import Shutdown, shut_down_on_signals
from cogo.terminal import expand_commands, print_line
from cogo.wiring.catalogue_watch import watch_catalogue
from cogo.wiring.fetching import build_fetcher, build_file_access
from cogo.wiring.memory.conversation_copy import open_redis
from cogo.wiring.memory.index import open_vector_index, sync_vector_index
from cogo.wiring.model_directory import build_start_knowledge
from cogo.wiring.router import build_router, open_cache, open_ledger, open_router
from cogo.wiring.sandbox import count_check_slots, open_check_runner
from cogo.wiring.stores import build_bus, open_supabase_store
from cogo.wiring.tools import open_mcp_servers, open_tools
from cogo.wiring.workflows import open_workflows
from providers.catalogue.catalogue import Catalogue
from providers.router import Router

PROGRESS: Final = timedelta(milliseconds=30)
HOSTED_PROGRESS: Final = timedelta(milliseconds=200)
"""Hosted projects meter each delivery, so progress goes out in larger batches there."""


class _Agent(Protocol):
    """A function that runs an agent; it calls `on_ready` and returns when drained."""

    def __call__(self, *, drain: Drain, on_ready: Callable[[], None]) -> Coroutine[Any, Any, None]:
        """Run it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Which agent to run."""

    kind: AgentKind
    agent_id: str
    capacity: int
    health_port: int | None
    """Loopback port for probes; 0 means any free port, None no probes."""


def find_secrets(project: Project, catalogue: Catalogue, bootstrap: AgentBootstrap) -> list[str]:
    """Return every secret of this process, for the redaction of its logs."""
    opened = load_credentials(project, catalogue).values()
    keys = (key.get_secret_value() for each in opened for key in each.keys)
    redis = project.settings.redis_url
    return [
        bootstrap.connection.secret_key.get_secret_value(),
        *keys,
        *([] if redis is None else [redis.get_secret_value()]),
    ]


async def serve_agent(
    project: Project,
    catalogue: Catalogue,
    bootstrap: AgentBootstrap,
    role: Role,
    *,
    with_parent: bool,
) -> None:
    """Run one agent until it is drained; with `with_parent`, cancel it when the parent dies."""
    connection = bootstrap.connection
    _warn_of_ended_models(catalogue, role)
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(build_bus(connection))
        router, ledger = await _open_calls(stack, project, catalogue, bootstrap, role)
        health = Health(bus=bus)
        health_url = _open_health(stack, health, role)
        ready = await _watch_models(stack, project, catalogue, bootstrap, router)
        shutdown = stack.enter_context(shut_down_on_signals())
        if with_parent:
            watch_parent()
        identity, checks = _build_identity(role), await _open_checks(project, role)
        opened = _open_tools(project, catalogue, bootstrap, role, checks)
        tools = await stack.enter_async_context(opened)
        options = _build_options(project, bootstrap, role, health_url, checks=checks, tools=tools)
        if role.kind == "executor":
            agent: _Agent = partial(
                run_executor,
                open_store=partial(open_supabase_store, connection),
                bus=bus,
                router=router,
                identity=identity,
                options=options,
                health=health,
                checks=checks,
                tools=tools.functions,
                mcp=tools.mcp,
                own=tools.own,
                index=await _open_index(stack, project),
                files=build_file_access(project),
                **await _open_copies(stack, project, bootstrap, role, ledger),
            )
        else:
            workflows = await stack.enter_async_context(open_workflows(project))
            await stack.enter_async_context(sync_vector_index(project, connection, role.agent_id))
            agent = partial(
                run_orchestrator,
                open_store=partial(open_supabase_store, connection),
                bus=bus,
                catalogue=router.catalogue,
                workflows=workflows,
                lanes=partial(_find_lanes, router, bootstrap),
                knowledge=build_start_knowledge(project),
                identity=identity,
                options=replace(options, workflows=workflows.user_types),
                health=health,
            )
        on_ready = partial(_report_ready, identity, health, options, ready)
        await run_until_stopped(agent, shutdown, on_ready=on_ready)


def _open_health(stack: AsyncExitStack, health: Health, role: Role) -> str | None:
    """Serve probes of an agent, if it has a port for them; return their address."""
    port = role.health_port
    return None if port is None else stack.enter_context(serve_health(health, port))


async def _open_index(stack: AsyncExitStack, project: Project) -> VectorIndex | None:
    """Return the outer index that searches ask, closed with the stack. Raises SettingInvalid."""
    return await stack.enter_async_context(open_vector_index(project))


async def _watch_models(
    stack: AsyncExitStack,
    project: Project,
    catalogue: Catalogue,
    bootstrap: AgentBootstrap,
    router: Router,
) -> asyncio.Event:
    """Keep the catalogue up to date, and find the models that servers list.

    Returns what must be set before vendors are asked for their lists.
    """
    ready = asyncio.Event()
    lister = None if bootstrap.simulator_url else router
    watching = watch_catalogue(project, catalogue, lister=lister, ready=ready)
    await stack.enter_async_context(watching)
    if lister is not None:
        await lister.discover()
    return ready


async def _open_calls(
    stack: AsyncExitStack,
    project: Project,
    catalogue: Catalogue,
    bootstrap: AgentBootstrap,
    role: Role,
) -> tuple[Router, CallLedger | None]:
    """Open a router; only executors make calls and need a ledger, limits, circuits and budgets."""
    if role.kind != "executor":
        router = build_router(project, catalogue, simulator_url=bootstrap.simulator_url)
        return await stack.enter_async_context(router), None
    ledger = await stack.enter_async_context(
        open_ledger(bootstrap.connection, agent_id=role.agent_id)
    )
    opened = open_router(
        project,
        catalogue,
        bootstrap.connection,
        agent_id=role.agent_id,
        simulator_url=bootstrap.simulator_url,
        ledger=ledger,
    )
    return await stack.enter_async_context(opened), ledger


async def _open_copies(
    stack: AsyncExitStack,
    project: Project,
    bootstrap: AgentBootstrap,
    role: Role,
    ledger: CallLedger | None,
) -> dict[str, Any]:
    """Return what spares an executor calls, reads and requests."""
    cache = open_cache(project, bootstrap.connection, agent_id=role.agent_id, ledger=ledger)
    return {
        "cache": await stack.enter_async_context(cache),
        "redis": await stack.enter_async_context(open_redis(project)),
        "ledger": ledger,
    }


def _warn_of_ended_models(catalogue: Catalogue, role: Role) -> None:
    if role.kind != "orchestrator":  # one agent of the stack is enough
        return
    for sentence in describe_ended_models(catalogue):
        logger.warning(sentence)


def _build_identity(role: Role) -> AgentIdentity:
    return AgentIdentity(
        id=role.agent_id,
        kind=role.kind,
        host=socket.gethostname(),
        pid=os.getpid(),
        version=version("cogo"),
    )


async def _open_checks(project: Project, role: Role) -> CheckRunner | None:
    if role.kind != "executor" or not count_check_slots(project.settings):
        return None
    return await open_check_runner(project.settings)


@dataclass(frozen=True, slots=True)
class _Tools:
    """The sources of tools of an executor."""

    functions: ToolHost | None = None
    mcp: McpHost | None = None
    own: OwnTools | None = None

    def list_names(self) -> Sequence[str]:
        """Return the names of all tools that can be called now."""
        found = self.functions.tools if self.functions else ()
        return [
            *(f"{each.module}.{each.name}" for each in found),
            *(self.mcp.names if self.mcp else ()),
            *(self.own.names if self.own else ()),
        ]

    def list_problems(self) -> Mapping[str, str]:
        """Return why modules and MCP servers, or tools of them, cannot be used now."""
        servers = self.mcp.problems if self.mcp else {}
        return {
            **(self.functions.problems if self.functions else {}),
            **{f"mcp:{name}": problem for name, problem in servers.items()},
        }


@asynccontextmanager
async def _open_tools(
    project: Project,
    catalogue: Catalogue,
    bootstrap: AgentBootstrap,
    role: Role,
    checks: CheckRunner | None,
) -> AsyncIterator[_Tools]:
    """Open the sources, with ours, for which `checks` is the sandbox."""
    if role.kind != "executor" or not project.settings.tool_slots:
        yield _Tools()
        return
    secrets = find_secrets(project, catalogue, bootstrap)
    async with (
        open_tools(project, secrets=secrets) as functions,
        open_mcp_servers(project, secrets=secrets) as mcp,
    ):
        if functions is not None:
            functions.log_loaded()
        own = build_own_tools(checks=checks, fetcher=build_fetcher(project))
        yield _Tools(functions, mcp, own)


def _build_options(
    project: Project,
    bootstrap: AgentBootstrap,
    role: Role,
    health_url: str | None,
    *,
    checks: CheckRunner | None,
    tools: _Tools,
) -> RuntimeOptions:
    settings = project.settings
    return RuntimeOptions(
        capacity=role.capacity,
        check_capacity=count_check_slots(settings) if checks else 0,
        embedding_capacity=role.capacity,
        rerank_capacity=role.capacity,
        tool_capacity=settings.tool_slots if tools.functions or tools.mcp else 0,
        list_tools=tools.list_names,
        list_tool_problems=tools.list_problems,
        sandbox=checks.sandbox.name if checks else None,
        retention=Retention(tasks=settings.retention, calls=settings.audit_retention),
        project_host=bootstrap.connection.host,
        memory_capacity=role.capacity,
        memory_model=find_memory_settings(project).model,
        simulated=bootstrap.simulator_url is not None,
        health_url=health_url,
        progress_every=HOSTED_PROGRESS if bootstrap.connection.is_hosted else PROGRESS,
    )


async def _find_lanes(router: Router, bootstrap: AgentBootstrap) -> Sequence[str]:
    """Return the models that this machine could serve now, by its keys and model servers."""
    if bootstrap.simulator_url is None:
        await router.keyring.refresh()
        await router.discover()
    return router.list_lanes()


def _report_ready(
    identity: AgentIdentity, health: Health, options: RuntimeOptions, ready: asyncio.Event
) -> None:
    """Print that the agent is ready, or what it lacks; set `ready`."""
    ready.set()
    known = {"health_url": options.health_url, "sandbox": options.sandbox}
    gc.freeze()  # what was loaded stays: no collection during work needs to search it
    lacking = health.serves_nothing
    if lacking is None:
        print_line(json.dumps({"ready": identity.id, **known}))
    else:
        print_line(expand_commands(lacking), err=True)
        print_line(json.dumps({"waiting": identity.id, **known, "missing": lacking}))


async def run_until_stopped(
    agent: _Agent, shutdown: Shutdown, *, on_ready: Callable[[], None]
) -> None:
    """Run `agent`; drain it at the first request for shutdown, cancel it at the second."""
    drain = Drain()
    async with asyncio.TaskGroup() as group:
        work = group.create_task(agent(drain=drain, on_ready=on_ready), name="agent")

        async def pass_on() -> None:
            await shutdown.drain.wait()
            drain.begin()
            await shutdown.cancel.wait()
            work.cancel()

        watcher = group.create_task(pass_on(), name="shutdown")
        work.add_done_callback(lambda _: watcher.cancel())
