"""The presence state of a topic."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from embedded.realtime.wire.json import Json

_SERVER_FIELDS: Final = frozenset({"phx_ref", "phx_ref_prev"})

_Session = TypeVar("_Session", bound=Hashable)


@dataclass(frozen=True, slots=True)
class PresenceDiff:
    """A change of presence: keys that joined or left, with their metadata."""

    join_rate: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    leaves: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)

    def payload(self) -> Json:
        """Return the payload of `presence_diff`."""
        return {
            "joins": {key: {"metas": [dict(meta)]} for key, meta in self.join_rate.items()},
            "leaves": {key: {"metas": [dict(meta)]} for key, meta in self.leaves.items()},
        }


@dataclass(slots=True)
class _Present:
    key: str
    payload: Mapping[str, Json]
    meta: Mapping[str, Json]


class Presences(Generic[_Session]):
    """The tracked sessions of one topic; two sessions may share a key."""

    def __init__(self, *, new_ref: Callable[[], str]) -> None:
        self._new_ref = new_ref
        self._present: dict[_Session, _Present] = {}

    def __bool__(self) -> bool:
        return bool(self._present)

    def state(self) -> Json:
        """Return the payload of `presence_state`."""
        metas: dict[str, list[Json]] = {}
        for present in self._present.values():
            metas.setdefault(present.key, []).append(dict(present.meta))
        return {key: {"metas": each} for key, each in metas.items()}

    def track(
        self, session: _Session, key: str, payload: Mapping[str, Json]
    ) -> PresenceDiff | None:
        """Track a session with this payload; return None if nothing changed."""
        before = self._present.get(session)
        if before and before.payload == payload:
            return None
        meta: dict[str, Json] = {"phx_ref": self._new_ref()}
        if before:
            meta["phx_ref_prev"] = before.meta["phx_ref"]
        meta.update({name: value for name, value in payload.items() if name not in _SERVER_FIELDS})
        self._present[session] = _Present(key, payload, meta)
        return PresenceDiff({key: meta}, {before.key: before.meta} if before else {})

    def untrack(self, session: _Session) -> PresenceDiff | None:
        """Stop tracking a session; return None if it was not tracked."""
        before = self._present.pop(session, None)
        return PresenceDiff(leaves={before.key: before.meta}) if before else None
