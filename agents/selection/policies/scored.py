"""The policy `scored`: the best weighted sum of quality, cost and speed."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

from agents.selection.policy import Pick, PolicyInput

MARGIN: Final = 0.01
"""Margin by which a model must beat the default's score; smaller differences are noise."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Goes through the options from cheap to expensive and pays more only for more quality.

    A larger budget only adds options at the expensive end, so it never lowers expected quality.
    """

    margin: float = MARGIN

    def pick(self, given: PolicyInput) -> Pick:
        """Pick the best score; the default model wins within the margin."""
        best = _find_best(given, given.scores)
        picked = best
        if given.default is not None and best != given.default:
            ahead = given.scores[given.default] + self.margin
            picked = _find_best(given, {**given.scores, given.default: ahead})
        numbers = given.options[picked].estimate.describe()
        scored = f"score {given.scores[picked]:.3f} ({numbers})"
        if picked == given.default and best != picked:
            reason = (
                f"{best} scores {given.scores[best]:.3f} and the default {scored}; the "
                "difference is too small, so the default is used."
            )
        else:
            second = next((id_ for id_ in given.by_score if id_ != picked), None)
            following = f"; next is {second} with {given.scores[second]:.3f}" if second else ""
            reason = f"The best {scored} for the preference {given.preference.value}{following}."
        return Pick(order=given.put_first(picked), reason=reason)


def _find_best(given: PolicyInput, scores: Mapping[str, float]) -> str:
    best, score, quality = "", -inf, -inf
    for each in given.by_price:
        id_, its_quality = each.profile.model_id, each.estimate.forecast.quality
        if scores[id_] > score and its_quality >= quality:
            best, score, quality = id_, scores[id_], its_quality
    return best
