"""A schema that a vendor refuses after all is told instead, once, and that is said."""

from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest

from providers.adapters.base import Adapter, Timeouts
from providers.calls.refused_schemas import NOTE, stream_with_schema
from providers.chat import ChatRequest, Done, Event, FinishReason, Message, TextDelta, TokenUsage
from providers.chat_response import collect_response
from providers.errors import CallFailed, ContextTooLong, InvalidRequest, NotSupported, Overloaded

SCHEMA = {"type": "object"}
ASKED = ChatRequest(
    model="m", messages=(Message(role="user", content="?"),), response_schema=SCHEMA
)


class Vendor:
    """Fails at first, after some events, and then answers."""

    def __init__(self, error: CallFailed, *before: Event) -> None:
        self.error, self.before = error, before
        self.requests: list[ChatRequest] = []

    async def stream(
        self, request: ChatRequest, *, timeouts: Timeouts
    ) -> AsyncGenerator[Event, None]:
        self.requests.append(request)
        if len(self.requests) == 1:
            for event in self.before:
                yield event
            raise self.error
        yield TextDelta("{}")
        yield TokenUsage()
        yield Done(finish_reason=FinishReason.STOP, vendor_finish_reason="stop", notes=("a",))


async def send(vendor: Vendor, request: ChatRequest = ASKED) -> Any:
    events = stream_with_schema(cast("Adapter", vendor), request, timeouts=Timeouts())
    return await collect_response(events)


@pytest.mark.parametrize(
    ("error_class", "message"),
    [
        (InvalidRequest, "Invalid schema for response_format 'answer': additionalProperties"),
        (InvalidRequest, "output_config.format.schema: too many optional parameters"),
        (InvalidRequest, "Failed to initialize samplers: failed to parse grammar"),
        (NotSupported, "this model does not support response_format"),
    ],
)
async def test_a_refused_schema_becomes_an_instruction(
    error_class: type[InvalidRequest], message: str
) -> None:
    vendor = Vendor(error_class("v", "no", status=400, vendor_message=message))

    answer = await send(vendor)

    assert answer.text == "{}"
    assert answer.done.notes == ("a", NOTE)
    first, second = vendor.requests
    assert first == ASKED
    assert second.response_schema is None
    assert '{"type": "object"}' in str(second.system)


@pytest.mark.parametrize(
    ("error", "before", "request_"),
    [
        (
            InvalidRequest("v", "no", status=400, vendor_message="max_tokens too large"),
            (),
            ASKED,
        ),
        (InvalidRequest("v", "no", vendor_message="our own check of the schema"), (), ASKED),
        (ContextTooLong("v", "no", status=400, vendor_message="schema and prompt"), (), ASKED),
        (Overloaded("v", "no", status=500, vendor_message="schema"), (), ASKED),
        (InvalidRequest("v", "no", status=400, vendor_message="schema"), (TextDelta("x"),), ASKED),
        (
            InvalidRequest("v", "no", status=400, vendor_message="schema"),
            (),
            ChatRequest(model="m", messages=ASKED.messages),
        ),
    ],
)
async def test_any_other_failure_is_not_repeated(
    error: CallFailed, before: tuple[Event, ...], request_: ChatRequest
) -> None:
    vendor = Vendor(error, *before)

    with pytest.raises(CallFailed) as failed:
        await send(vendor, request_)

    assert failed.value is error
    assert len(vendor.requests) == 1
