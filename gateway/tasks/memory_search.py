"""Searches of memory for callers of the gateway, by HTTP and by MCP."""

import asyncio
from dataclasses import replace
from typing import Final, Protocol
from uuid import UUID, uuid4

from gateway.auth.principal import Principal, Scope
from gateway.dependencies import HasStore
from gateway.streams.task_feeds import TaskFeeds
from gateway.tasks.memory import MemoryServices, embed_by_task
from gateway.tasks.task_run import cancel_task, submit_task_for
from protocol.records import NewTask, Task
from protocol.records.memory import FoundInMemory, MemorySearch
from protocol.transcript import TaskEnded

EMBED_SECONDS: Final = 20.0
"""After which a search goes on by words alone."""
_NO_SCOPE: Final = f"the key lacks the scope {Scope.TASKS_WRITE}, with which a query is embedded"


class SearchServices(HasStore, Protocol):
    """The services that a search uses."""

    @property
    def feeds(self) -> TaskFeeds:
        """The feeds of watched tasks."""
        ...

    @property
    def memory(self) -> MemoryServices:
        """The memory."""
        ...


async def search_for(
    services: SearchServices,
    principal: Principal,
    owner: UUID | None,
    search: MemorySearch,
    *,
    words: bool = False,
) -> FoundInMemory:
    """Search the memory of an owner whom the principal may name. Raise CogoError.

    The query is embedded by a task of the owner, unless only words are asked for.
    """
    if words:
        return await services.memory.search(owner, search)
    if not principal.has_scope(Scope.TASKS_WRITE):
        return await services.memory.search(owner, search, problem=_NO_SCOPE)
    caller = replace(principal, owner=owner)
    embed = embed_by_task(owner, lambda new: _run_task(services, caller, new))
    return await services.memory.search(owner, search, embed=embed)


async def _run_task(services: SearchServices, principal: Principal, new: NewTask) -> Task:
    """Submit a task and return it when it has ended; cancel it if that takes too long."""
    task_id = uuid4()
    end: Task | None = None
    async with services.feeds.watch(task_id) as watcher:
        try:
            async with asyncio.timeout(EMBED_SECONDS):
                await submit_task_for(services, principal, new.model_copy(update={"id": task_id}))
                while end is None:
                    updates = await watcher.next_updates(within=EMBED_SECONDS)
                    ends = [each.task for each in updates if isinstance(each, TaskEnded)]
                    end = ends[-1] if ends else None
                return end
        finally:
            if end is None:
                reason = "the search did not wait for it"
                services.feeds.spawn(cancel_task(services, task_id, reason))
