"""Hostile responses through each adapter: an answer, or an error of ours."""

import gzip
import json
import tracemalloc
from typing import Any

import pytest
from pydantic import SecretStr

from providers.adapters.base import Timeouts
from providers.adapters.http.body_limits import LONGEST_LISTING
from providers.adapters.listings import ListedModel
from providers.adapters.registry import make_adapter
from providers.chat import ChatRequest, Message
from providers.chat_response import ChatResponse, collect_response
from providers.errors import CallFailed, ConnectionFailed, MalformedResponse, Overloaded
from tests.contract.providers.conftest import CATALOGUE
from tests.support.servers.recorder import recording

INTERNAL = ("Error", "Exception", "Traceback", "object has no", "recursion", "NoneType", "codec")
"""Python's own messages, which users would not understand."""
GZIP = "content-encoding: gzip\r\n"
DEEP = "[" * 100_000 + "]" * 100_000


async def asked(
    vendor: str,
    body: bytes,
    *,
    whole: bool,
    status: int = 200,
    headers: str = "",
    kind: str | None = None,
) -> ChatResponse:
    request = ChatRequest(
        model="m", messages=(Message(role="user", content="hi"),), stream=not whole
    )
    kind = kind or ("application/json" if whole else "text/event-stream")
    async with recording(body, kind=kind, status=status, headers=headers) as server:
        provider = CATALOGUE.providers[vendor]
        adapter = make_adapter(provider, base_url=server.url, key=SecretStr("a-key"))
        async with adapter:
            return await collect_response(adapter.stream(request, timeouts=Timeouts()))


async def listed(vendor: str, body: bytes, *, headers: str = "") -> list[ListedModel]:
    async with recording(body, headers=headers) as server:
        provider = CATALOGUE.providers[vendor]
        adapter = make_adapter(provider, base_url=server.url, key=SecretStr("a-key"))
        async with adapter:
            return await adapter.list_models()


def an_answer(vendor: str, text: str = "yes", **more: Any) -> dict[str, Any]:
    """Return a good answer in one piece."""
    if vendor == "anthropic":
        content = [{"type": "text", "text": text}]
        return {"type": "message", "content": content, "stop_reason": "end_turn"} | more
    if vendor == "gemini":
        candidate = {"content": {"parts": [{"text": text}]}, "finishReason": "STOP"}
        return {"candidates": [candidate]} | more
    if vendor == "ollama":
        return {"message": {"content": text}, "done": True, "done_reason": "stop"} | more
    if vendor == "openai":
        parts = [{"type": "output_text", "text": text}]
        output = [{"type": "message", "content": parts}]
        return {"object": "response", "status": "completed", "output": output} | more
    return {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]} | more


def with_more(vendor: str, more: str) -> bytes:
    """Return a good answer with a field of any text."""
    whole = json.dumps(an_answer(vendor))
    return f'{whole[:-1]}, "more": {more}}}'.encode()


def wrapped(vendor: str, body: bytes, *, whole: bool) -> bytes:
    line = body.replace(b"\n", b" ") + b"\n"
    if whole:
        return body
    return line if vendor == "ollama" else b"data: " + line + b"\n"


WAYS = pytest.mark.parametrize("whole", [True, False], ids=["whole", "streamed"])


@WAYS
@pytest.mark.parametrize(
    "more",
    [
        pytest.param(DEEP, id="deep"),
        pytest.param("9" * 5_000, id="5,000 digits"),
        pytest.param("NaN", id="NaN"),
        pytest.param("-Infinity", id="Infinity"),
        pytest.param('"half', id="half"),
    ],
)
async def test_json_that_cannot_be_stored_is_malformed(vendor: str, more: str, whole: bool) -> None:
    body = wrapped(vendor, with_more(vendor, more), whole=whole)

    with pytest.raises(MalformedResponse) as failed:
        await asked(vendor, body, whole=whole)

    assert not [word for word in INTERNAL if word in str(failed.value)]


@WAYS
async def test_bytes_that_are_no_text_are_malformed(vendor: str, whole: bool) -> None:
    body = json.dumps(an_answer(vendor)).encode().replace(b"yes", b"y\xff\xfes")

    with pytest.raises(MalformedResponse, match="not valid UTF-8"):
        await asked(vendor, wrapped(vendor, body, whole=whole), whole=whole)


@WAYS
async def test_a_web_page_instead_of_an_answer_is_named(vendor: str, whole: bool) -> None:
    page = b"<!DOCTYPE html><title>Sign in to this network</title>"

    with pytest.raises(MalformedResponse, match="the response is a web page"):
        await asked(vendor, page, whole=whole, kind="text/html; charset=utf-8")


@WAYS
async def test_a_byte_order_mark_costs_nothing(vendor: str, whole: bool) -> None:
    body = wrapped(vendor, json.dumps(an_answer(vendor)).encode(), whole=whole)

    answer = await asked(vendor, b"\xef\xbb\xbf" + body, whole=whole)

    assert answer.text == "yes"


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": {}, "input_tokens": [], "promptTokenCount": "x"},
        [1],
        "many",
        {"prompt_tokens_details": 3, "output_tokens_details": 3, "completion_tokens_details": []},
    ],
)
async def test_a_count_of_another_shape_costs_no_answer(vendor: str, usage: object) -> None:
    counts: dict[str, Any] = {"usage": usage, "usageMetadata": usage, "prompt_eval_count": usage}
    body = json.dumps(an_answer(vendor, **counts)).encode()

    answer = await asked(vendor, body, whole=True)

    assert answer.text == "yes"
    assert answer.usage is None or not answer.usage.is_counted


@pytest.mark.parametrize("value", [3, [], {}, "text", None, [[]], {"a": {}}, True, -1.5])
async def test_fields_of_another_shape_are_an_answer_or_malformed(
    vendor: str, value: object
) -> None:
    for place in places(an_answer(vendor)):
        changed = an_answer(vendor)
        put(changed, place, value)
        try:
            answer = await asked(vendor, json.dumps(changed).encode(), whole=True)
        except CallFailed as error:
            assert not [word for word in INTERNAL if word in str(error)]
        else:
            assert isinstance(answer.text, str)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Yield the paths to all values inside."""
    if not isinstance(value, dict | list):
        return []
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [way for key, each in items for way in ((*path, key), *places(each, (*path, key)))]


def put(value: Any, path: tuple[Any, ...], new: object) -> None:
    *way, last = path
    for key in way:
        value = value[key]
    value[last] = new


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(DEEP.encode(), id="deep"),
        pytest.param(b'{"error": ' + DEEP.encode() + b"}", id="deep inside"),
        pytest.param(b"\xff\xfe\x00", id="no text"),
        pytest.param(b'{"error": {"message": NaN, "code": ' + b"9" * 5_000 + b"}}", id="numbers"),
        pytest.param(json.dumps({"error": {"message": ["x"], "code": {}}}).encode(), id="shapes"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"x" * 3_000_000, id="long"),
    ],
)
async def test_a_refusal_of_any_shape_has_its_class_and_is_short(vendor: str, body: bytes) -> None:
    with pytest.raises(CallFailed) as failed:
        await asked(vendor, body, whole=True, status=503)

    assert failed.value.code == "overloaded"
    assert len(str(failed.value)) < 1_000
    assert not [word for word in INTERNAL if word in str(failed.value)]


async def test_only_the_beginning_of_a_refusal_is_read(vendor: str) -> None:
    request = ChatRequest(model="m", messages=(Message(role="user", content="hi"),))
    async with recording(b"x" * 64 * 1024**2, status=503) as server:
        provider = CATALOGUE.providers[vendor]
        adapter = make_adapter(provider, base_url=server.url, key=SecretStr("a-key"))
        async with adapter:
            with pytest.raises(Overloaded):
                await collect_response(adapter.stream(request, timeouts=Timeouts()))
            with pytest.raises(Overloaded):
                await adapter.list_models()

    assert server.sent < 64 * 1024**2  # of twice as much; connections hold a few MiB


async def test_a_compressed_refusal_is_read(vendor: str) -> None:
    body = gzip.compress(b'{"error": {"message": "come back later"}}')

    with pytest.raises(Overloaded, match="come back later"):
        await asked(vendor, body, whole=False, status=503, headers=GZIP)


@pytest.mark.parametrize("status", [200, 503])
async def test_an_answer_that_is_compressed_twice_is_not_decoded(vendor: str, status: int) -> None:
    body = gzip.compress(gzip.compress(b"{}".ljust(200_000_000), compresslevel=1))
    headers = "content-encoding: gzip, gzip\r\n"
    tracemalloc.start()
    try:
        with pytest.raises(MalformedResponse, match="compressed more than once"):
            await asked(vendor, body, whole=False, status=status, headers=headers)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 100_000_000


@pytest.mark.parametrize(
    "name", ["anthropic", "fireworks", "gemini", "ollama", "openai", "portkey"]
)
async def test_no_redirect_takes_the_prompt_or_the_key_elsewhere(name: str) -> None:
    request = ChatRequest(model="m", messages=(Message(role="user", content="hi"),))
    async with recording(an_answer("openai")) as elsewhere:
        location = f"location: {elsewhere.url.replace('127.0.0.1', 'localhost')}/\r\n"
        async with recording(b"", status=307, headers=location) as server:
            provider = CATALOGUE.providers[name]
            adapter = make_adapter(provider, base_url=server.url, key=SecretStr("a-key"))
            async with adapter:
                with pytest.raises(ConnectionFailed, match="correct the base URL"):
                    await collect_response(adapter.stream(request, timeouts=Timeouts()))
                with pytest.raises(ConnectionFailed):
                    await adapter.list_models()

    assert server.path
    assert elsewhere.path == ""


ROW = {"id": "a-model", "name": "a-model"}


@pytest.mark.parametrize(
    "page",
    [
        pytest.param({"object": "list", "data": [ROW]}, id="data"),
        pytest.param({"models": [ROW]}, id="models"),
        pytest.param([ROW], id="bare"),
        pytest.param({"data": [ROW, 3, {}, {"id": 4}, {**ROW, "id": None}]}, id="odd rows"),
        pytest.param(
            {
                "data": [
                    {
                        **ROW,
                        "deprecationDate": {"year": "x"},
                        "retires_at": 7,
                        "shutdown_date": "soon",
                        "context_length": 10**18,
                        "pricing": {"prompt": [], "completion": "NaN"},
                        "display_name": [],
                    }
                ]
            },
            id="odd fields",
        ),
    ],
)
async def test_a_list_of_models_is_read_in_every_shape(vendor: str, page: object) -> None:
    found = await listed(vendor, json.dumps(page).encode())

    assert found[0] == ListedModel(id="a-model")


@pytest.mark.parametrize(
    "body",
    [b"3", b"{}", b'{"data": 3}', b'{"items": [{"id": "a"}]}', b'[{"no": 1}]', DEEP.encode()],
)
async def test_an_invalid_list_of_models_is_malformed(vendor: str, body: bytes) -> None:
    with pytest.raises(MalformedResponse) as failed:
        await listed(vendor, body)

    assert not [word for word in INTERNAL if word in str(failed.value)]


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "compressed"])
async def test_a_list_of_models_has_a_longest_length(vendor: str, zipped: bool) -> None:
    def body(length: int) -> bytes:
        text = json.dumps({"data": [ROW]}).encode().ljust(length)
        return gzip.compress(text, compresslevel=1) if zipped else text

    headers = GZIP if zipped else ""

    assert await listed(vendor, body(LONGEST_LISTING), headers=headers)
    with pytest.raises(MalformedResponse, match="longer than 16 MiB"):
        await listed(vendor, body(LONGEST_LISTING + 1), headers=headers)
