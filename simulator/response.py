"""A response that is told the moment its client leaves, and can break off on purpose."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Final, TypeAlias

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from simulator.request_log import Entry, Journal

ABORT: Final = "cogo.abort"
"""ASGI extension of our server: a callable that drops the connection with what it still holds."""


class Stage:
    """Where an answer is given. Ending without `end` leaves the client with half an answer."""

    def __init__(self, send: Send, entry: Entry, abort: Callable[[], None] | None) -> None:
        self._send = send
        self._entry = entry
        self._abort = abort
        self.is_over = False

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the status line and the headers."""
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._entry.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def say(self, data: bytes) -> None:
        """Send a part of the body."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """End the body properly."""
        self.is_over = True
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def fall_silent(self) -> None:
        """Say nothing more, and keep the connection, until the client leaves."""
        await asyncio.Event().wait()

    def abort(self) -> None:
        """Drop the connection. Other servers drop it when the answer turns out to be half."""
        self.is_over = True
        if self._abort is not None:
            self._abort()


Play: TypeAlias = Callable[[Stage], Coroutine[object, object, None]]


class Reply(Response):
    """Plays an answer, and stops playing when nobody listens any more."""

    def __init__(self, play: Play, entry: Entry, journal: Journal) -> None:
        super().__init__()
        self._play = play
        self._entry = entry
        self._journal = journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        abort = scope.get("extensions", {}).get(ABORT)
        stage = Stage(send, self._entry, abort)
        try:
            async with asyncio.TaskGroup() as group:
                name = f"request {self._entry.number}"
                playing = group.create_task(self._play(stage), name=f"play {name}")
                watching = group.create_task(_client_leaves(receive), name=f"watch {name}")
                await asyncio.wait({playing, watching}, return_when=asyncio.FIRST_COMPLETED)
                # The end of our own answer is reported as a disconnect, too.
                self._entry.aborted_by_client = watching.done() and not stage.is_over
                playing.cancel()
                watching.cancel()
        finally:
            self._journal.close(self._entry)


async def _client_leaves(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
