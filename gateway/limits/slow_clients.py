"""Timeouts for slow clients, and a limit on connections without a complete request.

The timeout for bodies is in `gateway.middleware`, since not every request's body is read.
"""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar, Final, Self, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from gateway.options import GatewayOptions

_SLOW: Final = ("408 Request Timeout", "the request did not arrive in time")
_TOO_MANY: Final = ("503 Service Unavailable", "too many connections from this address are waiting")


class Timer:
    """Calls a function after some seconds, unless it is stopped first."""

    def __init__(self, seconds: float, call: Callable[[], None]) -> None:
        self._seconds = seconds
        self._call = call
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Start the timer; a running one is not restarted."""
        if self._handle is None:
            self._handle = asyncio.get_running_loop().call_later(self._seconds, self._call)

    def stop(self) -> None:
        """Stop the timer."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


class WaitingConnections:
    """Connections without a complete request. The longest waiting are closed for new ones."""

    def __init__(self, *, share: int, most: int) -> None:
        self._share = share
        self._most = most
        self._waiting: dict[TimeoutHttpProtocol, str] = {}
        self._by_address: dict[str, dict[TimeoutHttpProtocol, None]] = {}

    def add(self, connection: "TimeoutHttpProtocol", address: str) -> None:
        """Add a waiting connection; close the longest waiting if there are too many."""
        if connection in self._waiting:
            return
        same = self._by_address.setdefault(address, {})
        self._waiting[connection] = address
        same[connection] = None
        if len(same) > self._share:
            next(iter(same)).refuse(*_TOO_MANY)
        elif len(self._waiting) > self._most:
            next(iter(self._waiting)).refuse(*_TOO_MANY)

    def remove(self, connection: "TimeoutHttpProtocol") -> None:
        """Remove a connection, if it is present."""
        address = self._waiting.pop(connection, None)
        if address is not None:
            same = self._by_address[address]
            del same[connection]
            if not same:
                del self._by_address[address]


class _ReadTimeoutProtocol(asyncio.Protocol):
    """Drops a client that does not read, once the buffers are full."""

    options: ClassVar[GatewayOptions]
    transport: asyncio.Transport

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._reading = Timer(self.options.read_timeout.total_seconds(), self._drop)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        self._reading.stop()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Start the timer: the buffers are full."""
        super().pause_writing()
        self._reading.start()

    def resume_writing(self) -> None:
        """Stop the timer."""
        super().resume_writing()
        self._reading.stop()

    def _drop(self) -> None:
        self.transport.abort()  # close() would wait until everything is read


class TimeoutHttpProtocol(_ReadTimeoutProtocol, HttpToolsProtocol):
    """uvicorn's HTTP protocol with timeouts for sending a header and for reading a response."""

    waiting: ClassVar[WaitingConnections]

    @classmethod
    def configure(cls, options: GatewayOptions) -> type[Self]:
        """Return a subclass for one server."""
        waiting = WaitingConnections(share=options.share, most=options.connections)
        return type(cls.__name__, (cls,), {"options": options, "waiting": waiting})

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        header = self.options.header_timeout.total_seconds()
        self._sending = Timer(header, lambda: self.refuse(*_SLOW))

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for a request."""
        super().connection_made(transport)
        self._start_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse a piece of a request, and wait for the rest."""
        super().data_received(data)
        # On a kept-alive connection uvicorn's own timeout applies until something arrives.
        if self in self.connections and self._is_idle:
            self._start_waiting()

    def on_headers_complete(self) -> None:
        """Stop waiting: the request is complete enough to be handled."""
        self._stop_waiting()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._reading.start()  # the response must be read in time
        elif not self.pipeline:
            self.waiting.add(self, self._address)
            if self.cycle.more_body:
                self._sending.start()  # the rest of a body that was not read

    def refuse(self, status: str, why: str) -> None:
        """Send an error, unless a response has begun, and close the connection."""
        self._stop_waiting()
        if self.transport.is_closing():
            return
        if self._is_idle:
            head = f"HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            rest = f"content-length: {len(why)}\r\nretry-after: 2\r\nconnection: close\r\n\r\n{why}"
            self.transport.write((head + rest).encode())
        self.transport.close()
        self._reading.start()

    @property
    def _is_idle(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first request
        return cycle is None or cycle.response_complete

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else "unknown"

    def _start_waiting(self) -> None:
        self._sending.start()
        self.waiting.add(self, self._address)

    def _stop_waiting(self) -> None:
        self._sending.stop()
        self.waiting.remove(self)


class TimeoutWebSocketProtocol(_ReadTimeoutProtocol, WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol with a timeout for reading. Pings detect lost clients."""

    @classmethod
    def configure(cls, options: GatewayOptions) -> type[Self]:
        """Return a subclass for one server."""
        return type(cls.__name__, (cls,), {"options": options})
