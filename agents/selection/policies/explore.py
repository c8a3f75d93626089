"""The policy `explore`: learns from outcomes by trying promising models (Thompson sampling)."""

from random import Random
from typing import Final, NamedTuple

from agents.selection.evidence.estimates import Estimate, Forecast
from agents.selection.evidence.near_best import find_near_best
from agents.selection.policies.scored import Scored
from agents.selection.policy import Pick, PolicyInput

MAX_COST_FACTOR: Final = 2.0
"""Maximum cost of a trial, as a multiple of what is otherwise used or of the best known model."""
MIN_COST_CAP: Final = 1e-4
"""Minimum cost cap in dollars, so that a free model still allows trials."""
_MIN_PARAMETER: Final = 0.01


class Explore:
    """Picks as `scored`, except for trials within a budget of mistakes.

    Each model's quality is drawn from what is known of it, and the preference picks by the drawn
    ones: models of which little is known win sometimes, those known to be worse do not. A model
    that is expected to be worse than what is otherwise used is tried so rarely that its mistakes
    cost no more than the budget, on average over all choices.
    """

    def pick(self, given: PolicyInput) -> Pick:
        """Draw what the qualities may be, and whether the model that wins is tried."""
        known = Scored().pick(given)
        usual = given.estimates[known.order[0]]
        best = given.estimates[given.near_best.best]
        most = max(usual.price, best.price, MIN_COST_CAP / MAX_COST_FACTOR) * MAX_COST_FACTOR
        least = min(usual.low, best.low) - given.near_best.tolerance
        random = given.random()
        accepted = random.random()
        drawn = {
            id_: _draw(each, random)
            for id_, each in given.estimates.items()
            if id_ == known.order[0]
            or (each.price <= most and each.health is None and each.high >= least)
        }
        picked = find_near_best(drawn, given.preference, tolerance=given.near_best.tolerance).picked
        tried = given.estimates[picked]
        loss = max(0.0, usual.quality - tried.quality)
        if picked == known.order[0] or loss * accepted > given.mistakes:
            return known
        return Pick(
            order=given.put_first(picked, known.order),
            reason=(
                f"A trial, to learn ({tried.describe()}); otherwise {known.order[0]} "
                f"({usual.describe()}). Trials may cost {given.mistakes:.3g} mistakes per choice."
            ),
        )


class _Drawn(NamedTuple):
    """An estimate as if its quality were known."""

    quality: float
    price: float
    forecast: Forecast

    @property
    def low(self) -> float:
        """The drawn quality."""
        return self.quality

    @property
    def high(self) -> float:
        """The drawn quality."""
        return self.quality

    @property
    def is_known(self) -> bool:
        """Whether it may win: always."""
        return True


def _draw(estimate: Estimate, random: Random) -> _Drawn:
    """Draw the quality from its Beta distribution."""
    forecast = estimate.forecast
    good = forecast.quality * forecast.mass
    bad = forecast.mass - good
    quality = random.betavariate(max(good, _MIN_PARAMETER), max(bad, _MIN_PARAMETER))
    return _Drawn(quality, estimate.price, forecast)
