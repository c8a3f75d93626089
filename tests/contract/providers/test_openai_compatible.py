"""The requests of each dialect of the compatible providers, as received by a server."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from pydantic import SecretStr

from providers.adapters.base import Timeouts
from providers.adapters.openai.client import OpenAICompatible
from providers.adapters.registry import make_adapter
from providers.catalogue.schema import RequestDialect
from providers.chat import ChatRequest, Message
from providers.chat_response import ChatResponse, collect_response
from providers.errors import InvalidRequest, NotSupported
from tests.contract.providers.conftest import CATALOGUE
from tests.support.servers.recorder import Recorder, recording


@pytest.fixture
async def server() -> AsyncIterator[Recorder]:
    choice = {"index": 0, "message": {"content": "yes"}, "finish_reason": "stop"}
    async with recording({"choices": [choice]}) as recorder:
        yield recorder


async def sent(server: Recorder, *, key: str | None = "a-key", **accents: Any) -> Recorder:
    adapter = OpenAICompatible(
        vendor="v",
        base_url=f"{server.url}/v1/chat/completions",
        key=SecretStr(key) if key else None,
        dialect=RequestDialect(**accents),
    )
    request = ChatRequest(
        model="m",
        messages=(Message(role="user", content="hi"),),
        max_output_tokens=7,
        reasoning_effort="low",
    )
    async with adapter:
        answer = await collect_response(adapter.stream(request, timeouts=Timeouts()))
    assert answer.text == "yes"
    return server


async def test_the_plain_dialect(server: Recorder) -> None:
    await sent(server)

    assert server.headers["authorization"] == "Bearer a-key"
    assert server.body == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 7,
        "reasoning_effort": "low",
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_limits_and_usage_go_where_the_provider_wants_them(server: Recorder) -> None:
    await sent(server, max_tokens_field="max_completion_tokens", asks_for_usage=False)

    assert server.body["max_completion_tokens"] == 7
    assert not {"max_tokens", "stream_options"} & set(server.body)


async def test_an_effort_may_be_an_object_with_company(server: Recorder) -> None:
    await sent(server, effort_field="reasoning", reasoning_body={"reasoning_format": "parsed"})

    assert server.body["reasoning"] == {"effort": "low"}
    assert server.body["reasoning_format"] == "parsed"
    assert "reasoning_effort" not in server.body


async def test_a_key_in_a_header_of_its_own_is_nowhere_else(server: Recorder) -> None:
    await sent(server, key_header="x-portkey-api-key")

    assert server.headers["x-portkey-api-key"] == "a-key"
    assert "authorization" not in server.headers


async def test_a_local_server_needs_no_key(server: Recorder) -> None:
    await sent(server, key=None)

    assert server.headers["authorization"] == "Bearer none"


async def test_no_account_of_the_environment_is_shown_to_others(
    server: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ORG_ID", "PROJECT_ID", "ADMIN_KEY", "API_KEY"):
        monkeypatch.setenv(f"OPENAI_{name}", "of-another-account")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "x-secret: of-another-account")

    await sent(server, key=None)

    assert "of-another-account" not in str(server.headers)


async def test_a_listed_context_window_is_read_under_every_name_that_servers_give_it() -> None:
    names = ("context_length", "max_model_len", "max_context_length", "context_window")
    page = {"data": [{"id": name, name: size} for size, name in enumerate(names, 1000)]}
    async with (
        recording(page) as server,
        OpenAICompatible(
            vendor="v", base_url=server.url, key=SecretStr("a-key"), dialect=RequestDialect()
        ) as adapter,
    ):
        models = await adapter.list_models()

    assert [(each.id, each.context_window) for each in models] == [
        (name, size) for size, name in enumerate(names, 1000)
    ]


WHOLE = {
    "object": "response",
    "status": "completed",
    "output": [{"type": "message", "content": [{"type": "output_text", "text": "yes"}]}],
}


async def test_the_responses_api_is_for_models_that_reason_and_for_searches() -> None:
    paths = []
    choice = {"index": 0, "message": {"content": "yes"}, "finish_reason": "stop"}
    for may_reason, web_search in ((True, False), (False, False), (False, True)):
        answers = may_reason or web_search
        async with recording(WHOLE if answers else {"choices": [choice]}) as server:
            answer = await _ask_responses(server.url, may_reason=may_reason, web_search=web_search)
            assert answer.text == "yes"
            paths.append(server.path)

    assert paths == ["/v1/responses", "/v1/chat/completions", "/v1/responses"]


async def test_an_account_that_gets_no_summaries_is_asked_again_without() -> None:
    refusal = {"error": {"message": "You must be verified to generate reasoning summaries."}}
    async with recording(refusal, status=400) as server:
        with pytest.raises(InvalidRequest):
            await _ask_responses(server.url, reasoning_effort="low")

        assert [body["reasoning"] for body in server.bodies] == [
            {"effort": "low", "summary": "auto"},
            {"effort": "low"},
        ]


@pytest.mark.parametrize("status", [404, 405])
async def test_a_server_without_the_responses_api_is_told_what_to_set(status: int) -> None:
    async with recording({"detail": "Not Found"}, status=status) as server:
        with pytest.raises(NotSupported, match='api = "chat_completions"'):
            await _ask_responses(server.url)


async def _ask_responses(url: str, **changes: Any) -> ChatResponse:
    adapter = OpenAICompatible(
        vendor="v",
        base_url=f"{url}/v1",
        key=SecretStr("a-key"),
        dialect=RequestDialect(api="responses"),
    )
    request = ChatRequest(model="m", messages=(Message(role="user", content="hi"),), **changes)
    async with adapter:
        return await collect_response(adapter.stream(request, timeouts=Timeouts()))


async def test_a_local_server_that_serves_one_request_a_connection_serves_all() -> None:
    choice = {"index": 0, "message": {"content": "yes"}, "finish_reason": "stop"}
    body = json.dumps({"choices": [choice]}).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"

    served: list[asyncio.Event] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(ended := asyncio.Event())
        with suppress(asyncio.IncompleteReadError):
            asked = await reader.readuntil(b"\r\n\r\n")
            length = int(asked.lower().partition(b"content-length:")[2].split()[0])
            await reader.readexactly(length)
            writer.write(head.encode() + b"\r\n" + body)
            await reader.readuntil(b"\r\n\r\n")  # another request is not served
        writer.close()
        await writer.wait_closed()
        ended.set()

    provider = CATALOGUE.providers["llamacpp"]
    request = ChatRequest(model="m", messages=(Message(role="user", content="hi"),))
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        async with make_adapter(provider, base_url=url, key=None) as adapter:
            for _ in range(3):
                answer = await collect_response(adapter.stream(request, timeouts=Timeouts()))
                assert answer.text == "yes"
        for ended in served:
            await ended.wait()
