"""A server of one model that calls tools as data, as text, or not at all, at a known speed."""

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal

PAUSE: Final = 0.01
"""Seconds between two tokens."""
_WORDS: Final = 20
_CITIES: Final = re.compile("Paris|Nairobi|Lima")


@dataclass(slots=True)
class PacedServer:
    """A server of one model."""

    calls: Literal["structured", "text", "never"] = "never"
    one_by_one: bool = False
    fails: bool = False
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
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
        found = _CITIES.search(body["messages"][-1]["content"])
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
        return [{"content": "word "}] * _WORDS, "stop"
