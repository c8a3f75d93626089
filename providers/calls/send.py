"""One call through its middleware, with a report of its progress."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from pydantic import SecretStr

from providers.adapters.base import Timeouts
from providers.calls.middleware import CallMiddleware, VendorCall
from providers.calls.prepare import PreparedCall
from providers.chat import (
    Done,
    Event,
    ReasoningDelta,
    TextDelta,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
)
from providers.prices import calculate_cost

ANSWER_EVENTS = (TextDelta, ReasoningDelta, ToolCall, ToolCallDelta)
"""Events that the user may have seen: after one of them a call cannot be repeated unnoticed."""


async def send_call(
    call: VendorCall,
    prepared: PreparedCall,
    key: SecretStr | None,
    *,
    middleware: Sequence[CallMiddleware],
    timeouts: Timeouts,
) -> AsyncGenerator[Event, None]:
    """Enter the middleware, send the request, yield its events, and fill in `call.report`.

    Raises:
        NotAsked: the middleware refused the call; nothing was sent.
        CallFailed: the vendor or the network failed.
    """
    report = call.report
    async with _enter_middleware(middleware, call):
        await prepared.open(key)
        report.sent = True
        began = time.monotonic()
        try:
            async with aclosing(prepared.stream(timeouts)) as events:
                async for event in events:
                    if isinstance(event, ANSWER_EVENTS):  # nearly all are
                        if report.first_token is None and call.request.stream:
                            report.first_token = timedelta(seconds=time.monotonic() - began)
                    elif isinstance(event, TokenUsage):
                        report.usage = event
                    elif isinstance(event, Done):
                        if prepared.notes:
                            event = replace(event, notes=(*prepared.notes, *event.notes))  # noqa: PLW2901
                        report.done = event
                    yield event
        finally:
            report.duration = timedelta(seconds=time.monotonic() - began)
            if report.usage is not None:
                report.cost = calculate_cost(report.usage, call.deployment)


@asynccontextmanager
async def _enter_middleware(
    middleware: Sequence[CallMiddleware], call: VendorCall
) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for each in middleware:
            await stack.enter_async_context(each.wrap_call(call))
        try:
            yield
        except BaseException as error:  # the report must include every kind of end
            call.report.error = error
            raise
