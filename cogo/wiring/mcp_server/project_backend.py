"""The tools over the store of a project, as the user of this machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from starlette.requests import HTTPConnection

from cogo.config.catalogue import load_catalogue
from cogo.config.connection import find_connection
from cogo.config.context import Project
from cogo.wiring.memory.services import LocalMemoryServices, open_memory_services
from cogo.wiring.model_directory import CatalogueModelDirectory, build_start_knowledge
from cogo.wiring.stores import build_bus, open_supabase_store
from gateway.mcp import McpBackend, ToolServices
from gateway.mcp.tools import build_tool_backend
from gateway.streams.task_feeds import TaskFeeds
from protocol.transport.supabase_store import SupabaseStore

_POLL: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ProjectServices:
    project: Project
    store: SupabaseStore
    feeds: TaskFeeds
    memory: LocalMemoryServices

    @property
    def model_directory(self) -> CatalogueModelDirectory:
        """The models; few calls need them, and the catalogue is large."""
        return CatalogueModelDirectory(
            catalogue=load_catalogue(self.project),
            store=self.store,
            spending=self.store,
            start=build_start_knowledge(self.project),
        )


def build_project_backend(project: Project) -> McpBackend:
    """Build the backend of a project.

    Each call looks for the project anew, so that this server may start before it, and a restart
    on another port or with other keys ends at most the calls that are under way.
    """

    @asynccontextmanager
    async def open_services(_connection: HTTPConnection | None) -> AsyncIterator[ToolServices]:
        connection = await asyncio.to_thread(find_connection, project)  # may wait for a restart
        async with (
            open_supabase_store(connection) as store,
            build_bus(connection) as bus,
            TaskFeeds(store=store, bus=bus, poll=_POLL) as feeds,
            open_memory_services(project, store) as memory,
        ):
            yield _ProjectServices(project=project, store=store, feeds=feeds, memory=memory)

    return build_tool_backend(open_services)
