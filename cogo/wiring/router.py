"""The router of an executor, with its middleware, and the answer cache."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from agents.executor.answer_cache import AnswerCache
from agents.middleware.budget import BudgetMiddleware, CallBook
from agents.middleware.call_ledger import CallLedger
from agents.middleware.stack import open_call_limits
from cogo.config.catalogue import KeySource, load_credentials
from cogo.config.connection import Connection
from cogo.config.context import Project
from cogo.local_model.measured import MeasuredReader
from cogo.wiring.stores import open_supabase_store
from providers.calls.middleware import CallMiddleware
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.schema import TimeoutSeconds
from providers.router import Router


@asynccontextmanager
async def open_router(
    project: Project,
    catalogue: Catalogue,
    connection: Connection,
    *,
    agent_id: str,
    simulator_url: str | None,
    ledger: CallLedger | None = None,
) -> AsyncIterator[Router]:
    """Open a router that shares limits and circuit breakers with all other executors.

    Its calls are recorded in `ledger`, if there is one. Raises SettingInvalid.
    """
    async with (
        open_supabase_store(connection) as store,
        open_call_limits(agent_id=agent_id, store=store) as limits,
        build_router(
            project,
            catalogue,
            simulator_url=simulator_url,
            middleware=[*limits.middleware, _build_budget(project, agent_id, ledger or store)],
        ) as router,
    ):
        limits.reporter.report_limits(lambda: router.concurrency.limits)
        yield router


@asynccontextmanager
async def open_ledger(connection: Connection, *, agent_id: str) -> AsyncIterator[CallLedger]:
    """Open the ledger of an executor's calls."""
    async with open_supabase_store(connection) as store, asyncio.TaskGroup() as group:
        ledger = CallLedger(agent_id=agent_id, store=store)
        running = group.create_task(ledger.run(), name="call ledger")
        try:
            yield ledger
        finally:
            running.cancel()


def _build_budget(project: Project, agent_id: str, store: CallBook) -> BudgetMiddleware:
    return BudgetMiddleware(store, agent_id=agent_id, keeps_prompts=project.settings.store_prompts)


@asynccontextmanager
async def open_cache(
    project: Project, connection: Connection, *, agent_id: str, ledger: CallLedger | None = None
) -> AsyncIterator[AnswerCache]:
    """Open the answer cache, which is off unless a task or the settings enable it."""
    settings = project.settings
    async with open_supabase_store(connection) as store:
        yield AnswerCache(
            store,
            budget=_build_budget(project, agent_id, ledger or store),
            always=settings.cache,
            shared=settings.cache_shared,
            ttl=timedelta(seconds=settings.cache_seconds),
        )


def build_router(
    project: Project,
    catalogue: Catalogue,
    *,
    simulator_url: str | None = None,
    middleware: Sequence[CallMiddleware] = (),
) -> Router:
    """Return a router, to be opened with `async with`. Real keys are reloaded while it is open.

    Raises SettingInvalid.
    """
    settings = project.settings
    return Router(
        catalogue,
        load_credentials(project, catalogue, simulator_url),
        middleware=middleware,
        reread=None if simulator_url else KeySource(project, catalogue).reread,
        timeouts=TimeoutSeconds(
            first_token=settings.first_token_seconds,
            stall=settings.stall_seconds,
            total=settings.total_seconds,
        ),
        measured=MeasuredReader(),
    )
