"""What a client asks for when it joins a channel, read as leniently as on hosted. Pure."""

import zlib
from dataclasses import dataclass
from typing import Final, TypeGuard

from embedded.realtime.wire.frames import PREFIX
from embedded.realtime.wire.json import Json, compact

MOST_REPLAYED: Final = 25

_LEGACY_PARTS: Final = ("schema", "table", "filter")
_LARGEST_ID: Final = 2**27
"""The range of Erlang's phash2, which makes the ids of the real server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Which stored messages to send again after the join."""

    since_ms: int
    """Unix time in milliseconds."""
    limit: int
    """At most MOST_REPLAYED; the newest are taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest:
    """The payload of phx_join; what a client got wrong has its default."""

    private: bool = False
    ack: bool = False
    echo: bool = False
    """Broadcasts come back to their sender (`self` on the wire)."""
    replay: Replay | None = None
    replication_ready: bool = False
    presence_enabled: bool = False
    presence_key: str = ""
    bindings: tuple[dict[str, Json], ...] = ()
    """The postgres_changes that are asked for, as they stand."""
    access_token: str | None = None


def read_join(topic: str, payload: object) -> JoinRequest:
    """Read the payload of a join of this topic (with its prefix); never fails."""
    whole: dict[str, Json] = payload if isinstance(payload, dict) else {}
    token = whole.get("access_token") or whole.get("user_token")
    access_token = token if isinstance(token, str) else None
    if "config" not in whole:
        return JoinRequest(bindings=_legacy_bindings(topic), access_token=access_token)
    config = _mapping(whole["config"])
    broadcast = _mapping(config.get("broadcast"))
    presence = _mapping(config.get("presence"))
    key = presence.get("key")
    bindings = config.get("postgres_changes")
    return JoinRequest(
        private=_flag(config.get("private")),
        ack=_flag(broadcast.get("ack")),
        echo=_flag(broadcast.get("self")),
        replay=_replay(broadcast.get("replay")),
        replication_ready=_flag(broadcast.get("replication_ready")),
        presence_enabled=_flag(presence.get("enabled")),
        presence_key=key if isinstance(key, str) else "",
        bindings=tuple(each for each in bindings if isinstance(each, dict))
        if isinstance(bindings, list)
        else (),
        access_token=access_token,
    )


def binding_id(binding: dict[str, Json]) -> int:
    """Give the id of a binding, which equal bindings share and which is never 0.

    The Python client takes 0 for "no binding".
    """
    ordered = dict(sorted(binding.items()))
    return zlib.crc32(compact(ordered).encode()) % _LARGEST_ID + 1


def echoed(binding: dict[str, Json]) -> Json:
    """Give the binding with its id, as the reply to the join has it."""
    return {"id": binding_id(binding), **dict(sorted(binding.items()))}


def _legacy_bindings(topic: str) -> tuple[dict[str, Json], ...]:
    """Without a config the topic itself asks for changes: realtime:schema[:table[:filter]]."""
    values = topic.removeprefix(PREFIX).split(":", 2)
    return (dict(zip(_LEGACY_PARTS, values, strict=False)),)


def _replay(value: Json) -> Replay | None:
    wish = _mapping(value)
    since, limit = wish.get("since"), wish.get("limit", MOST_REPLAYED)
    if not _is_integer(since) or not _is_integer(limit):
        return None
    return Replay(since_ms=since, limit=max(1, min(limit, MOST_REPLAYED)))


def _is_integer(value: Json) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _mapping(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def _flag(value: Json) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")
