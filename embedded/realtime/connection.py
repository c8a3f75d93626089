"""One socket: reads its frames and writes those of its channels."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from embedded.realtime.access.callers import Caller
from embedded.realtime.channel import Channel, Mailbox
from embedded.realtime.hub import RealtimeServices
from embedded.realtime.wire.frame_writer import FrameWriter
from embedded.realtime.wire.frames import (
    MAX_FRAME_BYTES,
    PREFIX,
    MalformedFrame,
    Push,
    Ref,
    Version,
    decode,
)

_log = logging.getLogger(__name__)

_MAX_WAITING_PUSHES: Final = 256
"""Limit of waiting pushes of all channels; reading pauses until some are served."""
_CLOSE_SECONDS: Final = 1.0
_IDLE_CODE: Final = 1000
_TOO_BIG_CODE: Final = 1009
_GOING_AWAY_CODE: Final = 1001
_TRY_AGAIN_LATER_CODE: Final = 1013


class Outbox:
    """A bounded queue of frames: `put` never waits, and a client that is too slow is closed."""

    def __init__(self, *, max_frames: int, max_bytes: int, on_overflow: Callable[[], None]) -> None:
        self._max_frames = max_frames
        self._max_bytes = max_bytes
        self._on_overflow = on_overflow
        self._frames: deque[str | bytes] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._has_overflown = False

    def put(self, frame: str | bytes) -> None:
        """Append a frame; after an overflow, which is reported once, frames are dropped."""
        if self._has_overflown:
            return
        self._frames.append(frame)
        self._bytes += len(frame)
        self._filled.set()
        if len(self._frames) > self._max_frames or self._bytes > self._max_bytes:
            self._has_overflown = True
            self._frames.clear()
            self._on_overflow()

    async def frames(self) -> AsyncIterator[str | bytes]:
        """Yield the frames in order, without end."""
        while True:
            while self._frames:
                frame = self._frames.popleft()
                self._bytes -= len(frame)
                yield frame
            self._filled.clear()
            await self._filled.wait()


@dataclass(frozen=True, slots=True)
class _Joined:
    channel: Channel
    mailbox: Mailbox
    task: asyncio.Task[None]


class SocketConnection:
    """Serves an accepted websocket; its errors affect no other socket."""

    def __init__(
        self,
        socket: WebSocket,
        *,
        version: Version,
        caller: Caller,
        headers: str,
        services: RealtimeServices,
    ) -> None:
        self._socket = socket
        self._version = version
        self._caller = caller
        self._headers = headers
        self._services = services
        self._deadline = asyncio.timeout(None)
        self._idle_since: float | None = None
        """Loop time since which the client is idle; None while a frame is handled."""
        self._end_code = _TRY_AGAIN_LATER_CODE
        self._group = asyncio.TaskGroup()
        self._joined: dict[str, _Joined] = {}
        self._capacity = asyncio.Semaphore(_MAX_WAITING_PUSHES)
        self._outbox = Outbox(
            max_frames=services.limits.queued_frames,
            max_bytes=services.limits.queued_bytes,
            on_overflow=self._end_overflow,
        )

    async def run(self) -> None:
        """Serve until the client disconnects, is idle for too long, or reads too slowly."""
        code: int | None = None
        try:
            async with self._deadline, self._group:
                writer = self._group.create_task(self._write(), name="write to a socket")
                watch = self._group.create_task(self._close_when_idle(), name="watch a socket")
                code = await self._read()
                writer.cancel()
                watch.cancel()
                for joined in self._joined.values():
                    joined.task.cancel()
        except TimeoutError:
            code = self._end_code
        if code is not None:
            await self._close(code)

    def _end_overflow(self) -> None:
        self._end(_TRY_AGAIN_LATER_CODE)

    def _end(self, code: int) -> None:
        self._end_code = code
        self._deadline.reschedule(asyncio.get_running_loop().time())

    async def _close(self, code: int) -> None:
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._socket.close(code)
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            pass  # disconnected, or not reading

    async def _write(self) -> None:
        try:
            async for frame in self._outbox.frames():
                if isinstance(frame, bytes):
                    await self._socket.send_bytes(frame)
                else:
                    await self._socket.send_text(frame)
        except WebSocketDisconnect:
            return  # the reader notices it too

    async def _read(self) -> int | None:
        """Handle frames; return the close code, or None if the client disconnected."""
        clock = asyncio.get_running_loop().time
        while True:
            self._idle_since = clock()
            message = await self._socket.receive()
            self._idle_since = None
            if message["type"] == "websocket.disconnect":
                return None
            text = message.get("text")
            data: str | bytes = text if text is not None else message["bytes"]
            if len(data) > MAX_FRAME_BYTES:
                return _TOO_BIG_CODE
            try:
                push = decode(self._version, data)
            except MalformedFrame:
                continue  # ignored, as by the real server
            await self._capacity.acquire()
            self._dispatch(push)

    async def _close_when_idle(self) -> None:
        """Close an idle socket; one timer is much cheaper than a timeout per frame."""
        idle_seconds = self._services.limits.idle_seconds
        clock = asyncio.get_running_loop().time
        while True:
            since = self._idle_since
            left = idle_seconds if since is None else since + idle_seconds - clock()
            if left <= 0:
                self._end(_IDLE_CODE)
                return
            await asyncio.sleep(left)

    def _dispatch(self, push: Push) -> None:
        joined = self._joined.get(push.topic)
        if push.event == "phx_join" and push.topic.startswith(PREFIX):
            self._join(push)
        elif joined:
            joined.mailbox.put(push)
            return
        else:
            self._reply_unjoined(push)
        self._capacity.release()

    def _reply_unjoined(self, push: Push) -> None:
        if push.topic == "phoenix" and push.event == "heartbeat":
            self._build_writer(push, join_ref=None).reply(push, "ok", {})
        elif push.event == "phx_leave":
            self._build_writer(push, join_ref=push.join_ref).reply(push, "ok", {})
        else:
            reason = "unmatched topic"
            self._build_writer(push, join_ref=None).reply(push, "error", {"reason": reason})

    def _join(self, push: Push) -> None:
        if not self._services.join_rate.allow():
            reason = "ClientJoinRateLimitReached: Too many joins per second"
            self._group.create_task(
                self._refuse(push, reason, code=_GOING_AWAY_CODE), name=f"refuse {push.topic}"
            )
            return
        superseded = self._joined.pop(push.topic, None)
        if superseded:
            superseded.task.cancel()
        if len(self._joined) >= self._services.limits.channels_per_socket:
            reason = "ChannelRateLimitReached: Too many channels"
            self._group.create_task(self._refuse(push, reason), name=f"refuse {push.topic}")
            return
        channel = Channel(
            join=push,
            writer=self._build_writer(push, join_ref=push.join_ref),
            superseded=superseded.channel.writer if superseded else None,
            caller=self._caller,
            headers=self._headers,
            services=self._services,
        )
        mailbox = Mailbox(self._capacity)
        task = self._group.create_task(self._run(channel, mailbox), name=f"channel {push.topic}")
        self._joined[push.topic] = _Joined(channel, mailbox, task)

    async def _refuse(self, push: Push, reason: str, *, code: int | None = None) -> None:
        """Reply to a join with an error; with a code, close the socket as well."""
        await asyncio.sleep(self._services.limits.refusal_seconds)
        self._build_writer(push, join_ref=push.join_ref).reply(push, "error", {"reason": reason})
        if code is not None:
            await asyncio.sleep(self._services.limits.refusal_seconds)  # the reply is sent first
            self._end(code)

    async def _run(self, channel: Channel, mailbox: Mailbox) -> None:
        try:
            await channel.run(mailbox)
        except Exception:  # boundary: the error of a channel ends neither socket nor server
            _log.exception("A channel crashed")
            channel.writer.report_crash()
        finally:
            joined = self._joined.get(channel.writer.topic)
            if joined and joined.channel is channel:
                del self._joined[channel.writer.topic]
            for push in mailbox.take_all():
                self._reply_unjoined(push)

    def _build_writer(self, push: Push, *, join_ref: Ref) -> FrameWriter:
        return FrameWriter(
            topic=push.topic, join_ref=join_ref, version=self._version, send=self._outbox.put
        )
