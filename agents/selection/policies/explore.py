"""`explore`: learns from outcomes by giving likely models a try (Thompson sampling)."""

from dataclasses import dataclass
from random import Random
from typing import Final

from agents.selection.evidence.score import WEIGHTS
from agents.selection.policies.formatting import figures
from agents.selection.policies.scored import Scored
from agents.selection.policy import Option, Pick, PolicyInput

SHARE: Final = 0.2
"""At most so many of the choices are tries."""
DEARER: Final = 2.0
"""A try costs at most so many times what the best known model does."""
WORSE: Final = 0.15
"""A try is expected to be worse by at most so much quality."""
_FREE: Final = 1e-4
"""Dollars that anybody may try, for twice nothing is nothing."""


@dataclass(frozen=True, slots=True)
class Explore:
    """Takes what `scored` takes, but for a bounded share of tries.

    A try draws each model's quality from the Beta distribution of its prior and outcomes, and takes
    the best draw: models of which little is known are tried, those known to be worse are not.
    """

    share: float = SHARE

    def pick(self, case: PolicyInput) -> Pick:
        """Draw whether to try, then whom."""
        known = Scored().pick(case)
        chance = case.chance()
        if chance.random() >= self.share:
            return known
        best = case.options[known.order[0]]
        safe = [each for each in case.options.values() if _is_safe(each, best)]
        drawn = {each.model_id: _draw(each, case, chance) for each in safe}
        picked = max(drawn, key=lambda id_: (drawn[id_], id_))
        if picked == best.model_id:
            return known
        option = case.options[picked]
        return Pick(
            order=case.first(picked, known.order),
            reason=(
                f"A try, to learn ({self.share:.0%} of choices are): {figures(option)}; "
                f"otherwise {best.model_id} ({figures(best)})."
            ),
        )


def _is_safe(option: Option, best: Option) -> bool:
    return (
        option.price <= max(best.price * DEARER, _FREE)
        and option.estimate.quality >= best.estimate.quality - WORSE
        and option.estimate.health is None
    ) or option is best


def _draw(option: Option, case: PolicyInput, chance: Random) -> float:
    """Draw a score: that of the expectation, moved by a drawn quality."""
    estimate = option.estimate
    good = estimate.quality * estimate.outlook.mass
    drawn = chance.betavariate(max(good, 0.01), max(estimate.outlook.mass - good, 0.01))
    moved = WEIGHTS[case.preference].quality * (drawn - estimate.quality)
    return case.totals[option.model_id] + moved
