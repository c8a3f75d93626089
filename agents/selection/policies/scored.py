"""`scored`: the best weighted sum of quality, cost and speed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from agents.selection.case import Case, Pick
from agents.selection.policies.words import figures

MARGIN: Final = 0.01
"""By so much another model must score better than the default one: less cannot be told apart."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Goes through the options from cheap to dear and pays more only for more quality.

    A larger budget only adds steps at the dear end, so it never makes the expected quality worse.
    """

    margin: float = MARGIN

    def pick(self, case: Case) -> Pick:
        """Climb, with the default model ahead by the margin."""
        totals = {id_: each.total for id_, each in case.scores.items()}
        plain = _climbed(case, totals)
        if case.default is not None:
            totals[case.default] += self.margin
        picked = _climbed(case, totals)
        option = case.options[picked]
        weighed = f"score {case.scores[picked].total:.3f} ({figures(option)})"
        if picked == case.default and plain != picked:
            reason = (
                f"{plain} scores {case.scores[plain].total:.3f} and the default {weighed}, which "
                "cannot be told apart, so the default stands."
            )
        else:
            reason = (
                f"The best {weighed} where {case.preference.value} matters{_next(case, picked)}."
            )
        return Pick(order=case.first(picked), reason=reason)


def _climbed(case: Case, totals: Mapping[str, float]) -> str:
    by_price = sorted(case.options.values(), key=lambda each: (each.price, each.model_id))
    best = by_price[0]
    for each in by_price[1:]:
        is_better = totals[each.model_id] > totals[best.model_id]
        if is_better and each.estimate.quality >= best.estimate.quality:
            best = each
    return best.model_id


def _next(case: Case, picked: str) -> str:
    other = next((id_ for id_ in case.by_score if id_ != picked), None)
    return "" if other is None else f"; next is {other} with {case.scores[other].total:.3f}"
