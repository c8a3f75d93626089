"""The cache of model answers over the official client."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from protocol.records.models import CachedAnswer
from protocol.transport.rpc_client import RpcClient


class SupabaseAnswerCacheStore(RpcClient):
    """Implementation of `protocol.store.calls.AnswerCacheStore`."""

    async def fetch_cached_answer(self, *, key: str) -> CachedAnswer | None:
        found = await self._call_rows(CachedAnswer, "cached_answer", key=key)
        return found[0] if found else None

    async def cache_answer(
        self, *, key: str, owner: UUID | None, model_id: str, answer: dict[str, Any], ttl: timedelta
    ) -> None:
        await self._call(
            "cache_answer",
            key=key,
            owner=None if owner is None else str(owner),
            model_id=model_id,
            answer=answer,
            seconds=max(1, round(ttl.total_seconds())),
        )
