"""What travels over a Realtime socket, in both serializers. Pure.

https://supabase.com/docs/guides/realtime/protocol
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final, TypeAlias

from embedded.realtime.wire.json import Json, NotJson, compact, parse

MAX_FRAME_BYTES: Final = 5_000_000
PREFIX: Final = "realtime:"
"""Begins every topic on the wire; names in the database and over HTTP are without it."""

Ref: TypeAlias = str | int | None
"""Chosen by the client, given back as it was."""

_PUSH_KIND: Final = 3
_PUSH_HEADER: Final = 7


class Version(StrEnum):
    """The serializers, by the `vsn` that asks for them."""

    V1 = "1.0.0"
    """JSON objects; no binary frames."""

    V2 = "2.0.0"
    """JSON arrays, and binary frames for broadcasts."""


class Encoding(IntEnum):
    """How the payload of a binary broadcast is to be read."""

    BINARY = 0
    JSON = 1


class MalformedFrame(ValueError):
    """Not a frame of this serializer. The real server ignores such frames; so do we."""


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
    """Of the frame as it came: bytes, or characters of a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A frame to a client."""

    topic: str
    event: str
    payload: Json
    ref: Ref = None
    join_ref: Ref = None
    """Seen by serializer 2.0.0 only."""


def decode(version: Version, data: str | bytes) -> Push:
    """Read a client's frame; raises MalformedFrame."""
    if isinstance(data, bytes):
        if version is Version.V1:
            raise MalformedFrame("serializer 1.0.0 has no binary frames")
        return _decode_binary(data)
    try:
        value = parse(data)
    except NotJson as error:
        raise MalformedFrame(str(error)) from error
    if version is Version.V1:  # it names what 2.0.0 puts in this order
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
    """Write a frame as this serializer does; the order of the keys is the real server's."""
    if version is Version.V2:
        return compact([frame.join_ref, frame.ref, frame.topic, frame.event, frame.payload])
    return compact(
        {
            "ref": frame.ref,
            "event": frame.event,
            "payload": frame.payload,
            "topic": frame.topic,
        }
    )


def encode_raw(version: Version, *, topic: str, event: str, payload: str) -> str:
    """Write a frame without refs around a payload that is JSON already.

    Parsing megabytes to print them again would be waste, and would round large numbers.
    """
    if version is Version.V2:
        return f"[null,null,{compact(topic)},{compact(event)},{payload}]"
    return f'{{"ref":null,"event":{compact(event)},"payload":{payload},"topic":{compact(topic)}}}'


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
            parse(body.payload)
        except NotJson as error:
            raise MalformedFrame(str(error)) from error
    return Push(
        topic=topic,
        event="broadcast",
        payload=body,
        ref=ref or None,
        join_ref=join_ref or None,
        size=len(data),
    )
