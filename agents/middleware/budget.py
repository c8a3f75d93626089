"""Budgets: each call's cost is reserved before it is sent, and recorded when it has ended."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, Protocol

from loguru import logger

from protocol.errors import CogoError, StoreUnavailable
from protocol.records import CallAnswer, CallEnd, CallStart
from providers.calls.max_cost import max_cost_usd
from providers.calls.middleware import VendorCall
from providers.errors import (
    Banned,
    ModelNotGranted,
    NotAsked,
    ProviderCapReached,
    ProviderError,
    SpendCapReached,
    SpendingStopped,
)

WAIT: Final = timedelta(seconds=5)
"""Delay before the retry of a call that waits for other calls to end, or for the database."""


class CallBook(Protocol):
    """Where calls begin and end: a store, or `CallLedger`."""

    async def begin_call(self, *, agent_id: str, call: CallStart) -> CallAnswer:
        """See `SpendingStore.begin_call`."""
        ...

    async def end_call(self, *, agent_id: str, call: CallEnd) -> bool:
        """See `SpendingStore.end_call`."""
        ...


class BudgetMiddleware:
    """Reserves and records calls in the database. If that does not answer, nothing is sent.

    Put it last among the middleware, since a call that another one refuses needs no reservation. A
    call whose end cannot be written is recorded as lost when its attempt ends.
    """

    def __init__(self, store: CallBook, *, agent_id: str, keeps_prompts: bool) -> None:
        self._store = store
        self._agent_id = agent_id
        self._keeps_prompts = keeps_prompts

    @asynccontextmanager
    async def wrap_call(self, call: VendorCall) -> AsyncIterator[None]:
        """Reserve the call, run it, and record it. Raises NotAsked if it must not be sent."""
        start = _build_start(call)
        try:
            answer = await self._store.begin_call(agent_id=self._agent_id, call=start)
        except StoreUnavailable as error:
            raise NotAsked(
                call.deployment.provider, f"no cost can be reserved: {error}", retry_after=WAIT
            ) from error
        if answer.answer != "ok":
            raise _build_refusal(call, answer)
        try:
            yield
        finally:
            await self._book(call, start)

    async def record_cached(self, call: VendorCall) -> None:
        """Write to the audit log that a cached answer replaced this call."""
        end = CallEnd(
            **_build_start(call).model_dump(),
            outcome="cached",
            duration_ms=0,
            cost_usd=Decimal(),
            price_source="cache",
        )
        await self._write(call, end)

    async def _book(self, call: VendorCall, start: CallStart) -> None:
        end = _build_end(
            call, start, call.request.to_audit_record() if self._keeps_prompts else None
        )
        await self._write(call, end)

    async def _write(self, call: VendorCall, end: CallEnd) -> None:
        try:
            await self._store.end_call(agent_id=self._agent_id, call=end)
        except CogoError as error:
            logger.warning("a call could not be recorded", call_id=str(call.id), error=str(error))


def _build_refusal(call: VendorCall, answer: CallAnswer) -> NotAsked:
    vendor, detail = call.deployment.provider, answer.detail or answer.answer
    match answer.answer:
        case "not_granted":
            return ModelNotGranted(vendor, detail)
        case "banned":
            return Banned(vendor, detail)
        case "stopped":
            # Queued again at once, and claimed when spending is resumed.
            return SpendingStopped(vendor, detail, retry_after=timedelta(0))
        case "stale":
            return NotAsked(vendor, detail)
        case _:
            kind = ProviderCapReached if answer.scope == "provider" else SpendCapReached
            error = kind(vendor, detail, retry_after=WAIT if answer.answer == "wait" else None)
            error.question = answer.question
            return error


def _build_start(call: VendorCall) -> CallStart:
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
        prompt_sha256=_hash(call.request.to_audit_record()),
        max_usd=max_cost_usd(call.request, deployment),
    )


def _build_end(call: VendorCall, start: CallStart, prompt: dict[str, Any] | None) -> CallEnd:
    report = call.report
    usage, cost = report.usage, report.cost
    source = None if cost is None else cost.source
    if cost is not None and report.done is None:
        source = f"{source}, for the usage reported before it broke off"
    return CallEnd(
        **start.model_dump(),
        outcome=_name_outcome(report.error, is_done=report.done is not None),
        first_token_ms=_to_milliseconds(report.first_token),
        duration_ms=_to_milliseconds(report.duration) or 0,
        input_tokens=usage.input if usage else None,
        cached_tokens=usage.cached if usage else None,
        cache_write_tokens=usage.cache_write if usage else None,
        output_tokens=usage.output if usage else None,
        reasoning_tokens=usage.reasoning if usage else None,
        # A call that was never sent is free; one without reported usage has an unknown cost.
        cost_usd=cost.usd if cost else (None if report.sent else 0),
        price_source=source,
        price_date=None if cost is None else cost.checked_on,
        error_class=_get_error_class(report.error),
        prompt=prompt,
    )


def _name_outcome(error: BaseException | None, *, is_done: bool) -> Any:
    if isinstance(error, asyncio.CancelledError | GeneratorExit):
        return "completed" if is_done else "cancelled"
    return "completed" if error is None and is_done else "failed"


def _get_error_class(error: BaseException | None) -> str | None:
    if error is None or isinstance(error, asyncio.CancelledError | GeneratorExit):
        return None
    return error.code if isinstance(error, ProviderError) else "internal"


def _to_milliseconds(span: timedelta | None) -> int | None:
    return None if span is None else round(span.total_seconds() * 1000)


def _hash(prompt: dict[str, Any]) -> str:
    text = json.dumps(prompt, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
