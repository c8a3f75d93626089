"""A proxy between the agents and Supabase that can drop Realtime, or responses."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

_REALTIME = b"/realtime/"
_Task = asyncio.Task[None]


class CuttableProxy:
    """Passes bytes on unread, and drops some on request."""

    def __init__(self, upstream: str) -> None:
        address = urlsplit(upstream)
        self._host, self._port = address.hostname, address.port
        self._connections: dict[_Task, bool] = {}
        """What is open, and whether it leads to Realtime."""
        self._outages = 0
        self._losses = 0
        self.url = ""

    @contextmanager
    def without_realtime(self) -> Iterator[None]:
        """Drop every connection to Realtime, and refuse new ones, while the block runs."""
        self._outages += 1
        for task in [task for task, is_realtime in self._connections.items() if is_realtime]:
            task.cancel()
        try:
            yield
        finally:
            self._outages -= 1

    @contextmanager
    def losing_answers(self) -> Iterator[None]:
        """Pass requests on, and drop the connection when their answer comes."""
        self._losses += 1
        try:
            yield
        finally:
            self._losses -= 1

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listen on loopback while the block runs."""
        async with asyncio.TaskGroup() as group:

            def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                task = group.create_task(self._serve(reader, writer), name="line")
                self._connections[task] = False

                def end(ended: _Task) -> None:
                    del self._connections[ended]
                    writer.transport.abort()

                task.add_done_callback(end)

            server = await asyncio.start_server(accept, "127.0.0.1", 0)
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            try:
                yield
            finally:
                server.close()
                for task in list(self._connections):
                    task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        me = asyncio.current_task()
        assert me is not None
        # Whichever end goes away first: the other is told by the end of its connection.
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            first = await reader.readuntil(b"\r\n")
            is_realtime = first.split(b" ")[1].startswith(_REALTIME)
            self._connections[me] = is_realtime
            if not (is_realtime and self._outages):
                await self._pass_on(first, reader, writer, is_realtime=is_realtime)

    async def _pass_on(
        self,
        first: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        is_realtime: bool,
    ) -> None:
        back, forth = await asyncio.open_connection(self._host, self._port)
        forth.write(first)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_copy(reader, forth, lambda: True), name="requests")
                group.create_task(
                    _copy(back, writer, lambda: is_realtime or not self._losses), name="answers"
                )
        finally:
            forth.transport.abort()


async def _copy(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, passes: Callable[[], bool]
) -> None:
    """Copy until either end is gone; closing the target ends the other direction as well."""
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            if not passes():
                target.transport.abort()
                return
            target.write(data)
            await target.drain()
    target.close()
