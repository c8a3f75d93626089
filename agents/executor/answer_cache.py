"""The answer cache: answers to identical requests, for tasks that opt in."""

import dataclasses
import hashlib
import json
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

from loguru import logger

from agents.middleware.budget import BudgetMiddleware
from protocol.errors import CogoError
from protocol.records import ClaimedSubtask
from protocol.store.calls import AnswerCacheStore
from providers.calls.middleware import VendorCall
from providers.chat import (
    ChatRequest,
    Citation,
    Done,
    Event,
    FinishReason,
    ReasoningDelta,
    TextDelta,
    TokenUsage,
)

VERSION = 1
"""Version of the key and the stored value; entries of other versions are not found."""


class AnswerCache:
    """Finds exact matches of the same owner, or of all owners if `shared`."""

    def __init__(
        self,
        store: AnswerCacheStore,
        *,
        budget: BudgetMiddleware | None = None,
        always: bool = False,
        shared: bool = False,
        ttl: timedelta = timedelta(days=1),
    ) -> None:
        """Create the cache; with `always`, it serves all tasks without `params.cache: false`.

        `budget` records each hit in the audit log.
        """
        self._store = store
        self._budget = budget
        self._always = always
        self._shared = shared
        self._ttl = ttl

    def build_key(
        self, claimed: ClaimedSubtask, request: ChatRequest, *, simulated: bool
    ) -> str | None:
        """Return the key, or None if the answer must come from the model.

        Simulated answers have different keys from real ones.
        """
        params = claimed.task.params if isinstance(claimed.task.params, dict) else {}
        if params.get("cache", self._always) is not True or request.tools or request.web_search:
            return None
        owner = None if self._shared else str(claimed.task.owner)
        parts = {"version": VERSION, "owner": owner, "model": claimed.lane}
        if simulated:
            parts["simulated"] = "true"
        body = dataclasses.asdict(dataclasses.replace(request, model="", metadata={}, stream=True))
        text = json.dumps([parts, body], sort_keys=True, default=str)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    async def find(self, key: str) -> AsyncGenerator[Event, None] | None:
        """Return the stored answer as events, or None."""
        try:
            found = await self._store.fetch_cached_answer(key=key)
        except CogoError as error:
            logger.warning("the answer cache cannot be read; the model is called", error=str(error))
            return None
        return _replay(found.answer) if found else None

    async def record_hit(self, call: VendorCall) -> None:
        """Write to the audit log that a stored answer replaced this call."""
        if self._budget is not None:
            await self._budget.record_cached(call)

    async def store(self, key: str, claimed: ClaimedSubtask, answer: dict[str, Any]) -> None:
        """Store an answer. A failure is only logged."""
        try:
            await self._store.cache_answer(
                key=key,
                owner=claimed.task.owner,
                model_id=claimed.lane,
                answer=answer,
                ttl=self._ttl,
            )
        except CogoError as error:
            logger.warning("the answer could not be cached", error=str(error))


async def _replay(answer: dict[str, Any]) -> AsyncGenerator[Event, None]:
    if answer.get("reasoning"):
        yield ReasoningDelta(answer["reasoning"])
    yield TextDelta(answer["text"])
    for each in answer.get("citations", []):
        yield Citation(url=each["url"], title=each.get("title"))
    yield TokenUsage()
    yield Done(
        finish_reason=FinishReason.STOP,
        vendor_finish_reason=answer["vendor_finish_reason"],
        notes=(*answer.get("notes", ()), "answered from the cache: no model was called"),
    )
