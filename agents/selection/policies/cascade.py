"""The policy `cascade`: a cheap model first; if its answer fails the check, a better one."""

from dataclasses import dataclass
from typing import Final

from agents.selection.candidates import Candidate
from agents.selection.policies.cascade_plan import StageOdds, build_plans, find_cheapest
from agents.selection.policies.rules import Rules
from agents.selection.policy import Pick, PolicyInput
from agents.selection.preferences import Preference

MAX_COST_FACTOR: Final = 0.5
"""The most that a first stage may cost, as a share of the top model's price."""
MAX_QUALITY_LOSS: Final = {
    Preference.QUALITY: 0.05,
    Preference.BALANCED: 0.15,
    Preference.SPEED: 0.15,
    Preference.COST: 0.30,
}
"""How much worse than the top model a first stage may be expected to be."""
MIN_CHECKED: Final = 20
"""Checked answers from which on the value of the check is known."""
RESCUE_FACTOR: Final = 0.6
"""Factor on a model's quality at tasks at which others failed, until it was observed."""


class Cascade:
    """The top model is that of the documented rules; the first stage must be much cheaper."""

    def pick(self, given: PolicyInput) -> Pick:
        """Pick the first stage, or the next one after those whose answers failed the check."""
        top = given.options[given.default or given.by_score[0]]
        if given.request.failed:
            return _escalate(given, top)
        first, why = _find_first(given, top)
        if first is top:
            alone = Rules().pick(given)
            return Pick(order=alone.order, reason=f"No cascade, because {why}. {alone.reason}")
        return Pick(
            order=given.put_first(first.model_id, _order_by_price(given)),
            escalate_to=top.model_id,
            reason=(
                f"Cheap first: {why} ({first.estimate.describe()}); "
                f"if its answer fails the check, {top.model_id} ({top.estimate.describe()})."
            ),
        )


def _find_first(given: PolicyInput, top: Candidate) -> tuple[Candidate, str]:
    """Return the first stage and why; the top model itself if no cheaper one is worth a try."""
    min_quality = top.estimate.quality - MAX_QUALITY_LOSS[given.preference]
    below = [
        each
        for each in given.options.values()
        if each.price <= top.price * MAX_COST_FACTOR
        and each.estimate.quality >= min_quality
        and each.estimate.health is None
        and each is not top
    ]
    if not below:
        return top, f"no model is much cheaper than {top.model_id} and nearly as good"
    source = _ObservedOdds(given)
    known = [each.model_id for each in below if source.is_known(each.model_id)]
    if not known:
        cheapest = min(below, key=lambda each: (each.price, each.model_id))
        return cheapest, "by category, because no checks were counted yet"
    plans = build_plans([*known, top.model_id], source, stages=2)
    ending = [each for each in plans if each.stages[-1] == top.model_id]
    best = find_cheapest(ending, top.estimate.quality)
    if best is None or len(best.stages) == 1:
        return top, "the check accepts too many wrong answers for a cheaper start to be worthwhile"
    return given.options[best.stages[0]], (
        f"with the top model the expected quality is {best.quality:.2f} for ${best.cost_usd:.4f}"
    )


def _escalate(given: PolicyInput, top: Candidate) -> Pick:
    """Pick the next more expensive model that is as good as the top one, else the best one."""
    dearer = [each for each in given.by_price if each.price > given.failed_price]
    good = [each for each in dearer if each.estimate.quality >= top.estimate.quality]
    best = max(given.options.values(), key=lambda each: (each.estimate.quality, each.model_id))
    picked = next(iter(good), best)
    last_model, error = list(given.request.failed.items())[-1]
    return Pick(
        order=given.put_first(picked.model_id, _order_by_price(given)),
        reason=(
            f"{last_model} failed ({error}), so the next "
            f"{'more expensive' if good else 'best'} one: "
            f"{picked.model_id} ({picked.estimate.describe()})."
        ),
    )


@dataclass(frozen=True, slots=True)
class _ObservedOdds:
    """The odds that the observations show, and guesses where there are none."""

    given: PolicyInput

    def is_known(self, model_id: str) -> bool:
        seen = self.given.observations.outcomes.get((model_id, self.given.needs.task_type))
        return seen is not None and seen.checked >= MIN_CHECKED

    def get_odds(self, refused: tuple[str, ...], model_id: str) -> StageOdds | None:
        candidate, kind = self.given.options[model_id], self.given.needs.task_type
        if refused:
            seen = self.given.observations.rescues.get((refused, model_id, kind))
            quality = candidate.estimate.quality * RESCUE_FACTOR
            if seen is not None and seen.judged >= MIN_CHECKED:
                quality = seen.good / seen.judged
        else:
            seen = self.given.observations.outcomes.get((model_id, kind))
            quality = candidate.estimate.quality
        passed, good = 1.0, quality
        if seen is not None and seen.checked:
            passed, good = seen.passed / seen.checked, seen.passed_good / seen.checked
        return StageOdds(quality=quality, passed=passed, passed_good=good, cost_usd=candidate.price)


def _order_by_price(given: PolicyInput) -> tuple[str, ...]:
    return tuple(each.model_id for each in given.by_price)
