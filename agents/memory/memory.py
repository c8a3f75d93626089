"""Memory as agents use it: remember facts, and search by words and by meaning."""

from collections.abc import Sequence
from uuid import UUID

from loguru import logger

from agents.memory.index import VectorIndex
from agents.memory.models import MemoryModel
from agents.memory.search import search_memory
from protocol.records.memory import FoundInMemory, KeptFact, MemorySearch, NewFact
from protocol.store.memory import MemoryUseStore
from providers.calls.middleware import CallContext
from providers.errors import ProviderError, SpendingStopped
from providers.router import Router


class Memory:
    """The memory of owners, of which each call reads or writes that of one."""

    def __init__(
        self, *, store: MemoryUseStore, router: Router, index: VectorIndex | None = None
    ) -> None:
        self._store = store
        self._router = router
        self._index = index

    async def remember(self, owner: UUID | None, facts: Sequence[NewFact]) -> list[KeptFact]:
        """Store facts of an owner. Raises CogoError."""
        return await self._store.remember(owner=owner, facts=facts)

    async def search(
        self,
        owner: UUID | None,
        query: str,
        *,
        model: MemoryModel,
        context: CallContext,
        sources: Sequence[str] | None = None,
        limit: int,
    ) -> FoundInMemory:
        """Search the memory of an owner; without a vector by words alone.

        What was remembered under rules that do not hold for `context` is not found.
        Raises CogoError, and SpendingStopped in place of a search by words.
        """

        async def embed(model_id: str, text: str) -> tuple[Sequence[float], bool]:
            return await self._embed(model_id, text, context)

        search = MemorySearch(
            query=query,
            sources=None if sources is None else [*sources],
            data_policy=[*context.data_policy],
            limit=limit,
        )
        return await search_memory(
            self._store, owner, search, model=model, embed=embed, index=self._index
        )

    async def _embed(
        self, model_id: str, text: str, context: CallContext
    ) -> tuple[Sequence[float], bool]:
        """Return the vector of a query, and whether it is simulated.

        Raises ValueError, and SpendingStopped.
        """
        try:
            embedder = await self._router.open_embedder()
            embedded = await embedder.embed(model_id, [text], purpose="query", context=context)
        except SpendingStopped:
            raise  # the search waits, too
        except ProviderError as error:
            logger.warning("a query was not embedded", model=model_id, error=str(error))
            raise ValueError(f"{model_id} has failed ({error.code})") from error
        return embedded.embeddings[0].vector, embedded.simulated
