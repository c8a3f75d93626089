"""`scored`: the best weighted sum of quality, cost and speed."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

from agents.selection.policies.formatting import figures
from agents.selection.policy import Pick, PolicyInput

MARGIN: Final = 0.01
"""By so much another model must score better than the default one: less cannot be told apart."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Goes through the options from cheap to dear and pays more only for more quality.

    A larger budget only adds steps at the dear end, so it never makes the expected quality worse.
    """

    margin: float = MARGIN

    def pick(self, case: PolicyInput) -> Pick:
        """Climb, with the default model ahead by the margin."""
        plain = _climbed(case, case.totals)
        picked = plain
        if case.default is not None and plain != case.default:
            ahead = case.totals[case.default] + self.margin
            picked = _climbed(case, {**case.totals, case.default: ahead})
        option = case.options[picked]
        weighed = f"score {case.totals[picked]:.3f} ({figures(option)})"
        if picked == case.default and plain != picked:
            reason = (
                f"{plain} scores {case.totals[plain]:.3f} and the default {weighed}, which "
                "cannot be told apart, so the default stands."
            )
        else:
            reason = (
                f"The best {weighed} where {case.preference.value} matters{_next(case, picked)}."
            )
        return Pick(order=case.first(picked), reason=reason)


def _climbed(case: PolicyInput, totals: Mapping[str, float]) -> str:
    best, score, quality = "", -inf, -inf
    for each in case.by_price:
        id_, better = each.card.model_id, each.estimate.outlook.quality
        if totals[id_] > score and better >= quality:
            best, score, quality = id_, totals[id_], better
    return best


def _next(case: PolicyInput, picked: str) -> str:
    other = next((id_ for id_ in case.by_score if id_ != picked), None)
    return "" if other is None else f"; next is {other} with {case.totals[other]:.3f}"
