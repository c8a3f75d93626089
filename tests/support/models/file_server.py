"""An HTTP server with one file and a listing of it like the hub's, which misbehaves on request."""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class FileServer:
    """The file, and how the server misbehaves."""

    content: bytes
    path: str = "model-Q4_K_M.gguf"
    url: str = ""
    ranges: bool = True
    """Whether it sends parts of the file."""
    cuts: list[int] = field(default_factory=list)
    """After how many bytes each of the next answers is cut off."""
    pause: float = 0.0
    """Seconds between two pieces."""
    listed: dict[str, Any] = field(default_factory=dict)
    """Values of the listing that differ."""
    extra: bytes = b""
    """What follows the file, without end if `endless`."""
    endless: bool = False
    token: str | None = None
    """The key that it asks for."""
    asked: list[str] = field(default_factory=list)
    """The path and range of each request for the file."""

    @property
    def sha256(self) -> str:
        """The right checksum."""
        return hashlib.sha256(self.content).hexdigest()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            target = request.split(" ")[1]
            if self.token and f"authorization: bearer {self.token}" not in request.lower():
                writer.write(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n")
            elif target.startswith("/api/"):
                self._list(writer)
            elif self.path in target:
                await self._send(writer, target, request)
            else:
                writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    def _list(self, writer: asyncio.StreamWriter) -> None:
        lfs = {"oid": self.sha256, "size": len(self.content), "pointerSize": 134}
        row = {"type": "file", "oid": "0" * 40, "path": self.path, "lfs": lfs | self.listed}
        other = {"type": "file", "oid": "1" * 40, "path": "README.md", "size": 10}
        body = json.dumps([other, row]).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)

    async def _send(self, writer: asyncio.StreamWriter, target: str, request: str) -> None:
        found = re.search(r"(?i)^range: bytes=(\d+)-", request, re.MULTILINE)
        begin = int(found[1]) if found and self.ranges else 0
        self.asked.append(f"{target} {found[1] if found else 0}")
        body = self.content[begin:] + self.extra
        if found and self.ranges:
            size = len(self.content)
            head = f"206 Partial Content\r\ncontent-range: bytes {begin}-{size - 1}/{size}"
        else:
            head = "200 OK"
        length = "" if self.endless else f"content-length: {len(body)}\r\n"
        writer.write(f"HTTP/1.1 {head}\r\n{length}\r\n".encode())
        is_peek = not self.asked[:-1]
        cut = self.cuts.pop(0) if self.cuts and not is_peek else len(body)
        for at in range(0, cut, 64 * 1024):
            writer.write(body[at : min(cut, at + 64 * 1024)])
            await writer.drain()
            if self.pause:
                await asyncio.sleep(self.pause)
        while self.endless:
            writer.write(bytes(64 * 1024))
            await writer.drain()


@asynccontextmanager
async def serve_file(content: bytes, **behaviour: Any) -> AsyncIterator[FileServer]:
    """Serve a file on loopback while the block runs."""
    files = FileServer(content, **behaviour)
    server = await asyncio.start_server(files.answer, "127.0.0.1", 0)
    files.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield files
        server.close()
