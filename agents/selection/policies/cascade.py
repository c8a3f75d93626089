"""`cascade`: a cheap model first; when a check of its output fails, the next dearer one."""

from dataclasses import dataclass
from typing import Final

from agents.selection.policies.cascade_plan import StageOdds, build_plans, find_cheapest
from agents.selection.policies.formatting import figures
from agents.selection.policies.rules import Rules
from agents.selection.policy import Option, Pick, PolicyInput
from agents.selection.preferences import Preference

HOPS: Final = 2
"""Escalations of one subtask. Each weak rung more lets more wrong answers through."""
CHEAP: Final = 0.5
"""A first rung costs at most so much of what the model at the top does."""
WORSE: Final = {
    Preference.QUALITY: 0.05,
    Preference.BALANCED: 0.15,
    Preference.SPEED: 0.15,
    Preference.COST: 0.30,
}
"""How much worse than the top a first rung may be expected to be."""
CHECKED: Final = 20
"""Checked answers from which what the check is worth is known."""
RESCUE: Final = 0.6
"""What is left of a model's quality at tasks at which others failed, before it was observed."""


class Cascade:
    """The top is the model of the documented rules; what lies below it must be much cheaper."""

    def pick(self, case: PolicyInput) -> Pick:
        """Take the first rung, or the next one after those that a check refused."""
        top = case.options[case.default or case.by_score[0]]
        if case.failed:
            return _escalated(case, top)
        first, why = _first(case, top)
        if first is top:
            alone = Rules().pick(case)
            return Pick(order=alone.order, reason=f"No cascade, for {why}. {alone.reason}")
        return Pick(
            order=case.first(first.model_id, _by_price(case)),
            next_rung=top.model_id,
            reason=(
                f"Cheap first: {why} ({figures(first)}); "
                f"if its answer fails the check, {top.model_id} ({figures(top)})."
            ),
        )


def _first(case: PolicyInput, top: Option) -> tuple[Option, str]:
    """Give the first rung and why; the top itself when nothing below it is worth a try."""
    least = top.estimate.quality - WORSE[case.preference]
    below = [
        each
        for each in case.options.values()
        if each.price <= top.price * CHEAP
        and each.estimate.quality >= least
        and each.estimate.health is None
        and each is not top
    ]
    if not below:
        return top, f"nothing is much cheaper than {top.model_id} and nearly as good"
    trials = _Known(case)
    known = [each.model_id for each in below if trials.is_known(each.model_id)]
    if not known:
        cheapest = min(below, key=lambda each: (each.price, each.model_id))
        return cheapest, "by category, as no checks were counted yet"
    found = build_plans([*known, top.model_id], trials, rungs=2)
    ending = [each for each in found if each.rungs[-1] == top.model_id]
    best = find_cheapest(ending, top.estimate.quality)
    if best is None or len(best.rungs) == 1:
        return top, "the check lets too many wrong answers through to make a cheaper start worth it"
    return case.options[best.rungs[0]], (
        f"with the top it makes quality {best.quality:.2f} for ${best.cost_usd:.4f}"
    )


def _escalated(case: PolicyInput, top: Option) -> Pick:
    """Take the nearest dearer one that is at least as good as the top, else the best there is."""
    hops = len(case.checked_out)
    floor = case.failed_price
    dearer = [each for each in case.by_price if each.price > floor]
    good = [each for each in dearer if each.estimate.quality >= top.estimate.quality]
    best = max(case.options.values(), key=lambda each: (each.estimate.quality, each.model_id))
    picked = next(iter(good), best)
    further = [each for each in good if each is not picked]
    may_go_on = bool(case.checked_out) and bool(further) and hops < HOPS
    last = list(case.failed.items())[-1]
    return Pick(
        order=case.first(picked.model_id, _by_price(case)),
        next_rung=further[0].model_id if may_go_on else None,
        reason=(
            f"{last[0]} failed ({last[1]}), so the next "
            f"{'dearer' if good else 'best'} one: {picked.model_id} ({figures(picked)})."
        ),
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """What the observations of a case say of checks."""

    case: PolicyInput

    def is_known(self, model_id: str) -> bool:
        seen = self.case.observations.outcomes.get((model_id, self.case.needs.task_type))
        return seen is not None and seen.checked >= CHECKED

    def trial(self, refused: tuple[str, ...], model_id: str) -> StageOdds | None:
        option, kind = self.case.options[model_id], self.case.needs.task_type
        if refused:
            seen = self.case.observations.rescues.get((refused, model_id, kind))
            quality = option.estimate.quality * RESCUE
            if seen is not None and seen.n >= CHECKED:
                quality = seen.success / seen.n
        else:
            seen = self.case.observations.outcomes.get((model_id, kind))
            quality = option.estimate.quality
        passed = seen.passed / seen.checked if seen is not None and seen.checked else 1.0
        good = seen.passed_good / seen.checked if seen is not None and seen.checked else quality
        return StageOdds(quality=quality, passed=passed, passed_good=good, cost_usd=option.price)


def _by_price(case: PolicyInput) -> tuple[str, ...]:
    return tuple(each.model_id for each in case.by_price)
