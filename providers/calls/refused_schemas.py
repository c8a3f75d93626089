"""Schemas that a vendor refuses although they lie in what is known of its subset."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from providers.adapters.base import Adapter, Timeouts
from providers.chat import ChatRequest, Done, Event
from providers.errors import InvalidRequest, NotSupported
from providers.schemas import move_schema_to_prompt

NOTE: Final = "the schema was added to the instructions: the vendor refused it"
_ABOUT_SCHEMA: Final = re.compile(
    r"schema|grammar|response_?format|output_config|text\.format|structured output", re.IGNORECASE
)


async def stream_with_schema(
    adapter: Adapter, request: ChatRequest, *, timeouts: Timeouts
) -> AsyncGenerator[Event, None]:
    """Send a request; if its schema is refused, once more with the schema as an instruction.

    A refused request costs nothing, and the answer is validated in either case.
    """
    begun = False
    try:
        async with aclosing(adapter.stream(request, timeouts=timeouts)) as events:
            async for event in events:
                begun = True
                yield event
    except InvalidRequest as error:
        if begun or not _is_refused(error, request):
            raise
    else:
        return
    told = move_schema_to_prompt(request)
    async with aclosing(adapter.stream(told, timeouts=timeouts)) as events:
        async for event in events:
            yield replace(event, notes=(*event.notes, NOTE)) if isinstance(event, Done) else event


def _is_refused(error: InvalidRequest, request: ChatRequest) -> bool:
    """Return whether the vendor itself says that it does not take the schema."""
    return (
        request.response_schema is not None
        and type(error) in {InvalidRequest, NotSupported}
        and error.status is not None
        and _ABOUT_SCHEMA.search(error.vendor_message or "") is not None
    )
