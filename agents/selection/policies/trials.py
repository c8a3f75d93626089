"""Trials: answers by models of which too little is known, within a budget of mistakes.

Without them choices only learn about the models that they take already. A trial is worth what it
may change: a model may turn out to be as good as the best known one for less, or to be better.
Which model is tried follows from the request and from what was observed; whether a task is a trial
is drawn with its seed.
"""

from collections.abc import Iterator
from dataclasses import replace
from math import erf, exp, pi, sqrt
from typing import Final, NamedTuple

from agents.selection.evidence.estimates import SPREAD, Estimate
from agents.selection.evidence.near_best import NearBest, measure_expense
from agents.selection.evidence.quality import KNOWN_EVIDENCE
from agents.selection.policy import Pick, PolicyInput
from agents.selection.preferences import Preference

MAX_RATE: Final = 0.1
"""Maximum share of the choices that are trials, however little these may lose."""
MAX_EXTRA_COST: Final = 0.05
"""What trials of dearer models may add to the costs on average, as a share of these."""
MIN_PRICE: Final = 1e-4
"""Dollars that count as the usual price at least, so that a free model still allows trials."""
SAVED_WORTH: Final = 0.3
"""The quality that counts as much as saving the whole price, when models to try are compared."""
MIN_WORTH: Final = 0.005
"""The least worth of a trial; below it nothing is left to learn."""
UNKNOWN_QUALITY: Final = 0.5
"""The quality of a model of which nothing is known, when its mistakes are counted."""
DEADLINE_FACTOR: Final = 3.0
"""How many times the expected time must be left, so that another model can answer afterwards."""


class PossibleTrial(NamedTuple):
    """A model that may be tried in place of the usual one."""

    model_id: str
    rate: float
    """The share of such choices that are trials."""
    worth: float
    """The quality that its result is expected to add to later choices; see SAVED_WORTH."""


def allow_trial(given: PolicyInput, usual: Pick, found: NearBest) -> Pick:
    """Return the usual pick, or for some requests a trial of another model."""
    if not _may_try(given):
        return usual
    drawn = given.random().random()
    trial = find_trial(given, usual.order[0], found) if drawn < MAX_RATE else None
    if trial is None or drawn >= trial.rate:
        return usual
    known = usual.order[0]
    return replace(
        usual,
        order=tuple(dict.fromkeys((trial.model_id, *usual.order))),
        reason=(
            f"A trial, to learn ({given.estimates[trial.model_id].describe()}), as {trial.rate:.1%}"
            f" of such tasks are; otherwise {known} ({given.estimates[known].describe()})."
        ),
    )


def find_trial(given: PolicyInput, usual_id: str, found: NearBest) -> PossibleTrial | None:
    """Return the model whose trial is worth most for what it may lose."""
    trials = _list_trials(given, usual_id, found)
    return min(trials, key=_rank, default=None)


def compute_loss(tried: Estimate, usual: Estimate) -> float:
    """Return the mistakes that a trial may cost, not counting what it may gain.

    It takes the upper end of what the usual model may do and the lower end of what the other one
    may, so that the budget also holds while nothing is known: the usual model is not one of all,
    but was chosen for a reason. However easy the work is, an unknown model may fail at it.
    """
    known = min(tried.forecast.evidence / KNOWN_EVIDENCE, 1.0)
    low = known * tried.low + (1.0 - known) * min(tried.low, UNKNOWN_QUALITY)
    return max(usual.high - low, 0.0)


def _may_try(given: PolicyInput) -> bool:
    """Return whether a trial may be made for this request, and would teach something."""
    request, needs = given.request, given.needs
    return (
        given.mistakes > 0
        and bool(request.seed)  # else it is a question, and no task
        and not request.failed
        and given.preference is not Preference.QUALITY
        and not (needs.accuracy_needed and needs.complexity == "high")
        and given.forecaster.is_judged(needs.kind)
    )


def _list_trials(given: PolicyInput, usual_id: str, found: NearBest) -> Iterator[PossibleTrial]:
    usual, best = given.estimates[usual_id], given.estimates[found.best]
    spare = max(usual.price, MIN_PRICE) * MAX_EXTRA_COST
    left = given.request.seconds_left
    for id_, each in given.options.items():
        tried = each.estimate
        if id_ == usual_id or tried.cost_usd is None or tried.health or each.set_aside:
            continue
        if left is not None and left < DEADLINE_FACTOR * tried.forecast.total_s:
            continue
        worth = _compute_worth(tried, usual, best, found.tolerance, given.preference)
        if worth >= MIN_WORTH:
            rate = _limit(given.mistakes, compute_loss(tried, usual))
            yield PossibleTrial(id_, min(rate, _limit(spare, tried.price - usual.price)), worth)


def _limit(budget: float, loss: float) -> float:
    """Return how often something may be lost within a budget for all."""
    return MAX_RATE if loss * MAX_RATE <= budget else budget / loss


def _compute_worth(
    tried: Estimate, usual: Estimate, best: Estimate, tolerance: float, preference: Preference
) -> float:
    before, now = measure_expense(usual, preference), measure_expense(tried, preference)
    saved = max(0.0, 1.0 - now / before) if before > 0 else 0.0
    deviation = sqrt(_get_deviation(tried) ** 2 + _get_deviation(best) ** 2)
    ahead = tried.quality - best.quality
    as_good = _get_share_below((ahead + tolerance) / deviation)
    return SAVED_WORTH * saved * as_good + _expect_excess(ahead, deviation)


def _rank(trial: PossibleTrial) -> tuple[float, str]:
    return (-trial.rate * trial.worth, trial.model_id)


def _get_deviation(estimate: Estimate) -> float:
    return max((estimate.high - estimate.low) / (2 * SPREAD), 1e-6)


def _get_share_below(deviations: float) -> float:
    """Return the share of a normal distribution below so many deviations above its mean."""
    return (1.0 + erf(deviations / sqrt(2.0))) / 2.0


def _expect_excess(mean: float, deviation: float) -> float:
    """Return by how much a normal distribution exceeds 0, on average."""
    at = mean / deviation
    density = exp(-at * at / 2.0) / sqrt(2.0 * pi)
    return mean * _get_share_below(at) + deviation * density
