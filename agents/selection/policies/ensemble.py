"""The policy `ensemble`: several models answer concurrently, and one combines their answers."""

from collections.abc import Sequence
from typing import Final

from agents.selection.candidates import Candidate
from agents.selection.policies.rules import Rules
from agents.selection.policy import Pick, PolicyInput

TEAM_SIZE: Final = 3
MAX_QUALITY_LOSS: Final = 0.15
"""How much worse than the best a member may be expected to be: weak answers mislead."""
SYNTHESIS_FACTOR: Final = 2.0
"""How many times an answer the synthesis costs, since it reads all of them."""


class Ensemble:
    """Picks a team, preferring different providers, because these fail at different tasks."""

    def pick(self, given: PolicyInput) -> Pick:
        """Pick up to three models to answer and the best one for the synthesis, or one by rule."""
        alone = Rules().pick(given)
        if given.request.failed or not given.request.may_team:
            return alone
        best = max(given.options.values(), key=lambda each: (each.estimate.quality, each.model_id))
        close = [
            each
            for each in given.options.values()
            if each.estimate.quality >= best.estimate.quality - MAX_QUALITY_LOSS
            and each.estimate.health is None
        ]
        team = _diversify(close)[:TEAM_SIZE]
        if len(team) < 2:
            return _decline(alone, "no second model is about as good as the best one")
        cost, budget = sum(each.price for each in team), given.request.budget_usd
        cost += best.price * SYNTHESIS_FACTOR
        if budget is not None and cost > budget:
            return _decline(alone, f"a team would cost about ${cost:.4f}, more than the budget")
        members = ", ".join(f"{each.model_id} {each.estimate.describe_cost()}" for each in team)
        return Pick(
            order=given.put_first(best.model_id),
            team=tuple(each.model_id for each in team),
            reason=(
                f"{len(team)} models answer ({members}) and {best.model_id}, expected to be the "
                "best, combines their answers."
            ),
        )


def _diversify(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the best of each provider, then the rest by quality."""
    ranked = sorted(
        candidates, key=lambda each: (-each.estimate.quality, each.price, each.model_id)
    )
    leaders: dict[str, Candidate] = {}
    for each in ranked:
        leaders.setdefault(each.profile.provider, each)
    first = list(leaders.values())
    return [*first, *(each for each in ranked if each not in first)]


def _decline(alone: Pick, why: str) -> Pick:
    return Pick(order=alone.order, reason=f"No ensemble, because {why}. {alone.reason}")
