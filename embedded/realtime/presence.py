"""Who is on a topic. Pure."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from embedded.realtime.wire.json import Json

_OURS: Final = frozenset({"phx_ref", "phx_ref_prev"})

_Who = TypeVar("_Who", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Diff:
    """What changed: each key with the one meta that came or went."""

    joins: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    leaves: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)

    def payload(self) -> Json:
        """Give the payload of `presence_diff`."""
        return {
            "joins": {key: {"metas": [dict(meta)]} for key, meta in self.joins.items()},
            "leaves": {key: {"metas": [dict(meta)]} for key, meta in self.leaves.items()},
        }


@dataclass(slots=True)
class _Present:
    key: str
    payload: Mapping[str, Json]
    meta: Mapping[str, Json]


class Presences(Generic[_Who]):
    """The sessions that track themselves on one topic; two sessions may share a key."""

    def __init__(self, *, new_ref: Callable[[], str]) -> None:
        self._new_ref = new_ref
        self._present: dict[_Who, _Present] = {}

    def __bool__(self) -> bool:
        return bool(self._present)

    def state(self) -> Json:
        """Give the payload of `presence_state`."""
        metas: dict[str, list[Json]] = {}
        for present in self._present.values():
            metas.setdefault(present.key, []).append(dict(present.meta))
        return {key: {"metas": each} for key, each in metas.items()}

    def track(self, who: _Who, key: str, payload: Mapping[str, Json]) -> Diff | None:
        """Let `who` be seen with this payload; None when that is so already."""
        before = self._present.get(who)
        if before and before.payload == payload:
            return None
        meta: dict[str, Json] = {"phx_ref": self._new_ref()}
        if before:
            meta["phx_ref_prev"] = before.meta["phx_ref"]
        meta.update({name: value for name, value in payload.items() if name not in _OURS})
        self._present[who] = _Present(key, payload, meta)
        return Diff({key: meta}, {before.key: before.meta} if before else {})

    def untrack(self, who: _Who) -> Diff | None:
        """Let `who` be seen no more; None when they were not."""
        before = self._present.pop(who, None)
        return Diff(leaves={before.key: before.meta}) if before else None
