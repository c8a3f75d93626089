"""Schemas that a vendor refuses although they lie in what is known of its subset."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from providers.adapters.base import Adapter, Timeouts
from providers.adapters.refusals import refuses_schema
from providers.chat import ChatRequest, Done, Event
from providers.errors import InvalidRequest
from providers.schemas import move_schema_to_prompt

NOTE: Final = "the schema was added to the instructions: the vendor refused it"


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
        if begun or request.response_schema is None or not refuses_schema(error):
            raise
    else:
        return
    told = move_schema_to_prompt(request)
    async with aclosing(adapter.stream(told, timeouts=timeouts)) as events:
        async for event in events:
            yield replace(event, notes=(*event.notes, NOTE)) if isinstance(event, Done) else event
