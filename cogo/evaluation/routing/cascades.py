"""Cascades on recorded answers: what a plan comes to, and the best that any plan could."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cogo.evaluation.routing.learning import AnswerCheck, CheckedAnswers, dot
from cogo.evaluation.routing.records import Point, Prompt

STAGES: Final = 3
BEAM: Final = 60
"""Plans of two models that are extended by a third."""
EQUAL: Final = 0.001
"""Qualities that differ less are the same ceiling, of which the cheapest plan counts."""
_ROUNDING: Final = 1e-9

Plan = tuple[int, ...]


def play_plan(prompt: Prompt, plan: Plan, check: AnswerCheck) -> Point:
    """Return the expected cost and quality of a plan; its last answer is not checked."""
    cost = quality = 0.0
    reach = 1.0
    for model in plan[:-1]:
        accepted, good = check.apply(prompt, model)
        cost += reach * prompt.cost[model]
        quality += reach * good
        reach *= 1 - accepted
    return Point(cost + reach * prompt.cost[plan[-1]], quality + reach * prompt.quality[plan[-1]])


@dataclass(frozen=True, slots=True)
class JudgedPlan:
    """One plan for all prompts, and what it comes to."""

    plan: Plan
    point: Point


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What the best plan comes to, found with all answers at hand."""

    best: JudgedPlan
    """The cheapest of those of the highest quality that are affordable."""
    unlimited: JudgedPlan
    """The same of all plans, whatever they cost."""
    frontier: Sequence[JudgedPlan]
    """The plans that no other one beats in both cost and quality, the cheapest first."""


def find_ceiling(
    models: Sequence[str], prompts: Sequence[Prompt], check: AnswerCheck, *, most_usd: float
) -> Ceiling:
    """Return the best plans of up to three models, each for all prompts.

    All plans of two models are tried, and of three those that extend a good one of two. The best
    one costs at most `most_usd` a prompt, if there is such a plan.
    """
    frontier = _find_frontier(_list_plans(models, prompts, check))
    most = most_usd * (1 + _ROUNDING)
    affordable = [each for each in frontier if each.point.cost <= most] or frontier[:1]
    return Ceiling(best=_find_top(affordable), unlimited=_find_top(frontier), frontier=frontier)


def _find_top(frontier: Sequence[JudgedPlan]) -> JudgedPlan:
    top = frontier[-1].point.quality
    return next(each for each in frontier if each.point.quality >= top - EQUAL)


def _list_plans(
    models: Sequence[str], prompts: Sequence[Prompt], check: AnswerCheck
) -> list[JudgedPlan]:
    answers = CheckedAnswers(len(models), prompts, check)
    count = len(prompts)
    found: list[JudgedPlan] = []
    prefixes: list[tuple[Plan, Point, list[float]]] = [((), Point(0.0, 0.0), [1.0] * count)]
    for stage in range(STAGES):
        grown: list[tuple[JudgedPlan, Plan, Point, list[float]]] = []
        for plan, so_far, reach in prefixes:
            for model in range(len(models)):
                if model in plan:
                    continue
                cost = so_far.cost + dot(reach, answers.cost[model]) / count
                quality = so_far.quality + dot(reach, answers.quality[model]) / count
                planned = JudgedPlan((*plan, model), Point(cost, quality))
                found.append(planned)
                grown.append((planned, plan, so_far, reach))
        if stage == STAGES - 1:
            break
        kept = grown if stage == 0 else _keep_best(grown)
        prefixes = [_extend(*each, answers) for each in kept]
    return found


def _keep_best(
    grown: list[tuple[JudgedPlan, Plan, Point, list[float]]],
) -> list[tuple[JudgedPlan, Plan, Point, list[float]]]:
    by_quality = sorted(grown, key=lambda each: (-each[0].point.quality, each[0].point.cost))
    on_frontier = {each.plan for each in _find_frontier(each[0] for each in grown)}
    kept = [each for each in grown if each[0].plan in on_frontier]
    return [*kept, *(each for each in by_quality[:BEAM] if each[0].plan not in on_frontier)]


def _extend(
    planned: JudgedPlan, _: Plan, so_far: Point, reach: list[float], answers: CheckedAnswers
) -> tuple[Plan, Point, list[float]]:
    """Return a plan as the beginning of longer ones: its last answer is checked as well."""
    model, count = planned.plan[-1], len(reach)
    gained = so_far.quality + dot(reach, answers.passed_good[model]) / count
    left = [each * (1 - passed) for each, passed in zip(reach, answers.passed[model], strict=True)]
    return planned.plan, Point(planned.point.cost, gained), left


def _find_frontier(plans: Iterable[JudgedPlan]) -> list[JudgedPlan]:
    frontier: list[JudgedPlan] = []
    for each in sorted(plans, key=lambda one: (one.point.cost, -one.point.quality, one.plan)):
        if not frontier or each.point.quality > frontier[-1].point.quality:
            frontier.append(each)
    return frontier
