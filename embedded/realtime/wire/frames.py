"""The frames of a Realtime socket, in both serializers.

https://supabase.com/docs/guides/realtime/protocol
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final, TypeAlias

from embedded.realtime.wire.json import InvalidJson, Json, decode_strict_json, encode_compact_json

MAX_FRAME_BYTES: Final = 5_000_000
PREFIX: Final = "realtime:"
"""Prefix of topics in frames; names in the database and over HTTP have none."""

Ref: TypeAlias = str | int | None
"""Chosen by the client and returned unchanged."""

_PUSH_KIND: Final = 3
_PUSH_HEADER: Final = 7


class Version(StrEnum):
    """The serializers, by their `vsn`."""

    V1 = "1.0.0"
    """JSON objects; no binary frames."""

    V2 = "2.0.0"
    """JSON arrays, and binary frames for broadcasts."""


class Encoding(IntEnum):
    """Encodings of the payload of a binary broadcast."""

    BINARY = 0
    JSON = 1


class MalformedFrame(ValueError):
    """Not a frame of this serializer; ignored, as by the real server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserBroadcast:
    """The body of a binary broadcast."""

    event: str
    payload: bytes
    encoding: Encoding


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A frame from a client."""

    topic: str
    event: str
    payload: "Json | UserBroadcast"
    ref: Ref
    join_ref: Ref
    size: int
    """Size of the whole frame: bytes, or characters of a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A frame to a client."""

    topic: str
    event: str
    payload: Json
    ref: Ref = None
    join_ref: Ref = None
    """Sent by serializer 2.0.0 only."""


def decode(version: Version, data: str | bytes) -> Push:
    """Decode a client's frame; raise `MalformedFrame`."""
    if isinstance(data, bytes):
        if version is Version.V1:
            raise MalformedFrame("serializer 1.0.0 has no binary frames")
        return _decode_binary(data)
    try:
        value = decode_strict_json(data)
    except InvalidJson as error:
        raise MalformedFrame(str(error)) from error
    if version is Version.V1:  # names the fields that 2.0.0 has in this order
        named = value if isinstance(value, dict) else {}
        value = [named.get(name) for name in ("join_ref", "ref", "topic", "event", "payload")]
    match value:
        case [join_ref, ref, str(topic), str(event), payload]:
            pass
        case _:
            raise MalformedFrame("not the shape of a frame")
    return Push(
        topic=topic,
        event=event,
        payload=payload,
        ref=_ref(ref),
        join_ref=_ref(join_ref),
        size=len(data),
    )


def encode(version: Version, frame: Frame) -> str:
    """Encode a frame, with the key order of the real server."""
    if version is Version.V2:
        return encode_compact_json(
            [frame.join_ref, frame.ref, frame.topic, frame.event, frame.payload]
        )
    return encode_compact_json(
        {
            "ref": frame.ref,
            "event": frame.event,
            "payload": frame.payload,
            "topic": frame.topic,
        }
    )


def encode_raw(version: Version, *, topic: str, event: str, payload: str) -> str:
    """Encode a frame without refs around a payload that is encoded JSON.

    Decoding the payload first would be slow and would round large numbers.
    """
    topic, event = encode_compact_json(topic), encode_compact_json(event)
    if version is Version.V2:
        return f"[null,null,{topic},{event},{payload}]"
    return f'{{"ref":null,"event":{event},"payload":{payload},"topic":{topic}}}'


def _ref(value: Json) -> Ref:
    if value is None or (isinstance(value, str | int) and not isinstance(value, bool)):
        return value
    raise MalformedFrame("a ref is a string")


def _decode_binary(data: bytes) -> Push:
    if len(data) < _PUSH_HEADER or data[0] != _PUSH_KIND or data[6] not in set(Encoding):
        raise MalformedFrame("not a binary broadcast")
    fields: list[str] = []
    start = _PUSH_HEADER
    for size in data[1:6]:
        try:
            fields.append(data[start : start + size].decode())
        except UnicodeDecodeError as error:
            raise MalformedFrame("a name is not UTF-8") from error
        start += size
    if start > len(data):
        raise MalformedFrame("shorter than its header says")
    join_ref, ref, topic, event, _ = fields
    body = UserBroadcast(event=event, payload=data[start:], encoding=Encoding(data[6]))
    if body.encoding is Encoding.JSON:
        try:
            decode_strict_json(body.payload)
        except InvalidJson as error:
            raise MalformedFrame(str(error)) from error
    return Push(
        topic=topic,
        event="broadcast",
        payload=body,
        ref=ref or None,
        join_ref=join_ref or None,
        size=len(data),
    )
