"""The payload of a join, parsed as leniently as by a hosted project."""

import zlib
from dataclasses import dataclass
from typing import Final, TypeGuard

from embedded.realtime.wire.frames import PREFIX
from embedded.realtime.wire.json import Json, encode_compact_json

MAX_REPLAYED: Final = 25

_LEGACY_PARTS: Final = ("schema", "table", "filter")
_LARGEST_ID: Final = 2**27
"""The range of Erlang's phash2, which computes the ids of the real server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRequest:
    """Stored messages to send again after the join."""

    since_ms: int
    """Unix time in milliseconds."""
    limit: int
    """At most `MAX_REPLAYED`; the newest are chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest:
    """The payload of phx_join; invalid fields have their defaults."""

    private: bool = False
    ack: bool = False
    echo: bool = False
    """Whether broadcasts return to their sender (`self` in the payload)."""
    replay: ReplayRequest | None = None
    replication_ready: bool = False
    presence_enabled: bool = False
    presence_key: str = ""
    bindings: tuple[dict[str, Json], ...] = ()
    """The requested postgres_changes, unparsed."""
    access_token: str | None = None


def parse_join(topic: str, payload: object) -> JoinRequest:
    """Parse the payload of a join of a topic (with its prefix); never fail."""
    whole: dict[str, Json] = payload if isinstance(payload, dict) else {}
    token = whole.get("access_token") or whole.get("user_token")
    access_token = token if isinstance(token, str) else None
    if "config" not in whole:
        return JoinRequest(bindings=_parse_legacy_bindings(topic), access_token=access_token)
    config = _to_mapping(whole["config"])
    broadcast = _to_mapping(config.get("broadcast"))
    presence = _to_mapping(config.get("presence"))
    key = presence.get("key")
    bindings = config.get("postgres_changes")
    return JoinRequest(
        private=_to_flag(config.get("private")),
        ack=_to_flag(broadcast.get("ack")),
        echo=_to_flag(broadcast.get("self")),
        replay=_parse_replay(broadcast.get("replay")),
        replication_ready=_to_flag(broadcast.get("replication_ready")),
        presence_enabled=_to_flag(presence.get("enabled")),
        presence_key=key if isinstance(key, str) else "",
        bindings=tuple(each for each in bindings if isinstance(each, dict))
        if isinstance(bindings, list)
        else (),
        access_token=access_token,
    )


def compute_binding_id(binding: dict[str, Json]) -> int:
    """Return the id of a binding, the same for equal bindings and never 0.

    The Python client reads 0 as "no binding".
    """
    ordered = dict(sorted(binding.items()))
    return zlib.crc32(encode_compact_json(ordered).encode()) % _LARGEST_ID + 1


def add_binding_id(binding: dict[str, Json]) -> Json:
    """Return the binding with its id, as in the reply to the join."""
    return {"id": compute_binding_id(binding), **dict(sorted(binding.items()))}


def _parse_legacy_bindings(topic: str) -> tuple[dict[str, Json], ...]:
    """Return the binding that a topic without config names: realtime:schema[:table[:filter]]."""
    values = topic.removeprefix(PREFIX).split(":", 2)
    return (dict(zip(_LEGACY_PARTS, values, strict=False)),)


def _parse_replay(value: Json) -> ReplayRequest | None:
    options = _to_mapping(value)
    since, limit = options.get("since"), options.get("limit", MAX_REPLAYED)
    if not _is_integer(since) or not _is_integer(limit):
        return None
    return ReplayRequest(since_ms=since, limit=max(1, min(limit, MAX_REPLAYED)))


def _is_integer(value: Json) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _to_mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _to_flag(value: Json) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")
