"""Rate limits for all executors: requests and tokens are drawn from shared buckets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final
from uuid import uuid4

from loguru import logger

from agents.middleware.call_reporter import CallReporter
from protocol.errors import CogoError
from protocol.records.models import Draw
from protocol.store.calls import CallStateStore
from providers.calls.middleware import CallReport, VendorCall
from providers.calls.prepare import VendorRequest, estimate_prompt_tokens
from providers.calls.retries import MAX_TOTAL_WAIT
from providers.errors import AtCapacity

REQUESTS: Final = "requests"
TOKENS: Final = "tokens"
USUAL_ANSWER_TOKENS: Final = 1000
"""Tokens drawn for an answer without a length limit."""


class RateLimitMiddleware:
    """Draws an estimate before a call and returns the difference after it.

    Waits up to ten seconds; a call that would wait longer goes back to the queue. While the
    database is unavailable all calls are allowed: the vendor's own limit still applies.
    """

    def __init__(self, *, store: CallStateStore, reporter: CallReporter) -> None:
        self._store = store
        self._reporter = reporter

    @asynccontextmanager
    async def wrap_call(self, call: VendorCall) -> AsyncIterator[None]:
        """See `CallMiddleware.wrap_call`."""
        draws = build_draws(call)
        if draws:
            await self._draw(call, draws)
        try:
            yield
        finally:
            back = [each for draw in draws if (each := _compute_refund(draw, call.report)).amount]
            if back:
                self._reporter.get_counts(call).given_back += back

    async def _draw(self, call: VendorCall, draws: list[Draw]) -> None:
        waited = 0.0
        while True:
            try:
                drawn = await self._store.draw(request_id=uuid4(), draws=draws)
            except CogoError as error:
                logger.debug("the rate limit could not be checked", error=str(error))
                return
            if drawn.granted:
                return
            wait = max(drawn.wait_seconds, 0.05)
            if waited + wait > MAX_TOTAL_WAIT.total_seconds():
                raise AtCapacity(
                    call.deployment.provider,
                    f"the rate limit for {call.deployment.id} is reached",
                    retry_after=timedelta(seconds=wait),
                )
            await asyncio.sleep(wait)
            waited += wait


def build_draws(call: VendorCall) -> list[Draw]:
    """Return what a call draws from the buckets of its deployment; [] if it has no rates."""
    entry, host = call.deployment.entry, call.deployment.host
    rates = {
        REQUESTS: (entry.requests_per_minute or host.requests_per_minute, 1.0),
        TOKENS: (entry.tokens_per_minute or host.tokens_per_minute, estimate_tokens(call.request)),
    }
    return [
        Draw(bucket=f"{call.deployment.id} {what}", amount=amount, per_minute=rate)
        for what, (rate, amount) in rates.items()
        if rate is not None
    ]


def estimate_tokens(request: VendorRequest) -> float:
    """Return an estimate of the tokens of prompt and answer."""
    limit = request.max_output_tokens
    answer = USUAL_ANSWER_TOKENS if limit is None else min(limit, USUAL_ANSWER_TOKENS)
    return estimate_prompt_tokens(request) + answer


def _compute_refund(draw: Draw, report: CallReport) -> Draw:
    """Return the amount that goes back into a bucket after a call; all if nothing was sent."""
    used = draw.amount
    if not report.sent:
        used = 0.0
    elif draw.bucket.endswith(TOKENS) and report.usage is not None:
        prompt, output = report.usage.prompt, report.usage.output
        if prompt is not None and output is not None:
            used = float(prompt + output)
    return draw.model_copy(update={"amount": draw.amount - used})
