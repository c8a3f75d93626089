"""The policy `explore`: learns from outcomes by trying promising models (Thompson sampling)."""

from dataclasses import dataclass
from random import Random
from typing import Final

from agents.selection.candidates import Candidate
from agents.selection.evidence.score import WEIGHTS
from agents.selection.policies.scored import Scored
from agents.selection.policy import Pick, PolicyInput

SHARE: Final = 0.2
"""Maximum share of choices that are trials."""
MAX_COST_FACTOR: Final = 2.0
"""Maximum cost of a trial, as a multiple of the best known model's cost."""
MAX_QUALITY_LOSS: Final = 0.15
"""Maximum by which the expected quality of a trial may be lower."""
MIN_COST_CAP: Final = 1e-4
"""Minimum cost cap in dollars, so that a free best model still allows trials."""


@dataclass(frozen=True, slots=True)
class Explore:
    """Picks as `scored`, except for a bounded share of trials.

    A trial draws each model's quality from the Beta distribution of its prior and outcomes and
    picks the best draw: models with few outcomes are tried, those known to be worse are not.
    """

    share: float = SHARE

    def pick(self, given: PolicyInput) -> Pick:
        """Draw whether this is a trial, then which model to try."""
        known = Scored().pick(given)
        random = given.random()
        if random.random() >= self.share:
            return known
        best = given.options[known.order[0]]
        safe = [each for each in given.options.values() if _is_safe(each, best)]
        draws = {each.model_id: _draw(each, given, random) for each in safe}
        picked = max(draws, key=lambda id_: (draws[id_], id_))
        if picked == best.model_id:
            return known
        return Pick(
            order=given.put_first(picked, known.order),
            reason=(
                f"A trial, to learn ({self.share:.0%} of choices are trials): "
                f"{given.options[picked].estimate.describe()}; "
                f"otherwise {best.model_id} ({best.estimate.describe()})."
            ),
        )


def _is_safe(candidate: Candidate, best: Candidate) -> bool:
    return (
        candidate.price <= max(best.price * MAX_COST_FACTOR, MIN_COST_CAP)
        and candidate.estimate.quality >= best.estimate.quality - MAX_QUALITY_LOSS
        and candidate.estimate.health is None
    ) or candidate is best


def _draw(candidate: Candidate, given: PolicyInput, random: Random) -> float:
    """Draw a score: the expected one, moved by a drawn quality."""
    estimate = candidate.estimate
    good = estimate.quality * estimate.forecast.mass
    drawn = random.betavariate(max(good, 0.01), max(estimate.forecast.mass - good, 0.01))
    moved = WEIGHTS[given.preference].quality * (drawn - estimate.quality)
    return given.scores[candidate.model_id] + moved
