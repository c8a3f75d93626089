import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import timedelta

import httpx
import pytest

from providers.adapters.base import Timeouts, strip_endpoint
from providers.adapters.http.stream import stream_events
from providers.adapters.openai.request import NOTE_IF_BROKEN, build_chat_body
from providers.adapters.openai.stream import OpenAIStreamParser
from providers.catalogue.schema import RequestDialect
from providers.chat import ChatRequest, Message, Tool, ToolCall
from providers.chat_response import ChatResponse, collect_response
from providers.errors import MalformedResponse, Overloaded

DELTA = {"choices": [{"index": 0, "delta": {"content": "yes"}}]}
FINISH = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
USAGE = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}}


class Body:
    """An open response with this body, which then fails if told to."""

    def __init__(
        self,
        pieces: Sequence[bytes],
        *,
        headers: Mapping[str, str] | None = None,
        then: Exception | None = None,
    ) -> None:
        self.headers = headers or {"content-type": "text/event-stream", "x-request-id": "r"}
        self._pieces = pieces
        self._then = then

    async def aiter_bytes(self, chunk_size: int | None = None) -> AsyncGenerator[bytes, None]:
        del chunk_size
        for piece in self._pieces:
            yield piece
        if self._then is not None:
            raise self._then


def an_event(payload: object, name: str = "") -> bytes:
    return f"event: {name}\ndata: {json.dumps(payload)}\n\n".encode()


async def answer_of(body: Body) -> ChatResponse:
    @asynccontextmanager
    async def opening() -> AsyncIterator[Body]:
        yield body

    return await collect_response(
        stream_events(
            "v",
            opening(),
            OpenAIStreamParser("v", secret=""),
            timeouts=Timeouts(total=timedelta(seconds=5)),
            is_streamed=True,
            translate_errors=nullcontext(),
            secret="",
            notes=("n",),
            note_if_broken=NOTE_IF_BROKEN,
        )
    )


async def test_a_failure_after_the_finish_reason_costs_the_usage_only() -> None:
    body = Body([an_event(DELTA), an_event(FINISH)], then=httpx.ReadError("cut"))

    answer = await answer_of(body)

    assert answer.text == "yes"
    assert answer.usage is None
    assert answer.done.request_id == "r"
    assert any("usage may be missing" in note for note in answer.done.notes)


async def test_a_failure_before_the_finish_reason_is_an_error() -> None:
    with pytest.raises(httpx.ReadError):
        await answer_of(Body([an_event(DELTA)], then=httpx.ReadError("cut")))


async def test_usage_after_the_finish_is_kept_and_done_ends_the_stream() -> None:
    pieces = [an_event(DELTA), an_event(FINISH), an_event(USAGE), b"data: [DONE]\n\n"]

    answer = await answer_of(Body(pieces))

    assert answer.usage is not None
    assert answer.usage.output == 2
    assert answer.done.notes == ("n",)


async def test_a_body_of_plain_json_is_an_answer_too() -> None:
    message = {"content": "yes", "reasoning_content": "hm"}
    whole = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()

    answer = await answer_of(
        Body([whole[:9], whole[9:]], headers={"content-type": "application/json"})
    )

    assert (answer.text, answer.reasoning) == ("yes", "hm")


async def test_an_event_named_error_is_one_whatever_it_holds() -> None:
    with pytest.raises(Overloaded):
        await answer_of(Body([an_event({"message": "busy"}, "error")]))


async def test_half_a_json_text_is_malformed() -> None:
    with pytest.raises(MalformedResponse):
        await answer_of(Body([b'data: {"choices": [\n\n']))


def test_a_conversation_with_calls_keeps_their_ids() -> None:
    call = ToolCall(id="c", name="look", arguments="{}")
    request = ChatRequest(
        model="m",
        system="Be brief",
        messages=(
            Message(role="user", content="hi"),
            Message(role="assistant", content="", tool_calls=(call,)),
            Message(role="tool", content="42", tool_call_id="c"),
        ),
        tools=(Tool(name="look", description="d", parameters={"type": "object"}),),
    )

    body, _ = build_chat_body(request, vendor="openai", dialect=RequestDialect())

    assert [message["role"] for message in body["messages"]] == [
        "system",
        "user",
        "assistant",
        "tool",
    ]
    assert body["messages"][2]["tool_calls"][0]["id"] == "c"
    assert body["messages"][3]["tool_call_id"] == "c"
    assert body["tools"][0]["function"]["name"] == "look"


@pytest.mark.parametrize(
    "url",
    ["https://a.example/v1", "https://a.example/v1/", "https://a.example/v1/chat/completions"],
)
def test_a_base_url_may_name_the_endpoint_itself(url: str) -> None:
    assert strip_endpoint(url) == "https://a.example/v1"
