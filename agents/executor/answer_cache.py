"""Answers to requests that come again word for word, for those who ask for it."""

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
from protocol.store.cache import AnswerCacheStore
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
"""Of the key and of what is kept; another one finds nothing of an earlier."""


class AnswerCache:
    """Exact matches only, of the same owner unless `shared`. Without the store nothing is found."""

    def __init__(
        self,
        store: AnswerCacheStore,
        *,
        ledger: BudgetMiddleware | None = None,
        always: bool = False,
        shared: bool = False,
        ttl: timedelta = timedelta(days=1),
    ) -> None:
        """`always`: also for tasks that do not ask for it; `params.cache: false` still refuses.

        `ledger` hears of every answer that is given again.
        """
        self._store = store
        self._ledger = ledger
        self._always = always
        self._shared = shared
        self._ttl = ttl

    def key(self, claimed: ClaimedSubtask, request: ChatRequest, *, simulated: bool) -> str | None:
        """Return the key of this answer; None when it must come from the model.

        Simulated answers are kept apart from those of models.
        """
        params = claimed.task.params if isinstance(claimed.task.params, dict) else {}
        wanted = params.get("cache", self._always)
        if wanted is not True or request.tools:
            return None
        owner = None if self._shared else str(claimed.task.owner)
        parts = {"version": VERSION, "owner": owner, "model": claimed.lane}
        if simulated:
            parts["simulated"] = "true"
        body = dataclasses.asdict(dataclasses.replace(request, model="", metadata={}, stream=True))
        text = json.dumps([parts, body], sort_keys=True, default=str)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    async def find(self, key: str) -> AsyncGenerator[Event, None] | None:
        """The kept answer as the model would give it, at no cost."""
        try:
            found = await self._store.cached_answer(key=key)
        except CogoError as error:
            logger.warning("no answers can be looked up; the model is asked", error=str(error))
            return None
        return _replay(found.answer) if found else None

    async def note(self, call: VendorCall) -> None:
        """Write into the audit that a kept answer took the place of this call."""
        if self._ledger is not None:
            await self._ledger.note_cached(call)

    async def keep(self, key: str, claimed: ClaimedSubtask, answer: dict[str, Any]) -> None:
        """Keep an answer for the next time; that it cannot be kept is only logged."""
        try:
            await self._store.cache_answer(
                key=key,
                owner=claimed.task.owner,
                model_id=claimed.lane,
                answer=answer,
                ttl=self._ttl,
            )
        except CogoError as error:
            logger.warning("an answer cannot be kept for the next time", error=str(error))


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
        notes=(*answer.get("notes", ()), "answered from the cache: no model was asked"),
    )
