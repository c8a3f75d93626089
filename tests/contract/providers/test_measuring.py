"""Measuring a model at a server that calls tools as data, as text, or not at all."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

import pytest

from cogo.local_model.measure import describe_measurement, measure_model
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.errors import ProviderError
from providers.router import Router

NOW: Final = datetime(2026, 11, 30, tzinfo=UTC)
LANE: Final = "local-model/m"
PAUSE: Final = 0.01
WORDS: Final = 20
CITIES: Final = re.compile("Paris|Nairobi|Lima")


@dataclass(slots=True)
class ModelServer:
    """A server of one model."""

    calls: Literal["structured", "text", "never"] = "never"
    one_by_one: bool = False
    fails: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"(?i)content-length: (\d+)", head)
        body = json.loads(await reader.readexactly(int(length[1]))) if length else {}
        if "/models" in head.split(" ")[1]:
            listing = {"object": "list", "data": [{"id": "m", "owned_by": "llamacpp"}]}
            self._write_head(writer, "200 OK", "application/json")
            writer.write(json.dumps(listing).encode())
        elif "/chat/completions" not in head or self.fails:
            self._write_head(writer, "400 Bad Request", "application/json")
            writer.write(b'{"error": {"message": "no"}}')
        elif self.one_by_one:
            async with self.lock:
                await self._stream(writer, body)
        else:
            await self._stream(writer, body)
        await writer.drain()
        writer.close()

    def _write_head(self, writer: asyncio.StreamWriter, status: str, kind: str) -> None:
        head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode())

    async def _stream(self, writer: asyncio.StreamWriter, body: dict[str, Any]) -> None:
        self._write_head(writer, "200 OK", "text/event-stream")
        deltas, reason = self._choose(body)
        for delta in deltas:
            await asyncio.sleep(PAUSE)
            self._send(writer, {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
            await writer.drain()
        usage = {"prompt_tokens": 9, "completion_tokens": len(deltas)}
        end = {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}], "usage": usage}
        self._send(writer, end)
        writer.write(b"data: [DONE]\n\n")

    def _send(self, writer: asyncio.StreamWriter, chunk: dict[str, Any]) -> None:
        head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        writer.write(f"data: {json.dumps(head | chunk)}\n\n".encode())

    def _choose(self, body: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
        found = CITIES.search(body["messages"][-1]["content"])
        if body.get("response_format"):
            return [{"content": '{"sum": 42}'}], "stop"
        if found and self.calls == "structured" and body.get("tools"):
            function = {"name": "get_weather", "arguments": json.dumps({"city": found[0]})}
            call = {"index": 0, "id": "c", "type": "function", "function": function}
            return [{"tool_calls": [call]}], "tool_calls"
        if found and self.calls == "text" and not body.get("tools"):
            arguments = json.dumps({"city": found[0]})
            text = f"<tool_use>\ntool_name: get_weather\narguments: {arguments}\n</tool_use>"
            return [{"content": text}], "stop"
        return [{"content": "word "}] * WORDS, "stop"


@asynccontextmanager
async def router_to(server: ModelServer) -> AsyncIterator[Router]:
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    async with listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        async with Router(Catalogue.load(), {"local-model": Credential(base_url=url)}) as router:
            await router.discover()
            yield router


@pytest.mark.parametrize(
    ("calls", "right"),
    [
        ("structured", {"structured": 3}),
        ("text", {"structured": 0, "text": 3}),
        ("never", {"structured": 0, "text": 0}),
    ],
)
async def test_right_calls_are_counted_by_the_way_in_which_tools_were_sent(
    calls: Literal["structured", "text", "never"], right: dict[str, int]
) -> None:
    async with router_to(ModelServer(calls=calls)) as router:
        found = await measure_model(router, LANE, at=NOW)

    assert found.right_calls == right
    assert found.measured.calls_tools is (calls != "never")
    assert found.measured.follows_schema is True
    assert found.measured.measured_at == "2026-11-30T00:00:00+00:00"
    assert found.failures == ()
    last = list(right)[-1]
    assert f"{right[last]} of 3 as {last}; follows a schema" in describe_measurement(found)


@pytest.mark.parametrize(("one_by_one", "parallel"), [(False, 2), (True, 1)])
async def test_speed_is_measured_alone_and_with_two_answers_at_once(
    one_by_one: bool, parallel: int
) -> None:
    async with router_to(ModelServer(one_by_one=one_by_one)) as router:
        found = await measure_model(router, LANE, at=NOW)

    assert found.measured.parallel == parallel
    assert 0 < found.measured.tokens_per_s <= 1 / PAUSE
    assert found.measured.first_token_s >= PAUSE


async def test_a_model_that_does_not_answer_is_not_measured() -> None:
    async with router_to(ModelServer(fails=True)) as router:
        with pytest.raises(ProviderError):
            await measure_model(router, LANE, at=NOW)
