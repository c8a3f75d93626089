"""Goals of COGO's choices that must hold for records of every shape."""

from math import sqrt

import pytest

from cogo.evaluation.routing.evaluation import EvaluationPlan, evaluate
from cogo.evaluation.routing.figures import RoutingFigures, summarize_splits
from cogo.evaluation.routing.learning import AnswerCheck
from tests.support.evaluation.routing_records import SHAPES

GOOD = AnswerCheck(name="good", accepts_good=0.95, accepts_bad=0.10)
SPLITS = 3
LOST = 2.0
"""Points that a choice may lose beside noise."""


class Measured:
    """The figures of one shape."""

    def __init__(self, shape: str) -> None:
        records = SHAPES[shape]()
        plan = EvaluationPlan(seeds=range(SPLITS), checks=[GOOD], steps=(0, 100))
        splits = [*evaluate(records, plan)]
        self.figures = summarize_splits(splits)
        self.noise = 100 * sqrt(0.25 / min(each.judged for each in splits))
        """Points of quality by which a mean over the judged prompts is off by chance."""

    def find(self, name: str, preference: str, check: str | None = None) -> RoutingFigures:
        """Return the figures of a policy that has learned."""
        [found] = [
            each
            for each in self.figures
            if (each.regime, each.name, each.preference, each.check)
            == ("learned", name, preference, check)
        ]
        return found


@pytest.fixture(scope="module", params=SHAPES)
def measured(request: pytest.FixtureRequest) -> Measured:
    return Measured(request.param)


def test_balanced_keeps_the_quality_of_the_best_single_model(measured: Measured) -> None:
    balanced = measured.find("scored", "balanced")

    assert balanced.points >= -LOST - measured.noise


def test_what_costs_more_than_the_best_single_model_is_better(measured: Measured) -> None:
    for preference in ("quality", "balanced", "cost"):
        found = measured.find("scored", preference)

        assert (found.cost_share or 0) <= 1.02 or found.points > -measured.noise / 2


def test_a_preference_for_cost_never_costs_more(measured: Measured) -> None:
    dear, usual, cheap = (
        measured.find("scored", each).cost_usd for each in ("quality", "balanced", "cost")
    )

    assert cheap <= usual * 1.01
    assert usual <= dear * 1.01


def test_a_good_check_keeps_the_quality_and_saves_or_gains(measured: Measured) -> None:
    cascade = measured.find("cascade", "balanced", GOOD.name)
    alone = measured.find("scored", "balanced")

    assert cascade.points >= -LOST - measured.noise
    assert cascade.points >= alone.points - measured.noise or cascade.cost_usd < alone.cost_usd
