"""A server that records requests and answers them all alike."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

_PIECE = 256 * 1024


class Recorder:
    """Records requests; all get the same answer."""

    def __init__(self, answer: object, *, kind: str, status: int, headers: str) -> None:
        self.path = ""
        self.headers: dict[str, str] = {}
        self.body: dict[str, Any] = {}
        self.bodies: list[dict[str, Any]] = []
        self.url = ""
        self.sent = 0
        """Bytes of bodies that somebody took, or that fitted into the connection."""
        self._body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self._head = f"HTTP/1.1 {status} As Told\r\ncontent-type: {kind}\r\n{headers}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request on one connection."""
        first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        self.path = first.split()[1]
        lines = [line.partition(": ") for line in rest if line]
        self.headers = {name.lower(): value for name, _, value in lines}
        if length := int(self.headers.get("content-length", "0")):
            self.body = json.loads(await reader.readexactly(length))
            self.bodies.append(self.body)
        writer.write(
            f"{self._head}connection: close\r\ncontent-length: {len(self._body)}\r\n\r\n".encode()
        )
        try:
            for at in range(0, len(self._body), _PIECE):
                piece = self._body[at : at + _PIECE]
                writer.write(piece)
                await writer.drain()
                self.sent += len(piece)
        except ConnectionError:  # whoever has read enough leaves
            return
        writer.close()


@asynccontextmanager
async def recording(
    answer: object,
    *,
    kind: str = "application/json",
    status: int = 200,
    headers: str = "",
) -> AsyncIterator[Recorder]:
    """Run a recorder that gives this answer: bytes as they are, all else as JSON."""
    recorder = Recorder(answer, kind=kind, status=status, headers=headers)
    async with await asyncio.start_server(recorder.serve, "127.0.0.1", 0) as listening:
        recorder.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        yield recorder
