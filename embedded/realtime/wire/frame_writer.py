"""The writer of frames to a client."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from embedded.realtime.wire.frames import PREFIX, Frame, Push, Ref, Version, encode, encode_raw
from embedded.realtime.wire.json import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameWriter:
    """Writes the frames of one join of one topic."""

    topic: str
    """With the prefix."""
    join_ref: Ref
    version: Version
    send: Callable[[str | bytes], None]
    """Takes an encoded frame; neither raises nor blocks."""

    def reply(self, push: Push, status: Literal["ok", "error"], response: Json) -> None:
        """Reply to a push."""
        self.push("phx_reply", {"status": status, "response": response}, ref=push.ref)

    def report(self, extension: str, status: Literal["ok", "error"], message: str) -> None:
        """Send a system message about what the server did or could not do."""
        payload: Json = {
            "message": message,
            "status": status,
            "extension": extension,
            "channel": self.topic.removeprefix(PREFIX),
        }
        self.push("system", payload)

    def close(self) -> None:
        """Send that this join of the topic has ended."""
        self.push("phx_close", {}, ref=self.join_ref)

    def report_crash(self) -> None:
        """Send that the channel failed; the client may join again."""
        self.push("phx_error", {"reason": "channel_crash"}, ref=self.join_ref)

    def push_raw(self, event: str, payload: str) -> None:
        """Send a frame without refs, whose payload is encoded JSON."""
        self.send(encode_raw(self.version, topic=self.topic, event=event, payload=payload))

    def push(self, event: str, payload: Json, *, ref: Ref = None) -> None:
        """Send any other frame."""
        frame = Frame(
            topic=self.topic, event=event, payload=payload, ref=ref, join_ref=self.join_ref
        )
        self.send(encode(self.version, frame))
