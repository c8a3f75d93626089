"""A server that keeps what it was sent, to read a request off the wire."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


class Recorder:
    """The last request; every one gets the same answer."""

    def __init__(self, answer: object) -> None:
        self.path = ""
        self.headers: dict[str, str] = {}
        self.body: dict[str, Any] = {}
        self.url = ""
        self._text = json.dumps(answer)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request on one connection."""
        first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        self.path = first.split()[1]
        lines = [line.partition(": ") for line in rest if line]
        self.headers = {name.lower(): value for name, _, value in lines}
        self.body = json.loads(await reader.readexactly(int(self.headers["content-length"])))
        writer.write(
            f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
            f"content-length: {len(self._text)}\r\n\r\n{self._text}".encode()
        )
        await writer.drain()
        writer.close()


@asynccontextmanager
async def recording(answer: object) -> AsyncIterator[Recorder]:
    """Run a recorder that gives this JSON answer."""
    recorder = Recorder(answer)
    async with await asyncio.start_server(recorder.serve, "127.0.0.1", 0) as listening:
        recorder.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        yield recorder
