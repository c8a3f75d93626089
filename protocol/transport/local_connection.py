"""One connection of `local_http`: it sends a request, and parses the answer as it arrives."""

import asyncio
import re
import select
from collections.abc import AsyncIterator, Callable
from typing import Final, cast

import httptools
import httpx

_HEAD_BYTES: Final = 100 * 1024
"""The longest head of an answer, as in httpx."""
_BUFFER_BYTES: Final = 256 * 1024
"""How much of a body waits for its reader until the socket is not read any more."""
_TOKEN: Final = rb"[!#-'*+\-.^_`|~0-9A-Za-z]+"
_HEAD: Final = re.compile(
    rb"%b [^\0- \x7f]+ HTTP/1\.1\r\n(?:%b: [^\0\r\n]*\r\n)*\r\n" % (_TOKEN, _TOKEN)
)
_FIRST_FINAL: Final = 200


def encode_head(request: httpx.Request) -> bytes:
    """Return the request line and headers; raise `httpx.LocalProtocolError` if one is illegal."""
    method = request.method.encode(errors="replace")
    lines = [b"%b %b HTTP/1.1\r\n" % (method, request.url.raw_path)]
    lines += [b"%b: %b\r\n" % pair for pair in request.headers.raw]
    lines.append(b"\r\n")
    head = b"".join(lines)
    # A line more would be another header, or another request.
    if _HEAD.fullmatch(head) is None or head.count(b"\r") != len(lines):
        raise httpx.LocalProtocolError("the method or a header has illegal characters")
    return head


class _Answer:
    """An answer while it arrives, to which the parser reports."""

    def __init__(self, *, has_body: bool) -> None:
        self.has_head = False
        self.is_begun = False
        """Whether any byte has arrived."""
        self.is_complete = False
        self.is_kept_alive = False
        """Whether the connection can be used again, as far as the answer says."""
        self.chunks: list[bytes] = []
        self.buffered = 0
        """Bytes of `chunks`."""
        self.error: httpx.TransportError | None = None
        self._has_body = has_body
        self._status = self._head_bytes = 0
        self._version = self._reason = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Parse what has arrived."""
        self.is_begun = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.is_kept_alive = False
            if not self.is_complete:
                self.error = httpx.RemoteProtocolError(f"the answer is not HTTP: {error}")
        if not self.has_head:
            self._head_bytes += len(data)
            if self._head_bytes > _HEAD_BYTES:
                self.error = httpx.RemoteProtocolError("the head of the answer is too long")

    def end(self, error: Exception | None) -> None:
        """Take the end of the connection, which may be the end of the body."""
        self.is_kept_alive = False
        if self.is_complete or self.error is not None:
            return
        if error is not None:
            self.error = httpx.ReadError(str(error))
        elif self.has_head and self._ends_with_connection():
            self.is_complete = True
        else:
            missing = "the whole answer" if self.is_begun else "an answer"
            self.error = httpx.RemoteProtocolError(f"the server disconnected without {missing}")

    def check(self) -> None:
        """Raise the error, if there is one."""
        if self.error is not None:
            raise self.error

    def build_response(self, stream: httpx.AsyncByteStream) -> httpx.Response:
        """Return the answer with this body."""
        extensions = {"http_version": self._version, "reason_phrase": self._reason}
        return httpx.Response(
            self._status, headers=self._headers, stream=stream, extensions=extensions
        )

    def on_message_begin(self) -> None:
        """Begin an interim answer (1xx), or the final one."""
        if not self.has_head:
            self._headers.clear()
            self._reason = b""

    def on_status(self, reason: bytes) -> None:
        """Keep the text after the status code, or a part of it."""
        if not self.has_head:
            self._reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; trailers, which come after the head, are ignored."""
        if not self.has_head:
            self._headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """Note that the head has arrived; an answer to HEAD ends with it."""
        status = self._parser.get_status_code()
        if self.has_head or status < _FIRST_FINAL:
            return
        self.has_head = True
        self._status = status
        self._version = f"HTTP/{self._parser.get_http_version()}".encode()
        if not self._has_body:
            self.on_message_complete()

    def on_body(self, data: bytes) -> None:
        """Keep a part of the body."""
        if self.is_complete:  # it is more than was announced
            self.is_kept_alive = False
        else:
            self.chunks.append(data)
            self.buffered += len(data)

    def on_message_complete(self) -> None:
        """Note that the answer is complete, unless it is an interim one."""
        if not self.has_head:
            return
        # After a second answer, which nobody asked for, the connection is not used again.
        self.is_kept_alive = not self.is_complete and self._parser.should_keep_alive()
        self.is_complete = True

    def _ends_with_connection(self) -> bool:
        headers = {name.lower(): value for name, value in self._headers}
        coding = headers.get(b"transfer-encoding")
        if coding is not None:
            return not coding.lower().endswith(b"chunked")
        return b"content-length" not in headers


class LocalConnection(asyncio.Protocol):
    """A connection that is kept for one request after another.

    Methods raise what httpx raises. After an error or a cancellation, `abort` it.
    """

    def __init__(self, on_lost: "Callable[[LocalConnection], object]") -> None:
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the connection is closed."""
        self.idle_since = 0.0
        self._loop = asyncio.get_running_loop()
        self._on_lost = on_lost
        self._poll = select.poll()
        self._answer = _Answer(has_body=False)
        self._is_idle = True
        self._is_sent = False
        self._is_writing_paused = self._is_reading_paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._heard_at = 0.0

    @property
    def is_usable(self) -> bool:
        """Whether an idle connection is open, which the server may have closed just now."""
        # Until the next request there is nothing to read but the end of the connection.
        return not self._transport.is_closing() and not self._poll.poll(0)

    @property
    def is_answered(self) -> bool:
        """Whether any byte of the answer has arrived."""
        return self._answer.is_begun

    @property
    def is_complete(self) -> bool:
        """Whether the whole answer has arrived."""
        return self._answer.is_complete

    async def send(self, head: bytes, request: httpx.Request, seconds: float | None) -> None:
        """Send a request; `seconds` is the longest time that the server may not read."""
        self._answer = _Answer(has_body=request.method != "HEAD")
        self._is_idle = self._is_sent = False
        try:
            body = request.content
        except httpx.RequestNotRead:
            self._transport.write(head)
            await self._send_stream(request, seconds)
        else:
            self._transport.writelines((head, body))
            await self._drain(seconds)
            self._is_sent = True

    async def read_head(self, seconds: float | None) -> None:
        """Wait for the head of the answer; `seconds` is the longest time without any byte."""
        while not self._answer.has_head:
            await self._wait(seconds, httpx.ReadTimeout)

    def build_response(self, stream: httpx.AsyncByteStream | None = None) -> httpx.Response:
        """Return the answer; without a `stream`, with what has arrived of its body."""
        return self._answer.build_response(stream or httpx.ByteStream(self._take_body()))

    async def read_body(self, seconds: float | None) -> AsyncIterator[bytes]:
        """Yield the body; `seconds` is the longest time without any byte."""
        while True:
            if body := self._take_body():
                yield body
            elif self._answer.is_complete:
                return
            else:
                await self._wait(seconds, httpx.ReadTimeout)

    def finish(self) -> bool:
        """End the request, and return whether the connection can be used for the next one."""
        self._is_idle = True
        answer = self._answer
        is_read = answer.is_complete and not answer.chunks
        return self._is_sent and is_read and answer.is_kept_alive

    def abort(self) -> None:
        """Close the connection at once; a request that is under way fails."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Take a part of the answer."""
        answer = self._answer
        if self._is_idle:  # nothing was asked for
            self.abort()
            return
        self._heard_at = self._loop.time()
        answer.feed(data)
        if answer.error is not None:
            self.abort()
        if answer.buffered > _BUFFER_BYTES and not answer.is_complete:
            self._is_reading_paused = True
            self._transport.pause_reading()
        if answer.has_head or answer.error is not None:
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the answer."""
        self._answer.end(exc)
        self._wake()
        self.lost.set_result(None)
        self._on_lost(self)

    def pause_writing(self) -> None:
        """Note that the server reads more slowly than we write."""
        self._is_writing_paused = True

    def resume_writing(self) -> None:
        """Go on with writing."""
        self._is_writing_paused = False
        self._wake()

    async def _send_stream(self, request: httpx.Request, seconds: float | None) -> None:
        is_chunked = "transfer-encoding" in request.headers
        left = int(request.headers.get("content-length", "0"))
        async for chunk in cast("httpx.AsyncByteStream", request.stream):
            if self._answer.has_head:  # a refusal, for example
                return
            left -= len(chunk)
            if is_chunked and chunk:
                self._transport.writelines((b"%x\r\n" % len(chunk), chunk, b"\r\n"))
            elif left >= 0:
                self._transport.write(chunk)
            elif not is_chunked:
                raise httpx.LocalProtocolError("the body is longer than its Content-Length")
            await self._drain(seconds)
        if is_chunked:
            self._transport.write(b"0\r\n\r\n")
        elif left > 0:
            raise httpx.LocalProtocolError("the body is shorter than its Content-Length")
        self._is_sent = True

    def _take_body(self) -> bytes:
        answer = self._answer
        body = b"".join(answer.chunks)
        answer.chunks.clear()
        answer.buffered = 0
        if self._is_reading_paused:
            self._is_reading_paused = False
            self._transport.resume_reading()
        return body

    async def _drain(self, seconds: float | None) -> None:
        while self._is_writing_paused and not self._answer.has_head:
            await self._wait(seconds, httpx.WriteTimeout)

    async def _wait(self, seconds: float | None, error: type[httpx.TimeoutException]) -> None:
        """Wait until something happens; raise `error` if nothing does for so long."""
        self._answer.check()
        self._waiter = waiter = self._loop.create_future()
        if seconds is None:
            await waiter
        else:
            self._heard_at = self._loop.time()
            timer = self._loop.call_later(seconds, self._expire, waiter, seconds, error)
            try:
                await waiter
            finally:
                timer.cancel()
        self._answer.check()

    def _expire(
        self, waiter: "asyncio.Future[None]", seconds: float, error: type[httpx.TimeoutException]
    ) -> None:
        left = self._heard_at + seconds - self._loop.time()
        if waiter.done():
            return
        if left > 0:  # a part of the head has arrived meanwhile
            self._loop.call_later(left, self._expire, waiter, seconds, error)
        else:
            waiter.set_exception(error(f"nothing happened for {seconds:g} s"))

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
