"""How a channel speaks to its client."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from embedded.realtime.wire.frames import PREFIX, Frame, Push, Ref, Version, encode, encode_raw
from embedded.realtime.wire.json import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Says each kind of frame, for one join of one topic."""

    topic: str
    """With the prefix."""
    join_ref: Ref
    version: Version
    send: Callable[[str | bytes], None]
    """Takes an encoded frame; neither raises nor blocks."""

    def reply(self, push: Push, status: Literal["ok", "error"], response: Json) -> None:
        """Answer a push."""
        self.push("phx_reply", {"status": status, "response": response}, ref=push.ref)

    def system(self, extension: str, status: Literal["ok", "error"], message: str) -> None:
        """Tell the client what the server did or could not do."""
        payload: Json = {
            "message": message,
            "status": status,
            "extension": extension,
            "channel": self.topic.removeprefix(PREFIX),
        }
        self.push("system", payload)

    def close(self) -> None:
        """Tell the client that this join of the topic is over."""
        self.push("phx_close", {}, ref=self.join_ref)

    def crash(self) -> None:
        """Tell the client that the channel failed; it may join anew."""
        self.push("phx_error", {"reason": "channel_crash"}, ref=self.join_ref)

    def say_raw(self, event: str, payload: str) -> None:
        """Say what everybody on the topic could be told; the payload is JSON already."""
        self.send(encode_raw(self.version, topic=self.topic, event=event, payload=payload))

    def push(self, event: str, payload: Json, *, ref: Ref = None) -> None:
        """Say anything else."""
        frame = Frame(
            topic=self.topic, event=event, payload=payload, ref=ref, join_ref=self.join_ref
        )
        self.send(encode(self.version, frame))
