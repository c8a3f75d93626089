"""What the gateway, the command line and the MCP server need of memory."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

from agents.memory.index import VectorIndex
from agents.memory.models import MemoryModel, MemoryModelFinder
from agents.memory.search import search_memory
from cogo.config.catalogue import load_catalogue
from cogo.config.context import Project
from cogo.config.sections.memory import find_memory_settings
from cogo.errors import SettingInvalid
from cogo.wiring.memory.documents import cut_document
from cogo.wiring.memory.index import OuterIndex, build_vector_index
from protocol.embeddings import EmbedQuery
from protocol.errors import InvalidArgument
from protocol.records.memory import CutDocument, FoundInMemory, MemorySearch
from protocol.store.queue import QueueStore
from providers.catalogue.catalogue import Catalogue


class LocalMemoryServices:
    """Cuts documents and searches memory as agents do, by the settings of a project.

    Nothing is read, nor opened, before it is needed. `open_memory_services` closes what is opened.
    """

    def __init__(
        self,
        project: Project,
        store: QueueStore,
        get_catalogue: Callable[[], Catalogue] | None = None,
    ) -> None:
        self._project = project
        self._store = store
        self._get_catalogue = get_catalogue or partial(load_catalogue, project)
        self._finder: MemoryModelFinder | None = None
        self._index: OuterIndex | None = None
        self._has_index = True

    async def cut_document(self, content: bytes, name: str) -> CutDocument:
        """Return a document in chunks. Raises InvalidArgument."""
        return await cut_document(content, name)

    async def find_model(self) -> MemoryModel:
        """Return the embedding model of memory, or why there is none."""
        if self._finder is None:
            try:
                named = find_memory_settings(self._project).model
            except SettingInvalid as error:
                return MemoryModel(problem=str(error))
            self._finder = MemoryModelFinder(self._store, self._get_catalogue(), named)
        return await self._finder.find()

    async def search(
        self,
        owner: UUID | None,
        search: MemorySearch,
        *,
        embed: EmbedQuery | None = None,
        problem: str | None = None,
    ) -> FoundInMemory:
        """Search as `gateway.tasks.memory.MemoryServices` says. Raises CogoError."""
        if not search.query.strip():
            raise InvalidArgument("there is nothing to search for", hint="name words or a question")
        if embed is None:
            model = None if problem is None else MemoryModel(problem=problem)
            return await search_memory(self._store, owner, search, model=model)
        notes, index = [], None
        try:
            index = self._open_index()
        except SettingInvalid as error:
            notes.append(f"The outer index was not asked: {error}.")
        model = await self.find_model()
        found = await search_memory(
            self._store, owner, search, model=model, embed=embed, index=index
        )
        return found.model_copy(update={"notes": [*notes, *found.notes]})

    async def close(self) -> None:
        """Close the outer index."""
        index, self._index = self._index, None
        if index is not None:
            await index.close()

    def _open_index(self) -> VectorIndex | None:
        """Return the outer index, if there is one. Raises SettingInvalid."""
        if self._index is None and self._has_index:
            self._index = build_vector_index(self._project)
            self._has_index = self._index is not None
        return self._index


@asynccontextmanager
async def open_memory_services(
    project: Project, store: QueueStore, get_catalogue: Callable[[], Catalogue] | None = None
) -> AsyncIterator[LocalMemoryServices]:
    """Yield the services; by default with the catalogue of the project."""
    services = LocalMemoryServices(project, store, get_catalogue)
    try:
        yield services
    finally:
        await services.close()
