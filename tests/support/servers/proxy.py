"""A proxy between agents and a project, which may refuse requests."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(slots=True)
class Proxy:
    """Refuses connections whose first request is below one path; all others pass unread."""

    upstream: str
    refused_path: str
    url: str = ""
    refused: int = 0
    """How many connections were refused."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end."""
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                first = await reader.readuntil(b"\r\n")
                if first.split(b" ")[1].startswith(self.refused_path.encode()):
                    self.refused += 1
                    await reader.readuntil(b"\r\n\r\n")
                    writer.write(REFUSAL)
                else:
                    await self._pass_on(first, reader, writer)
        finally:
            writer.close()

    async def _pass_on(
        self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        address = urlsplit(self.upstream)
        back, forth = await asyncio.open_connection(address.hostname, address.port)
        forth.write(first)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_copy(reader, forth))
                group.create_task(_copy(back, writer))
        finally:
            forth.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def refusing_proxy(upstream: str, *, refused_path: str) -> AsyncIterator[Proxy]:
    """Run a proxy on loopback while the block runs."""
    proxy = Proxy(upstream, refused_path)
    async with asyncio.TaskGroup() as connections:
        serving: set[asyncio.Task[None]] = set()

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = connections.create_task(proxy.serve(reader, writer))
            serving.add(task)
            task.add_done_callback(serving.discard)

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield proxy
        finally:
            server.close()
            for task in list(serving):
                task.cancel()
