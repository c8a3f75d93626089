"""One call through its gates: what they allow is sent, and what came of it is reported to them."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from datetime import timedelta

from providers.adapters.base import Timeouts
from providers.calls.middleware import Gate, VendorCall
from providers.calls.prepare import Sending
from providers.chat import Done, Event, ReasoningDelta, TextDelta, ToolCall, ToolCallDelta, Usage
from providers.prices import cost_of

__all__ = ["ANSWERING", "make_call"]

ANSWERING = (TextDelta, ReasoningDelta, ToolCall, ToolCallDelta)
"""Events that somebody may have seen: after one of them a call cannot be repeated unnoticed."""


async def make_call(
    call: VendorCall,
    gates: Sequence[Gate],
    open_call: Callable[[], Awaitable[Callable[[Timeouts], Sending]]],
    *,
    timeouts: Timeouts,
    notes: tuple[str, ...] = (),
) -> AsyncGenerator[Event, None]:
    """Enter the gates, send, pass the events on, and keep `call.report`. `notes` join `Done`.

    Raises:
        NotAsked: a gate refuses.
        CallFailed: anything that the vendor or the network did.
    """
    report = call.report
    async with _through(gates, call):
        begin = await open_call()
        report.sent = True
        began = time.monotonic()
        try:
            async with aclosing(begin(timeouts)) as events:
                async for event in events:
                    if isinstance(event, ANSWERING):  # nearly all are
                        if report.first_token is None and not call.request.whole:
                            report.first_token = timedelta(seconds=time.monotonic() - began)
                    elif isinstance(event, Usage):
                        report.usage = event
                    elif isinstance(event, Done):
                        event = replace(event, notes=(*notes, *event.notes))  # noqa: PLW2901
                        report.done = event
                    yield event
        finally:
            report.duration = timedelta(seconds=time.monotonic() - began)
            if report.usage is not None:
                report.cost = cost_of(report.usage, call.deployment)


@asynccontextmanager
async def _through(gates: Sequence[Gate], call: VendorCall) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for gate in gates:
            await stack.enter_async_context(gate.around(call))
        try:
            yield
        except BaseException as error:  # whatever ended it, the gates are told
            call.report.error = error
            raise
