"""An MCP server over HTTP that misbehaves: each of its tools answers in one wrong way."""

import asyncio
import json
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}}
HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "bad", "version": "1"},
}
NOTE = {"jsonrpc": "2.0", "method": "notifications/message", "params": {}}
PLAIN: dict[str, tuple[int, bytes, dict[str, str]]] = {
    "fail": (503, b"come back later", {}),
    "unauthorized": (401, b'{"message": "who are you?"}', {}),
    "html": (403, b"<!DOCTYPE html><html>many words</html>", {}),
    "compressed": (200, b"\x1f\x8b", {"content-encoding": "gzip"}),
    "redirect": (307, b"", {"location": "http://127.0.0.2:1/elsewhere"}),
    "accepted": (202, b"", {}),
    "no_json": (200, b"no JSON", {"content-type": "application/json"}),
}
TOOLS = (
    *("echo", "stream", "hang", "close", "half", "endless_body", "endless_stream"),
    *("other_session", *PLAIN),
)


class BadHttpServer:
    """What it was asked, and its address."""

    def __init__(self) -> None:
        self.url = ""
        self.calls: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.sessions = 0

    async def answer(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            while request := await _read_request(reader):
                await self._answer(*request, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(
        self, method: str, headers: dict[str, str], body: bytes, writer: StreamWriter
    ) -> None:
        self.headers.append(headers)
        if method != "POST":
            await _respond(writer, 405, b"")
            return
        message = json.loads(body)
        number = message.get("id")
        match message.get("method"):
            case "initialize":
                self.sessions += 1
                session = {"mcp-session-id": f"s{self.sessions}"}
                await _respond_json(writer, {"id": number, "result": HELLO}, session)
            case "tools/list":
                tools = [{"name": each, "inputSchema": SCHEMA} for each in TOOLS]
                await _respond_json(writer, {"id": number, "result": {"tools": tools}})
            case "tools/call":
                await self._call(message["params"], number, headers, writer)
            case _ if number is None:
                await _respond(writer, 202, b"")
            case _:
                error = {"code": -32601, "message": "Method not found"}
                await _respond_json(writer, {"id": number, "error": error})

    async def _call(
        self, params: dict[str, Any], number: Any, headers: dict[str, str], writer: StreamWriter
    ) -> None:
        name = params["name"]
        self.calls.append(name)
        text = params.get("arguments", {}).get("text", "")
        result = {"id": number, "result": {"content": [{"type": "text", "text": text}]}}
        event = f"event: message\ndata: {json.dumps({'jsonrpc': '2.0', **result})}\n\n"
        match name:
            case "echo":
                await _respond_json(writer, result)
            case "other_session" if headers.get("mcp-session-id") == f"s{self.sessions}":
                self.sessions += 1  # the old one is forgotten
                await _respond(writer, 404, b"Session not found")
            case "stream":
                head = {"content-type": "text/event-stream"}
                await _respond(writer, 200, event.encode(), head)
            case "hang":
                await asyncio.sleep(600)
            case "close":
                writer.close()
            case "half":
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n")
                writer.write(b"content-length: 1000\r\n\r\n{")
                writer.close()
            case "endless_body" | "endless_stream":
                kind = "application/json" if name == "endless_body" else "text/event-stream"
                writer.write(f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n\r\n".encode())
                chunk = b" " * 65_536 if name == "endless_body" else b""
                while True:
                    writer.write(chunk or f"event: message\ndata: {json.dumps(NOTE)}\n\n".encode())
                    await writer.drain()
            case _:
                await _respond(writer, *PLAIN[name])


@asynccontextmanager
async def run_bad_http_server() -> AsyncIterator[BadHttpServer]:
    """Run one on a free port of loopback."""
    bad = BadHttpServer()
    server = await asyncio.start_server(bad.answer, "127.0.0.1", 0)
    bad.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
    try:
        yield bad
    finally:
        server.close()


async def _read_request(reader: StreamReader) -> tuple[str, dict[str, str], bytes] | None:
    line = await reader.readline()
    if not line:
        return None
    headers: dict[str, str] = {}
    while (each := (await reader.readline()).decode().strip()) != "":
        name, _, value = each.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return line.split()[0].decode(), headers, body


async def _respond(
    writer: StreamWriter, status: int, body: bytes, headers: dict[str, str] | None = None
) -> None:
    lines = [f"{name}: {value}" for name, value in (headers or {}).items()]
    head = "\r\n".join([f"HTTP/1.1 {status} Reason", f"content-length: {len(body)}", *lines])
    writer.write(head.encode() + b"\r\n\r\n" + body)
    await writer.drain()


async def _respond_json(
    writer: StreamWriter, message: dict[str, Any], headers: dict[str, str] | None = None
) -> None:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    await _respond(writer, 200, body, {"content-type": "application/json", **(headers or {})})
