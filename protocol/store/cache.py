"""The cache of model answers that all agents share."""

from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from protocol.records.models import CachedAnswer


class AnswerCacheStore(Protocol):
    """Every call is idempotent and raises what `protocol.store.queue.QueueStore` raises."""

    async def fetch_cached_answer(self, *, key: str) -> CachedAnswer | None:
        """Read a cached answer that has not expired."""
        ...

    async def cache_answer(
        self, *, key: str, owner: UUID | None, model_id: str, answer: dict[str, Any], ttl: timedelta
    ) -> None:
        """Store an answer for `ttl`."""
        ...
