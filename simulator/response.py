"""An ASGI response that stops when its client disconnects, and can break off deliberately."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Final, TypeAlias

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from simulator.request_log import LoggedRequest, RequestLog

ABORT: Final = "cogo.abort"
"""ASGI extension of our server: a callable that drops the connection with its unsent data."""
CLOSE: Final = "cogo.close"
"""ASGI extension of our server: a callable that closes the connection once all data is sent."""


class ResponseWriter:
    """Writer of one response. Without a call of `end` the client has an incomplete response."""

    def __init__(
        self,
        send: Send,
        entry: LoggedRequest,
        *,
        abort: Callable[[], None] | None,
        close: Callable[[], None] | None,
    ) -> None:
        self._send = send
        self._entry = entry
        self._abort = abort
        self._close = close
        self.is_complete = False

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the status line and the headers."""
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._entry.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def write(self, data: bytes) -> None:
        """Send a part of the body."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """End the body properly."""
        self.is_complete = True
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def stall(self) -> None:
        """Send nothing and keep the connection open until the client disconnects."""
        await asyncio.Event().wait()

    def abort(self) -> None:
        """Drop the connection; other servers do so when the response turns out incomplete."""
        self.is_complete = True
        if self._abort is not None:
            self._abort()

    def close(self) -> None:
        """Close the connection after a complete response, which the headers did not announce."""
        if self._close is not None:
            self._close()


Respond: TypeAlias = Callable[[ResponseWriter], Coroutine[object, object, None]]


class SimulatedResponse(Response):
    """Calls `respond`, and cancels it when the client disconnects."""

    def __init__(self, respond: Respond, entry: LoggedRequest, request_log: RequestLog) -> None:
        super().__init__()
        self._respond = respond
        self._entry = entry
        self._request_log = request_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        extensions = scope.get("extensions", {})
        writer = ResponseWriter(
            send, self._entry, abort=extensions.get(ABORT), close=extensions.get(CLOSE)
        )
        try:
            async with asyncio.TaskGroup() as group:
                name = f"request {self._entry.number}"
                responding = group.create_task(self._respond(writer), name=f"respond to {name}")
                watching = group.create_task(_wait_for_disconnect(receive), name=f"watch {name}")
                await asyncio.wait({responding, watching}, return_when=asyncio.FIRST_COMPLETED)
                # The end of our own response is reported as a disconnect, too.
                self._entry.aborted_by_client = watching.done() and not writer.is_complete
                responding.cancel()
                watching.cancel()
        finally:
            self._request_log.finish(self._entry)


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
