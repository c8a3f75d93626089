"""One socket: reads its frames, writes what its channels say."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from embedded.realtime.access.callers import Visitor
from embedded.realtime.channel import Channel
from embedded.realtime.mailbox import Mailbox
from embedded.realtime.outbox import Outbox
from embedded.realtime.services import Services
from embedded.realtime.wire.frame_writer import Line
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

_UNSERVED_PUSHES: Final = 256
"""Of all channels of the socket together; then we read no further until some are served."""
_CLOSE_SECONDS: Final = 1.0
_IDLE_CODE: Final = 1000
_TOO_BIG_CODE: Final = 1009
_GOING_AWAY_CODE: Final = 1001
_TRY_AGAIN_LATER_CODE: Final = 1013


@dataclass(frozen=True, slots=True)
class _Joined:
    channel: Channel
    mailbox: Mailbox
    task: asyncio.Task[None]


class Connection:
    """Serves an accepted websocket; its troubles stay its own."""

    def __init__(
        self,
        socket: WebSocket,
        *,
        version: Version,
        visitor: Visitor,
        headers: str,
        services: Services,
    ) -> None:
        self._socket = socket
        self._version = version
        self._visitor = visitor
        self._headers = headers
        self._services = services
        self._patience = asyncio.timeout(None)
        self._waits_since: float | None = None
        """Since when the client says nothing, by the loop's clock; None while it is served."""
        self._end_code = _TRY_AGAIN_LATER_CODE
        self._group = asyncio.TaskGroup()
        self._joined: dict[str, _Joined] = {}
        self._room = asyncio.Semaphore(_UNSERVED_PUSHES)
        self._outbox = Outbox(
            most_frames=services.limits.queued_frames,
            most_bytes=services.limits.queued_bytes,
            on_overflow=self._lose_patience,
        )

    async def run(self) -> None:
        """Serve until the client goes, says nothing for too long, or falls too far behind."""
        code: int | None = None
        try:
            async with self._patience, self._group:
                writer = self._group.create_task(self._write(), name="write to a socket")
                watch = self._group.create_task(self._end_when_idle(), name="watch a socket")
                code = await self._read()
                writer.cancel()
                watch.cancel()
                for joined in self._joined.values():
                    joined.task.cancel()
        except TimeoutError:
            code = self._end_code
        if code is not None:
            await self._close(code)

    def _lose_patience(self) -> None:
        self._end(_TRY_AGAIN_LATER_CODE)

    def _end(self, code: int) -> None:
        self._end_code = code
        self._patience.reschedule(asyncio.get_running_loop().time())

    async def _close(self, code: int) -> None:
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._socket.close(code)
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            pass  # it is gone, or does not even read that we go

    async def _write(self) -> None:
        try:
            async for frame in self._outbox.frames():
                if isinstance(frame, bytes):
                    await self._socket.send_bytes(frame)
                else:
                    await self._socket.send_text(frame)
        except WebSocketDisconnect:
            return  # the reader learns of it too

    async def _read(self) -> int | None:
        """Serve frames; return the code to close with, None when the client has gone."""
        clock = asyncio.get_running_loop().time
        while True:
            self._waits_since = clock()
            message = await self._socket.receive()
            self._waits_since = None
            if message["type"] == "websocket.disconnect":
                return None
            text = message.get("text")
            data: str | bytes = text if text is not None else message["bytes"]
            if len(data) > MAX_FRAME_BYTES:
                return _TOO_BIG_CODE
            try:
                push = decode(self._version, data)
            except MalformedFrame:
                continue  # ignored by the real server too
            await self._room.acquire()
            self._dispatch(push)

    async def _end_when_idle(self) -> None:
        """Once for the socket: a timeout for each frame would cost a fifth of all its work."""
        idle_seconds = self._services.limits.idle_seconds
        clock = asyncio.get_running_loop().time
        while True:
            since = self._waits_since
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
            self._answer_unjoined(push)
        self._room.release()

    def _answer_unjoined(self, push: Push) -> None:
        if push.topic == "phoenix" and push.event == "heartbeat":
            self._line(push, join_ref=None).reply(push, "ok", {})
        elif push.event == "phx_leave":
            self._line(push, join_ref=push.join_ref).reply(push, "ok", {})
        else:
            reason = "unmatched topic"
            self._line(push, join_ref=None).reply(push, "error", {"reason": reason})

    def _join(self, push: Push) -> None:
        if not self._services.joins.count():
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
            line=self._line(push, join_ref=push.join_ref),
            superseded=superseded.channel.line if superseded else None,
            visitor=self._visitor,
            headers=self._headers,
            services=self._services,
        )
        mailbox = Mailbox(self._room)
        task = self._group.create_task(self._run(channel, mailbox), name=f"channel {push.topic}")
        self._joined[push.topic] = _Joined(channel, mailbox, task)

    async def _refuse(self, push: Push, reason: str, *, code: int | None = None) -> None:
        """Answer a join with an error; a code closes the socket too."""
        await asyncio.sleep(self._services.limits.refusal_seconds)
        self._line(push, join_ref=push.join_ref).reply(push, "error", {"reason": reason})
        if code is not None:
            await asyncio.sleep(self._services.limits.refusal_seconds)  # the answer goes first
            self._end(code)

    async def _run(self, channel: Channel, mailbox: Mailbox) -> None:
        try:
            await channel.run(mailbox)
        except Exception:  # the boundary: one channel's error ends neither socket nor server
            _log.exception("A channel crashed")
            channel.line.crash()
        finally:
            joined = self._joined.get(channel.line.topic)
            if joined and joined.channel is channel:
                del self._joined[channel.line.topic]
            for push in mailbox.take_all():
                self._answer_unjoined(push)

    def _line(self, push: Push, *, join_ref: Ref) -> Line:
        return Line(
            topic=push.topic, join_ref=join_ref, version=self._version, send=self._outbox.put
        )
