"""One call through its gates: what they allow is sent, and what came of it is reported to them."""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from datetime import timedelta

from providers.adapter import Timeouts
from providers.chat import Done, Event, ReasoningDelta, TextDelta, ToolCall, ToolCallDelta, Usage
from providers.gates import Gate, VendorCall
from providers.prices import cost_of
from providers.sending import Sending

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
    async with AsyncExitStack() as stack:
        for gate in gates:
            await stack.enter_async_context(gate.around(call))
        try:
            begin = await open_call()
            async with aclosing(_events(call, begin(timeouts), notes)) as events:
                async for event in events:
                    yield event
        except BaseException as error:  # whatever ended it, the gates are told
            call.report.error = error
            raise


async def _events(
    call: VendorCall, sending: Sending, notes: tuple[str, ...]
) -> AsyncGenerator[Event, None]:
    report = call.report
    report.sent = True
    began = time.monotonic()
    try:
        async with aclosing(sending) as events:
            async for event in events:
                report.duration = timedelta(seconds=time.monotonic() - began)
                match event:
                    case Usage():
                        report.usage = event
                        report.cost = cost_of(event, call.deployment)
                    case Done():
                        report.done = replace(event, notes=(*notes, *event.notes))
                        yield report.done
                        continue
                    case _ if isinstance(event, ANSWERING) and not call.request.whole:
                        report.first_token = report.first_token or report.duration
                    case _:
                        pass
                yield event
    finally:
        report.duration = timedelta(seconds=time.monotonic() - began)
