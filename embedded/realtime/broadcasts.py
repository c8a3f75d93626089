"""A message to everybody on a topic, in the form that each serializer expects. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from embedded.realtime.wire.frames import PREFIX, Encoding, Frame, Version, encode, encode_raw
from embedded.realtime.wire.json import Json, compact

_BROADCAST_KIND: Final = 4
_LONGEST_NAME_BYTES: Final = 255


@dataclass(frozen=True, slots=True)
class Relayed:
    """A broadcast that came as a text frame or in an HTTP batch: passed on as it is."""

    topic: str
    payload: Json

    def encode(self, version: Version) -> str:
        """Give the frame for this serializer."""
        payload = self.payload
        if isinstance(payload, dict):
            payload = dict(sorted(payload.items()))  # the real server's maps are sorted
        return encode(version, Frame(topic=PREFIX + self.topic, event="broadcast", payload=payload))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A broadcast whose payload is apart from its event: binary pushes, HTTP, the database."""

    topic: str
    event: str
    payload: bytes
    """JSON in UTF-8, or anything when the encoding is binary."""
    encoding: Encoding = Encoding.JSON
    meta: Mapping[str, Json] = field(default_factory=dict)

    def encode(self, version: Version) -> str | bytes | None:
        """Give the frame for this serializer; None where it cannot be said in it."""
        if version is Version.V2:
            binary = self._binary()
            if binary is not None:
                return binary
        if self.encoding is Encoding.BINARY:
            return None
        meta = f'"meta":{compact(dict(self.meta))},' if self.meta else ""
        payload = (
            f'{{"event":{compact(self.event)},{meta}"payload":{self.payload.decode()},'
            '"type":"broadcast"}'
        )
        return encode_raw(version, topic=PREFIX + self.topic, event="broadcast", payload=payload)

    def _binary(self) -> bytes | None:
        topic, event = (PREFIX + self.topic).encode(), self.event.encode()
        meta = compact(dict(self.meta)).encode() if self.meta else b""
        if max(len(topic), len(event), len(meta)) > _LONGEST_NAME_BYTES:
            return None
        header = bytes([_BROADCAST_KIND, len(topic), len(event), len(meta), self.encoding])
        return header + topic + event + meta + self.payload


Broadcast: TypeAlias = Relayed | Sent
