"""A Realtime server that a test controls: it sends, refuses, falls silent and hangs up."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, ConnectionClosedError


@dataclass
class FakeRealtime:
    """Answers everything with ok by default, and keeps the frames of clients."""

    said: list[dict[str, Any]] = field(default_factory=list)
    lines: list[ServerConnection] = field(default_factory=list)
    refusal: str | None = None
    """Why joins are refused from now on."""
    is_mute: bool = False
    """From now on nothing is answered."""
    unanswered: str | None = None
    """The topic whose joins are not answered."""
    has_echo: bool = True
    """What is said with `self` comes back."""

    async def take(self, line: ServerConnection) -> None:
        """Serve one client until it goes."""
        self.lines.append(line)
        try:
            async for text in line:
                frame = json.loads(text)
                self.said.append(frame)
                if frame["event"] == "broadcast":
                    if self.has_echo:
                        await line.send(json.dumps(frame | {"ref": None}))
                elif not self.is_mute and not self._is_unanswered(frame):
                    await line.send(json.dumps(self._answer(frame)))
                    if frame["event"] == "phx_leave":
                        closed = {"event": "phx_close", "ref": frame["join_ref"], "payload": {}}
                        await line.send(json.dumps({"topic": frame["topic"]} | closed))
        except ConnectionClosedError:
            pass  # it was told to hang up
        finally:
            self.lines.remove(line)

    def _is_unanswered(self, frame: dict[str, Any]) -> bool:
        about = (frame["event"], frame["topic"])
        return about == ("phx_join", f"realtime:{self.unanswered}")

    def _answer(self, frame: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = {"status": "ok", "response": {}}
        if self.refusal is not None and frame["event"] == "phx_join":
            answer = {"status": "error", "response": {"reason": self.refusal}}
        return {
            "topic": frame["topic"],
            "event": "phx_reply",
            "ref": frame["ref"],
            "payload": answer,
        }

    def frames(self, event: str, topic: str) -> list[dict[str, Any]]:
        """Return the frames that clients sent about a topic."""
        about = (event, f"realtime:{topic}")
        return [each for each in self.said if (each["event"], each["topic"]) == about]

    async def broadcast(self, topic: str, payload: object) -> None:
        """Broadcast a message to all clients."""
        body = {"type": "broadcast", "event": "TASK_ADMIRED", "payload": payload}
        await self.send(topic, "broadcast", body)

    async def send(self, topic: str, event: str, payload: object) -> None:
        """Send any frame to everybody who has not hung up by then."""
        frame = {"topic": f"realtime:{topic}", "event": event, "ref": None, "payload": payload}
        for line in list(self.lines):
            with suppress(ConnectionClosed):
                await line.send(json.dumps(frame))

    def freeze(self) -> None:
        """Read nothing more from the connections that there are, as a stopped process."""
        for line in self.lines:
            line.transport.pause_reading()

    def thaw(self) -> None:
        """Read on."""
        for line in self.lines:
            line.transport.resume_reading()

    async def hang_up(self, code: int | None) -> None:
        """Close every connection with this code; None drops them without a word."""
        for line in list(self.lines):
            if code is None:
                line.transport.abort()
            else:
                await line.close(code)


@asynccontextmanager
async def run_fake_realtime(port: int = 0) -> AsyncIterator[tuple[FakeRealtime, int]]:
    """Run one on loopback; gives it and its port."""
    realtime = FakeRealtime()
    async with serve(realtime.take, "127.0.0.1", port) as server:
        [socket] = server.sockets
        yield realtime, socket.getsockname()[1]
