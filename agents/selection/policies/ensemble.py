"""`ensemble`: several models answer at once, and one makes a single answer of theirs."""

from collections.abc import Sequence
from typing import Final

from agents.selection.policies.formatting import dollars
from agents.selection.policies.rules import Rules
from agents.selection.policy import Option, Pick, PolicyInput

TEAM: Final = 3
CLOSE: Final = 0.15
"""A member is expected to be worse than the best by at most so much: weak answers mislead."""
LONGER: Final = 2.0
"""The synthesis reads all answers: its prompt is about so much longer for each."""


class Ensemble:
    """Different makers fail at different tasks, so a team has one model of each provider first."""

    def pick(self, case: PolicyInput) -> Pick:
        """Choose up to three to answer and the best one for the synthesis, or take the default."""
        alone = Rules().pick(case)
        if case.failed or not case.may_team:
            return alone
        best = max(case.options.values(), key=lambda each: (each.estimate.quality, each.model_id))
        close = [
            each
            for each in case.options.values()
            if each.estimate.quality >= best.estimate.quality - CLOSE
            and each.estimate.health is None
        ]
        team = _diverse(close)[:TEAM]
        if len(team) < 2:
            return _instead(alone, "no second model is about as good as the best one")
        spent = sum(each.price for each in team) + best.price * LONGER
        if case.budget_usd is not None and spent > case.budget_usd:
            return _instead(
                alone, f"a team would cost about ${spent:.4f}, which the budget forbids"
            )
        ids = [each.model_id for each in team]
        each_cost = ", ".join(f"{each.model_id} {dollars(each)}" for each in team)
        return Pick(
            order=case.first(best.model_id),
            team=tuple(ids),
            reason=(
                f"{len(ids)} models answer ({each_cost}) and {best.model_id}, expected to be the "
                "best, makes one answer of theirs."
            ),
        )


def _diverse(options: Sequence[Option]) -> list[Option]:
    """Put the best of each provider first, then the rest by quality."""
    ranked = sorted(options, key=lambda each: (-each.estimate.quality, each.price, each.model_id))
    seen: set[str] = set()
    leaders = []
    for each in ranked:
        if each.card.provider not in seen:
            seen.add(each.card.provider)
            leaders.append(each)
    return [*leaders, *(each for each in ranked if each not in leaders)]


def _instead(alone: Pick, why: str) -> Pick:
    return Pick(order=alone.order, reason=f"No ensemble, for {why}. {alone.reason}")
