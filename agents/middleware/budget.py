"""The gate of money: each call is reserved before it is made, and booked when it has ended."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from loguru import logger

from protocol.errors import CogoError, StoreUnavailable
from protocol.records import CallAnswer, CallEnd, CallStart
from protocol.store.spending import SpendingStore
from providers.calls.max_cost import max_cost_usd
from providers.calls.middleware import VendorCall
from providers.errors import (
    Banned,
    ModelNotGranted,
    NotAsked,
    ProviderCapReached,
    ProviderError,
    SpendCapReached,
)

WAIT: Final = timedelta(seconds=5)
"""Until a call is tried again that only waits for others to end, or for the database."""


class BudgetMiddleware:
    """A `CallMiddleware`. Without an answer of the database nothing is sent.

    Put it last among the gates: what another one refuses needs no reservation. A call whose end
    cannot be written is booked as lost when its attempt ends.
    """

    def __init__(self, store: SpendingStore, *, agent_id: str, keeps_prompts: bool) -> None:
        self._store = store
        self._agent_id = agent_id
        self._keeps_prompts = keeps_prompts

    @asynccontextmanager
    async def wrap_call(self, call: VendorCall) -> AsyncIterator[None]:
        """Reserve, let it be called, book. Raises NotAsked, which says what stands in the way."""
        start = _start(call)
        try:
            answer = await self._store.begin_call(agent_id=self._agent_id, call=start)
        except StoreUnavailable as error:
            raise NotAsked(
                call.deployment.provider, f"nothing can be booked: {error}", retry_after=WAIT
            ) from error
        if answer.answer != "ok":
            raise _refusal(call, answer)
        try:
            yield
        finally:
            await self._book(call, start)

    async def note_cached(self, call: VendorCall) -> None:
        """Write that a kept answer took the place of this call: nothing was sent or spent."""
        end = CallEnd(
            **_start(call).model_dump(),
            outcome="cached",
            duration_ms=0,
            cost_usd=Decimal(),
            price_source="cache",
        )
        await self._write(call, end)

    async def _book(self, call: VendorCall, start: CallStart) -> None:
        end = _end(call, start, call.request.to_audit_record() if self._keeps_prompts else None)
        await self._write(call, end)

    async def _write(self, call: VendorCall, end: CallEnd) -> None:
        try:
            await self._store.end_call(agent_id=self._agent_id, call=end)
        except CogoError as error:
            logger.warning("a call could not be booked", call_id=str(call.id), error=str(error))


def _refusal(call: VendorCall, answer: CallAnswer) -> NotAsked:
    vendor, detail = call.deployment.provider, answer.detail or answer.answer
    match answer.answer:
        case "not_granted":
            return ModelNotGranted(vendor, detail)
        case "banned":
            return Banned(vendor, detail)
        case "stale":
            return NotAsked(vendor, detail)
        case _:
            kind = ProviderCapReached if answer.scope == "provider" else SpendCapReached
            return kind(vendor, detail, retry_after=WAIT if answer.answer == "wait" else None)


def _start(call: VendorCall) -> CallStart:
    deployment, context = call.deployment, call.context
    regions = deployment.host.data_policy.regions
    in_attempt = context.subtask_id is not None and context.attempt is not None
    return CallStart(
        id=call.id,
        task_id=context.task_id,
        subtask_id=context.subtask_id if in_attempt else None,
        attempt=context.attempt if in_attempt else None,
        owner=context.owner,
        model_id=deployment.model.id,
        provider=deployment.provider,
        provider_model=deployment.provider_model,
        regions=None if regions is None else list(regions),
        simulated=deployment.simulated,
        key_label=call.key_label,
        masked_keys=call.masked_keys,
        prompt_sha256=_sha256(call.request.to_audit_record()),
        max_usd=max_cost_usd(call.request, deployment),
    )


def _end(call: VendorCall, start: CallStart, prompt: dict[str, Any] | None) -> CallEnd:
    report = call.report
    usage, cost = report.usage, report.cost
    source = None if cost is None else cost.source
    if cost is not None and report.done is None:
        source = f"{source}, of what was reported before it broke off"
    return CallEnd(
        **start.model_dump(),
        outcome=_outcome(report.error, is_done=report.done is not None),
        first_token_ms=_milliseconds(report.first_token),
        duration_ms=_milliseconds(report.duration) or 0,
        input_tokens=usage.input if usage else None,
        cached_tokens=usage.cached if usage else None,
        cache_write_tokens=usage.cache_write if usage else None,
        output_tokens=usage.output if usage else None,
        reasoning_tokens=usage.reasoning if usage else None,
        # What was never sent is free; what is not reported is not known.
        cost_usd=cost.usd if cost else (None if report.sent else 0),
        price_source=source,
        price_date=None if cost is None else cost.checked_on,
        error_class=_class_of(report.error),
        prompt=prompt,
    )


def _outcome(error: BaseException | None, *, is_done: bool) -> Any:
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        return "completed" if is_done else "cancelled"
    return "completed" if error is None and is_done else "failed"


def _class_of(error: BaseException | None) -> str | None:
    if error is None or isinstance(error, asyncio.CancelledError | GeneratorExit):
        return None
    return error.code if isinstance(error, ProviderError) else "internal"


def _milliseconds(span: timedelta | None) -> int | None:
    return None if span is None else round(span.total_seconds() * 1000)


def _sha256(prompt: dict[str, Any]) -> str:
    text = json.dumps(prompt, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
