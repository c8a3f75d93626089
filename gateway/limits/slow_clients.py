"""Patience with slow clients: how long a connection may take, and how many may wait at once.

A body has its time limit in `gateway.middleware`, since only a request that wants it waits for it.
"""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar, Final, Self, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from gateway.options import GatewayOptions

_SLOW: Final = ("408 Request Timeout", "the request did not come in time")
_CROWDED: Final = ("503 Service Unavailable", "too many connections of this address wait")


class Timer:
    """Calls a function unless it is disarmed in time."""

    def __init__(self, seconds: float, call: Callable[[], None]) -> None:
        self._seconds = seconds
        self._call = call
        self._handle: asyncio.TimerHandle | None = None

    def arm(self) -> None:
        """Begin to count; a timer that counts already goes on."""
        if self._handle is None:
            self._handle = asyncio.get_running_loop().call_later(self._seconds, self._call)

    def disarm(self) -> None:
        """Stop counting."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


class Crowd:
    """Connections without a complete request. The longest waiting make room for new ones."""

    def __init__(self, *, share: int, most: int) -> None:
        self._share = share
        self._most = most
        self._waiting: dict[PatientHttpProtocol, str] = {}
        self._of_address: dict[str, dict[PatientHttpProtocol, None]] = {}

    def join(self, connection: "PatientHttpProtocol", address: str) -> None:
        """Add a waiting connection; close the longest waiting if there are too many."""
        if connection in self._waiting:
            return
        same = self._of_address.setdefault(address, {})
        self._waiting[connection] = address
        same[connection] = None
        if len(same) > self._share:
            next(iter(same)).refuse(*_CROWDED)
        elif len(self._waiting) > self._most:
            next(iter(self._waiting)).refuse(*_CROWDED)

    def leave(self, connection: "PatientHttpProtocol") -> None:
        """Note that `connection` does not wait any more."""
        address = self._waiting.pop(connection, None)
        if address is not None:
            same = self._of_address[address]
            del same[connection]
            if not same:
                del self._of_address[address]


class _Reader(asyncio.Protocol):
    """Drops a client that leaves unread what was sent to it, once the buffers are full."""

    options: ClassVar[GatewayOptions]
    transport: asyncio.Transport

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._reading = Timer(self.options.read_within.total_seconds(), self._drop)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._reading.disarm()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Begin to wait for the client."""
        super().pause_writing()
        self._reading.arm()

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        self._reading.disarm()

    def _drop(self) -> None:
        self.transport.abort()  # a polite end would wait until everything is read


class PatientHttpProtocol(_Reader, HttpToolsProtocol):
    """uvicorn's HTTP, which drops whoever does not send a header, or does not read an answer."""

    crowd: ClassVar[Crowd]

    @classmethod
    def of(cls, options: GatewayOptions) -> type[Self]:
        """Make the class for one server."""
        crowd = Crowd(share=options.share, most=options.connections)
        return type(cls.__name__, (cls,), {"options": options, "crowd": crowd})

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        header = self.options.header_within.total_seconds()
        self._sending = Timer(header, lambda: self.refuse(*_SLOW))

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._proceed()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take a piece of a request, and wait for its rest."""
        super().data_received(data)
        # A kept connection has uvicorn's own time limit until something comes; then it is ours.
        if self in self.connections and self._is_idle:
            self._wait()

    def on_headers_complete(self) -> None:
        """Begin with the request."""
        self._proceed()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._reading.arm()  # what is sent already must be read now
        elif not self.pipeline:
            self.crowd.join(self, self._address)
            if self.cycle.more_body:
                self._sending.arm()  # the rest of a body that nobody wanted

    def refuse(self, status: str, why: str) -> None:
        """Answer, where no answer has begun, and close the connection."""
        self._proceed()
        if self.transport.is_closing():
            return
        if self._is_idle:
            head = f"HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            rest = f"content-length: {len(why)}\r\nretry-after: 2\r\nconnection: close\r\n\r\n{why}"
            self.transport.write((head + rest).encode())
        self.transport.close()
        self._reading.arm()

    @property
    def _is_idle(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)  # None before the first request
        return cycle is None or cycle.response_complete

    @property
    def _address(self) -> str:
        return self.client[0] if self.client else "nowhere"

    def _wait(self) -> None:
        self._sending.arm()
        self.crowd.join(self, self._address)

    def _proceed(self) -> None:
        self._sending.disarm()
        self.crowd.leave(self)


class PatientSocketProtocol(_Reader, WebSocketsSansIOProtocol):
    """uvicorn's WebSockets, which drops whoever does not read. Pings find those who are gone."""

    @classmethod
    def of(cls, options: GatewayOptions) -> type[Self]:
        """Make the class for one server."""
        return type(cls.__name__, (cls,), {"options": options})
