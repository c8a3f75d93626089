"""Cascade plans are valued by their trials, and planning finds the best."""

import pytest

from agents.selection.policies.cascade_plan import (
    StageOdds,
    build_plans,
    find_cheapest,
    find_frontier,
)


class Table:
    """A table of known trials."""

    def __init__(self, **alone: tuple[float, float]) -> None:
        self.known: dict[tuple[tuple[str, ...], str], tuple[float, float]] = {
            ((), name): each for name, each in alone.items()
        }

    def get_odds(self, refused: tuple[str, ...], model_id: str) -> StageOdds | None:
        found = self.known.get((refused, model_id))
        if found is None:
            return None
        quality, cost = found
        return StageOdds(quality=quality, passed=quality, passed_good=quality, cost_usd=cost)


def test_a_rung_is_paid_only_for_what_the_one_before_it_lost() -> None:
    table = Table(cheap=(0.6, 1.0), dear=(0.9, 10.0))
    table.known[("cheap",), "dear"] = (0.75, 10.0)

    found = {each.stages: each for each in build_plans(["cheap", "dear"], table)}

    pair = found["cheap", "dear"]
    assert pair.quality == pytest.approx(0.6 + 0.4 * 0.75)
    assert pair.cost_usd == pytest.approx(1.0 + 0.4 * 10.0)
    assert ("dear", "cheap") not in found


def test_the_frontier_has_nothing_that_another_one_beats() -> None:
    table = Table(a=(0.5, 1.0), b=(0.4, 2.0), c=(0.9, 3.0), d=(0.9, 4.0))

    best = find_frontier(build_plans(["a", "b", "c", "d"], table, stages=1))

    assert [each.stages for each in best] == [("a",), ("c",)]


def test_the_cheapest_that_is_good_enough_is_found() -> None:
    table = Table(a=(0.5, 1.0), b=(0.7, 2.0), c=(0.9, 3.0))
    found = build_plans(["a", "b", "c"], table, stages=1)

    reached = find_cheapest(found, 0.6)
    assert reached is not None
    assert reached.stages == ("b",)
    assert find_cheapest(found, 0.95) is None


def test_many_models_stay_a_bounded_work() -> None:
    names = [f"m{n}" for n in range(60)]

    class Same:
        asked = 0

        def get_odds(self, refused: tuple[str, ...], model_id: str) -> StageOdds:
            self.asked += 1
            return StageOdds(
                quality=0.5, passed=0.5, passed_good=0.5, cost_usd=1 + int(model_id[1:])
            )

    trials = Same()
    found = build_plans(names, trials)

    assert trials.asked < 60 + 60 * 60 + 100 * 60
    assert max(len(each.stages) for each in found) == 3
