"""What another preference would have taken, read from a recorded choice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.selection.evidence.score import WEIGHTS
from agents.selection.preferences import Preference


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """The best score under one preference, compared with what was taken."""

    preference: Preference
    model_id: str
    cheaper: float | None
    """How many times; below 1 it is dearer. None where a price is not known or nothing."""
    faster: float | None
    """How many times, to the end of the answer."""

    def sentence(self) -> str:
        """Say it to a person."""
        words = [
            f"{_times(ratio)} {better if ratio >= 1 else worse}"
            for ratio, better, worse in (
                (self.cheaper, "cheaper", "dearer"),
                (self.faster, "faster", "slower"),
            )
            if ratio is not None and not 0.95 <= ratio <= 1.05
        ]
        said = f": {', '.join(words)}" if words else ""
        return f"with {self.preference.value} preferred (policy scored): {self.model_id}{said}"


def compare_preferences(candidates: Sequence[Mapping[str, Any]], selected: str) -> list[WhatIf]:
    """Weigh the recorded parts of each eligible candidate anew; [] where none were recorded."""
    able = {
        each["model_id"]: each
        for each in candidates
        if not each.get("refused") and not each.get("set_aside") and each.get("parts")
    }
    taken = next((each for each in candidates if each["model_id"] == selected), {})
    found = []
    for preference in Preference:
        if not able:
            break
        best = max(able, key=lambda id_: (_total(able[id_]["parts"], preference), id_))
        if best != selected:
            found.append(
                WhatIf(
                    preference=preference,
                    model_id=best,
                    cheaper=_ratio(taken, able[best], "cost_usd"),
                    faster=_ratio(taken, able[best], "total_ms"),
                )
            )
    return found


def _total(parts: Mapping[str, float], preference: Preference) -> float:
    weights = WEIGHTS[preference]
    return (
        weights.quality * parts["quality"]
        + weights.cost * parts["cost"]
        + weights.first_token * parts["first_token"]
        + weights.total * parts["duration"]
    )


def _ratio(one: Mapping[str, Any], other: Mapping[str, Any], name: str) -> float | None:
    mine = (one.get("expected") or {}).get(name)
    theirs = (other.get("expected") or {}).get(name)
    return mine / theirs if mine and theirs else None


def _times(ratio: float) -> str:
    more = ratio if ratio >= 1 else 1 / ratio
    return f"{more:.0f} times" if more >= 10 else f"{more:.1f} times"
