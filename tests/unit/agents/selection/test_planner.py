"""Plans of cascades: what holds for any models, and what is known of failures and checks."""

from collections.abc import Mapping
from itertools import permutations
from math import sqrt
from statistics import NormalDist
from typing import Final

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agents.selection.evidence.checks import (
    EXPECTED,
    Acceptance,
    estimate_acceptance,
    parse_check_name,
)
from agents.selection.evidence.failures import (
    NO_FAILURES,
    SHARED,
    FailureRecords,
    Failures,
    Option,
    RemainingTasks,
    Rescues,
    spread_quality,
)
from agents.selection.evidence.observations import CheckAccuracy, Observations, Observed
from agents.selection.model_profiles import UNKNOWN_MAKER
from agents.selection.policies.planner import (
    MAX_RUNGS,
    PlanLimits,
    PlannedCascade,
    Tolerance,
    plan_cascade,
)
from agents.selection.policy import Plan

BEST: Final = Tolerance(loss=0.0, share=0.0)
RUN: Final = EXPECTED["run"]
BLIND: Final = Acceptance(1.0, 1.0)

SHARES = st.floats(0.01, 0.99)
PRICES = st.sampled_from([0.0, 1e-6, 1e-4, 1e-3, 0.01, 0.1, 1.0])


@st.composite
def option_lists(draw: st.DrawFn, least: int = 1, most: int = 6) -> list[Option]:
    """Draw a few models."""
    return [
        Option(
            f"m{n}", draw(st.sampled_from("AB")), draw(SHARES), draw(PRICES), draw(st.floats(0, 60))
        )
        for n in range(draw(st.integers(least, most)))
    ]


def plan(
    options: list[Option],
    acceptance: Acceptance = RUN,
    *,
    failures: Failures = NO_FAILURES,
    tolerance: Tolerance = BEST,
    limits: PlanLimits | None = None,
) -> PlannedCascade:
    remaining = RemainingTasks(failures, acceptance)
    planned = plan_cascade(options, remaining, tolerance=tolerance, limits=limits or PlanLimits())
    assert planned is not None
    return planned


def evaluate(models: tuple[Option, ...], acceptance: Acceptance, shared: float) -> float:
    """Return the quality of a plan, task by task, where tasks are spread over all hardness."""
    quality, steps = 0.0, 400
    normal = NormalDist()
    for step in range(steps):
        hardness = normal.inv_cdf((step + 0.5) / steps)
        chances = [
            normal.cdf((normal.inv_cdf(each.quality) - sqrt(shared) * hardness) / sqrt(1 - shared))
            for each in models
        ]
        reach = 1.0
        for chance in chances[:-1]:
            quality += reach * acceptance.good * chance / steps
            reach *= 1 - acceptance.accept(chance)
        quality += reach * chances[-1] / steps
    return quality


@settings(max_examples=100, deadline=None)
@given(option_lists(2), SHARES, st.data())
def test_a_plan_is_worth_what_its_tasks_come_to(
    options: list[Option], shared: float, data: st.DataObject
) -> None:
    options = [each._replace(maker=each.model_id) for each in options]
    acceptance = Acceptance(data.draw(st.floats(0.5, 1.0)), data.draw(st.floats(0.0, 0.5)))

    found = plan(options, acceptance, failures=Failures(shared=shared)).best

    assert found.quality == pytest.approx(evaluate(found.options, acceptance, shared), abs=0.005)
    others = (
        evaluate(models, acceptance, shared)
        for length in (1, 2, 3)
        for models in permutations(options, min(length, len(options)))
    )
    assert found.quality >= max(others) - 0.01


@settings(max_examples=100, deadline=None)
@given(option_lists(), st.data())
def test_a_better_check_never_lowers_the_expected_quality(
    options: list[Option], data: st.DataObject
) -> None:
    options = [each._replace(maker=each.model_id) for each in options]
    good, bad = data.draw(st.floats(0.0, 1.0)), data.draw(st.floats(0.0, 1.0))
    better = Acceptance(data.draw(st.floats(good, 1.0)), data.draw(st.floats(0.0, bad)))

    before, after = plan(options, Acceptance(good, bad)), plan(options, better)

    # Of plans of three not all are searched.
    assert after.best.quality >= before.best.quality - (0.003 if len(options) > 2 else 1e-9)
    assert after.best.quality >= max(each.quality for each in options) - 1e-9


@settings(max_examples=50, deadline=None)
@given(option_lists(), st.floats(0.0, 0.1), st.floats(0.0, 1.0))
def test_a_check_that_accepts_everything_gives_the_single_choice(
    options: list[Option], loss: float, share: float
) -> None:
    planned = plan(options, BLIND, tolerance=Tolerance(loss=loss, share=share))

    assert len(planned.plan.options) == 1
    assert planned.plan == planned.alone
    best = max(each.quality for each in options)
    good_enough = [each for each in options if each.quality >= best - loss]
    assert planned.plan.cost_usd == min(each.cost_usd for each in good_enough)


@settings(max_examples=100, deadline=None)
@given(option_lists(), st.floats(0.0, 0.1), st.floats(0.0, 0.5), st.booleans())
def test_a_plan_is_no_worse_than_tolerated_and_no_dearer_than_the_best(
    options: list[Option], loss: float, share: float, saves_time: bool
) -> None:
    tolerance = Tolerance(loss=loss, share=share, saves_time=saves_time)

    planned = plan(options, tolerance=tolerance)

    single = max(each.quality for each in options)
    assert planned.plan.quality >= single - loss - 1e-6
    assert (
        planned.plan.quality
        >= planned.best.quality - max(loss, share * (planned.best.quality - single)) - 1e-6
    )
    if saves_time:
        assert planned.plan.seconds <= planned.best.seconds * 1.05 + 1e-9
    else:
        assert planned.plan.cost_usd <= planned.best.cost_usd * 1.05 + 1e-9
    assert len({*planned.plan.models}) == len(planned.plan.models) <= MAX_RUNGS
    assert planned.plan.reaches[0] == 1.0
    assert all(a >= b for a, b in zip(planned.plan.reaches, planned.plan.reaches[1:], strict=False))


@settings(max_examples=100, deadline=None)
@given(option_lists(1, 2), st.integers(0, 1), st.floats(1.0, 1e4))
def test_a_higher_price_never_makes_plans_cheaper(
    options: list[Option], which: int, factor: float
) -> None:
    options = [each._replace(cost_usd=each.cost_usd + 1e-6) for each in options]
    assume(which < len(options))
    dearer = [
        each._replace(cost_usd=each.cost_usd * factor) if n == which else each
        for n, each in enumerate(options)
    ]
    tolerance = Tolerance(loss=0.01, share=0.15)

    before, after = plan(options, tolerance=tolerance), plan(dearer, tolerance=tolerance)

    assert after.best.quality == pytest.approx(before.best.quality, abs=1e-6)
    # A shorter plan is preferred up to this factor.
    assert after.plan.cost_usd >= before.plan.cost_usd / 1.05 - 1e-12


@settings(max_examples=100, deadline=None)
@given(option_lists(), st.floats(0.0, 200.0), st.floats(0.0, 2.0))
def test_a_plan_keeps_its_limits_even_if_all_its_models_are_asked(
    options: list[Option], seconds: float, usd: float
) -> None:
    limits = PlanLimits(usd=usd, seconds=seconds)

    planned = plan_cascade(options, RemainingTasks(NO_FAILURES, RUN), tolerance=BEST, limits=limits)

    fitting = [each for each in options if each.cost_usd <= usd and each.seconds * 1.25 <= seconds]
    assert (planned is None) is (not fitting)
    for each in (planned.plan, planned.best, planned.alone) if planned else ():
        assert sum(option.cost_usd for option in each.options) <= usd + 1e-9
        assert sum(option.seconds for option in each.options) * 1.25 <= seconds + 1e-6


def test_an_unknown_price_is_no_price() -> None:
    known = Option("known", "A", 0.5, 0.01, 1.0)
    unknown = Option("unknown", "B", 0.99, float("inf"), 1.0)

    assert plan([known, unknown]).best.models == ("known",)
    assert plan_cascade([unknown], RemainingTasks(NO_FAILURES, RUN), tolerance=BEST) is None


def test_a_dear_model_is_asked_only_for_what_a_cheap_one_leaves() -> None:
    cheap, dear = Option("cheap", "A", 0.85, 0.001, 5.0), Option("dear", "B", 0.9, 1.0, 5.0)

    planned = plan([cheap, dear], tolerance=Tolerance(loss=0.01, share=0.15))

    assert planned.plan.models == ("cheap", "dear")
    assert planned.plan.quality > 0.92
    assert planned.plan.cost_usd == pytest.approx(0.001 + 1.0 * planned.plan.reaches[1])
    assert planned.plan.reaches[1] == pytest.approx(1 - RUN.accept(0.85))


def test_the_best_of_what_was_refused_is_handed_over() -> None:
    strong, weak = Option("strong", "A", 0.6, 0.0, 1.0), Option("weak", "B", 0.3, 0.0, 1.0)
    strict = RemainingTasks(NO_FAILURES, Acceptance(0.7, 0.1))

    last = plan_cascade([strong, weak], strict, tolerance=BEST)
    best = plan_cascade([strong, weak], strict, tolerance=BEST, keeps_best=True)

    assert last is not None
    assert best is not None
    assert last.best.models == ("weak", "strong")
    assert best.best.models == ("strong", "weak")
    assert best.best.quality > last.best.quality


def test_a_hundred_models_are_searched_without_losing_the_best_plans() -> None:
    options = [
        Option(f"m{n}", f"maker {n % 9}", 0.3 + 0.6 * (n / 99) ** 0.5, 1e-5 * 1.1**n, 5.0)
        for n in range(100)
    ]
    few = [*options[::12], options[-1], options[-2]]

    assert plan(options).best.quality >= plan(few).best.quality - 0.002


def observe(share: float, rescued: float, n: float = 400.0) -> FailureRecords:
    """Observe two models of this quality, each of which does so much of what the other leaves."""
    outcomes = {(id_, "maths"): Observed(judged=n, good=share * n) for id_ in ("a", "b")}
    left = n * (1 - RUN.accept(share))
    rescues: Mapping[tuple[tuple[str, ...], str, str], Observed] = {
        ((one,), other, "maths"): Observed(judged=left, good=left * rescued)
        for one, other in (("a", "b"), ("b", "a"))
    }
    return FailureRecords(Observations(outcomes=outcomes, rescues=rescues))


def test_failures_together_are_learned_from_what_is_seen() -> None:
    together, apart = observe(0.8, 0.15), observe(0.8, 0.8)

    assert together.get("maths", RUN).shared > SHARED > apart.get("maths", RUN).shared
    assert together.get("prose", RUN).shared > SHARED
    assert not together.get("prose", RUN).rescues
    assert FailureRecords(Observations()).get("maths", RUN) == NO_FAILURES


@pytest.mark.parametrize("shared", [0.0, 0.3, 0.6, 0.9])
def test_how_much_is_shared_is_found_in_what_followed_failures(shared: float) -> None:
    qualities = {"a": 0.5, "b": 0.65, "c": 0.8, "d": 0.9}
    options = {id_: Option(id_, UNKNOWN_MAKER, share, 0.0, 1.0) for id_, share in qualities.items()}
    outcomes = {
        (id_, "maths"): Observed(judged=1_000.0, good=1_000.0 * share)
        for id_, share in qualities.items()
    }
    rescues: dict[tuple[tuple[str, ...], str, str], Observed] = {}
    for first, second in permutations(options, 2):
        remaining = RemainingTasks(Failures(shared=shared), RUN).refuse(options[first])
        good = remaining.expect([options[second]])[0]
        rescues[(first,), second, "maths"] = Observed(judged=300.0, good=300.0 * good)

    found = FailureRecords(Observations(outcomes=outcomes, rescues=rescues)).get("maths", RUN)

    assert found.shared == pytest.approx(shared, abs=0.05)


@pytest.mark.parametrize("shared", [0.0, 0.4, 0.99])
@pytest.mark.parametrize("quality", [0.02, 0.5, 0.8, 0.97])
def test_hard_tasks_are_done_less_well_and_all_come_to_the_quality(
    quality: float, shared: float
) -> None:
    steps = spread_quality(quality, shared)

    assert sum(steps) / len(steps) == pytest.approx(quality, abs=0.005)
    assert list(steps) == sorted(steps, reverse=True)
    assert (steps[0] - steps[-1] > 0.1) is (shared > 0)


def test_a_rescue_that_was_seen_moves_the_expectation_as_often_as_it_was_seen() -> None:
    first, second = Option("a", "A", 0.8, 0.0, 1.0), Option("b", "B", 0.8, 0.0, 1.0)

    def expect(judged: float) -> float:
        seen: Rescues = {("a",): {"b": (judged, 0.0)}}
        return RemainingTasks(Failures(rescues=seen), RUN).refuse(first).expect([second])[0]

    none, few, many = (expect(judged) for judged in (0.0, 5.0, 500.0))
    assert none > few > many
    assert few > none / 2
    assert many < 0.05


def test_the_best_of_the_refused_answers_counts_less_where_models_fail_together() -> None:
    strict = Acceptance(0.5, 0.0)
    options = [Option(id_, UNKNOWN_MAKER, 0.8, 0.0, 1.0) for id_ in ("a", "b")]

    def expect(shared: float) -> tuple[float, float]:
        remaining = RemainingTasks(Failures(shared=shared), strict).refuse(options[0])
        assert remaining.kept == pytest.approx(0.4 / 0.6, abs=0.01)
        return remaining.expect_best(options[1:])[0]

    (apart, either_apart), (together, either_together) = expect(0.0), expect(0.99)
    assert apart == pytest.approx(0.8, abs=0.01)
    assert either_apart == pytest.approx(0.4 + 0.4, abs=0.01)
    assert together == pytest.approx(0.4 / 0.6, abs=0.02)
    assert either_together == pytest.approx(together, abs=0.02)


def test_models_of_one_maker_fail_together_more_often() -> None:
    remaining = RemainingTasks(NO_FAILURES, RUN).refuse(Option("a", "A", 0.8, 0.0, 1.0))

    same, other, unknown = remaining.expect(
        [
            Option("b", "A", 0.8, 0.0, 1.0),
            Option("c", "B", 0.8, 0.0, 1.0),
            Option("d", "", 0.8, 0.0, 1.0),
        ]
    )

    assert same < other == unknown < 0.8


def test_a_check_is_expected_to_be_what_was_seen_of_it() -> None:
    lenient = CheckAccuracy(good=1_000.0, good_passed=1_000.0, bad=1_000.0, bad_passed=800.0)

    assert estimate_acceptance("run", None) == EXPECTED["run"]
    assert estimate_acceptance("run", CheckAccuracy()) == EXPECTED["run"]
    assert estimate_acceptance("run", lenient).bad == pytest.approx(0.79, abs=0.01)
    assert estimate_acceptance("run", lenient).good > 0.99
    assert [parse_check_name(each) for each in ("form", "run", "later", None, ["form"])] == [
        "form", "run", None, None, None,
    ]  # fmt: skip


def test_a_plan_knows_its_expected_cost_and_time() -> None:
    found = Plan(
        (Option("a", "A", 0.5, 1.0, 10.0), Option("b", "B", 0.9, 10.0, 20.0)), (1.0, 0.5), 0.8
    )

    assert (found.models, found.cost_usd, found.seconds) == (("a", "b"), 6.0, 20.0)
