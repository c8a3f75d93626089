"""The policies `cheapest` and `fastest`: the least cost or time of the models that are not bad."""

from collections.abc import Mapping
from typing import Final

from agents.selection.candidates import Candidate
from agents.selection.policy import Pick, PolicyInput
from agents.selection.preferences import Preference

MAX_QUALITY_LOSS: Final[Mapping[Preference, float]] = {
    Preference.QUALITY: 0.02,
    Preference.BALANCED: 0.05,
    Preference.SPEED: 0.05,
    Preference.COST: 0.10,
    Preference.LOCAL: 0.05,
}
"""How much worse than the best known a model may be expected to be. A model of which little is
known is expected to be like the others."""


class Cheapest:
    """Picks the lowest expected cost, then the best quality."""

    def pick(self, given: PolicyInput) -> Pick:
        """Order by expected cost; models without a known price come last."""
        order = sorted(
            _list_good(given), key=lambda each: (each.price, -each.estimate.quality, each.model_id)
        )
        first = order[0]
        if first.estimate.cost_usd is None:
            picked = given.default or first.model_id
            reason = f"No price is known, so the cheapest model is unknown; using {picked}."
            return Pick(order=given.put_first(picked), reason=reason)
        return Pick(
            order=given.put_first(first.model_id, [each.model_id for each in order]),
            reason=f"The cheapest model{_explain_floor(given)} ({first.estimate.describe()}).",
        )


class Fastest:
    """Picks the shortest expected total time, then time to first token, then the best quality."""

    def pick(self, given: PolicyInput) -> Pick:
        """Order by expected time."""
        order = sorted(
            _list_good(given),
            key=lambda each: (
                each.estimate.forecast.total_s,
                each.estimate.forecast.first_token_s,
                -each.estimate.quality,
                each.model_id,
            ),
        )
        first = order[0]
        how = "measured" if first.estimate.forecast.is_measured else "without measurements"
        return Pick(
            order=given.put_first(first.model_id, [each.model_id for each in order]),
            reason=(
                f"The fastest model{_explain_floor(given)}, {how} ({first.estimate.describe()})."
            ),
        )


def _list_good(given: PolicyInput) -> list[Candidate]:
    """Return the options that are not expected to be clearly worse than the best known."""
    best = given.options[given.near_best.best]
    least = best.estimate.quality - MAX_QUALITY_LOSS[given.preference]
    return [each for each in given.options.values() if each.estimate.quality >= least]


def _explain_floor(given: PolicyInput) -> str:
    points = MAX_QUALITY_LOSS[given.preference] * 100
    return f" that is not expected to be {points:.0f} points worse than {given.near_best.best}"
