"""Broadcast messages, encoded for each serializer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from embedded.realtime.wire.frames import PREFIX, Encoding, Frame, Version, encode, encode_raw
from embedded.realtime.wire.json import Json, encode_compact_json

_BROADCAST_KIND: Final = 4
_LONGEST_NAME_BYTES: Final = 255


@dataclass(frozen=True, slots=True)
class RelayedBroadcast:
    """A broadcast from a text frame or an HTTP batch, whose payload is relayed unchanged."""

    topic: str
    payload: Json

    def encode(self, version: Version) -> str:
        """Return the frame for a serializer."""
        payload = self.payload
        if isinstance(payload, dict):
            payload = dict(sorted(payload.items()))  # the real server's maps are sorted
        return encode(version, Frame(topic=PREFIX + self.topic, event="broadcast", payload=payload))


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadBroadcast:
    """A broadcast with a separate payload: from binary pushes, HTTP or the database."""

    topic: str
    event: str
    payload: bytes
    """JSON in UTF-8, or any bytes if the encoding is binary."""
    encoding: Encoding = Encoding.JSON
    meta: Mapping[str, Json] = field(default_factory=dict)

    def encode(self, version: Version) -> str | bytes | None:
        """Return the frame for a serializer, or None if it cannot express the message."""
        if version is Version.V2:
            binary = self._encode_binary()
            if binary is not None:
                return binary
        if self.encoding is Encoding.BINARY:
            return None
        meta = f'"meta":{encode_compact_json(dict(self.meta))},' if self.meta else ""
        payload = (
            f'{{"event":{encode_compact_json(self.event)},{meta}"payload":{self.payload.decode()},'
            '"type":"broadcast"}'
        )
        return encode_raw(version, topic=PREFIX + self.topic, event="broadcast", payload=payload)

    def _encode_binary(self) -> bytes | None:
        topic, event = (PREFIX + self.topic).encode(), self.event.encode()
        meta = encode_compact_json(dict(self.meta)).encode() if self.meta else b""
        if max(len(topic), len(event), len(meta)) > _LONGEST_NAME_BYTES:
            return None
        header = bytes([_BROADCAST_KIND, len(topic), len(event), len(meta), self.encoding])
        return header + topic + event + meta + self.payload


Broadcast: TypeAlias = RelayedBroadcast | PayloadBroadcast
