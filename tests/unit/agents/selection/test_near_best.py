"""Laws of the choice near the best known model."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.selection.evidence.estimates import Estimate, Forecast, compute_interval
from agents.selection.evidence.near_best import NearBest, find_near_best
from agents.selection.preferences import Preference

PREFERENCES = st.sampled_from(Preference)
TOLERANCES = st.sampled_from([0.0, 0.005, 0.02, 0.1])


def estimated(
    quality: float, cost: float | None, *, mass: float = 100.0, seconds: float = 9.0
) -> Estimate:
    low, high = compute_interval(quality, mass)
    forecast = Forecast(
        quality=quality,
        low=low,
        high=high,
        mass=mass,
        evidence=mass - 6,
        observed=mass - 6,
        first_token_s=1.0,
        total_s=seconds,
        is_measured=True,
        cost_usd=None,
        health=None,
    )
    return Estimate(forecast, cost)


ESTIMATES = st.builds(
    estimated,
    st.integers(0, 20).map(lambda part: part / 20),
    st.none() | st.sampled_from([0.0, 0.001, 0.01, 0.1]),
    mass=st.sampled_from([6.5, 12.0, 60.0, 400.0]),
    seconds=st.sampled_from([1.0, 5.0, 30.0]),
)
OPTIONS = st.dictionaries(st.sampled_from("abcdefgh"), ESTIMATES, min_size=1)


def find(
    options: Mapping[str, Estimate], preference: Preference = Preference.BALANCED, **fields: object
) -> NearBest:
    return find_near_best(options, preference, **({"tolerance": 0.01} | fields))  # type: ignore[arg-type]


@settings(max_examples=300, deadline=None)
@given(options=OPTIONS, preference=PREFERENCES, tolerance=TOLERANCES, data=st.data())
def test_the_order_of_the_options_changes_nothing(
    options: dict[str, Estimate], preference: Preference, tolerance: float, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(sorted(options)))
    again = {id_: options[id_] for id_ in order}

    assert find(options, preference, tolerance=tolerance) == find(
        again, preference, tolerance=tolerance
    )


@settings(max_examples=300, deadline=None)
@given(options=OPTIONS, preference=PREFERENCES, tolerance=TOLERANCES, default=st.sampled_from("ab"))
def test_a_lower_price_never_loses_what_is_picked(
    options: dict[str, Estimate], preference: Preference, tolerance: float, default: str
) -> None:
    found = find(options, preference, tolerance=tolerance, default=default)
    if not found.is_known:
        return
    picked = options[found.picked]

    cheaper = options | {found.picked: picked._replace(cost_usd=picked.price / 2)}
    if picked.cost_usd is None:
        cheaper = options | {found.picked: picked._replace(cost_usd=0.0)}

    assert find(cheaper, preference, tolerance=tolerance, default=default).picked == found.picked


@settings(max_examples=300, deadline=None)
@given(
    options=st.dictionaries(
        st.sampled_from("abcdefgh"), ESTIMATES.filter(lambda each: each.is_known)
    ),
    preference=PREFERENCES,
    tolerance=TOLERANCES,
)
def test_a_larger_budget_never_makes_the_expected_quality_worse(
    options: dict[str, Estimate], preference: Preference, tolerance: float
) -> None:
    qualities = []
    for budget in (0.0, 0.001, 0.01, 0.1):
        within = {id_: each for id_, each in options.items() if each.price <= budget}
        if within:
            found = find(within, preference, tolerance=tolerance)
            qualities.append(options[found.picked].quality)

    loss = tolerance if preference is Preference.SPEED else 0.0
    for before, after in pairwise(qualities):
        assert after >= before - loss


@settings(max_examples=300, deadline=None)
@given(options=OPTIONS, preference=PREFERENCES, tolerance=TOLERANCES)
def test_a_model_that_another_one_beats_in_everything_is_never_picked(
    options: dict[str, Estimate], preference: Preference, tolerance: float
) -> None:
    found = find(options, preference, tolerance=tolerance)
    if not found.is_known:
        return
    picked = options[found.picked]

    for each in options.values():
        beats = (
            each.is_known
            and each.quality > picked.quality
            and each.low > picked.low
            and each.price < picked.price
            and each.forecast.total_s < picked.forecast.total_s
        )
        assert not beats


@settings(max_examples=300, deadline=None)
@given(options=OPTIONS, preference=PREFERENCES, tolerance=TOLERANCES)
def test_what_is_picked_is_known_and_within_the_tolerance(
    options: dict[str, Estimate], preference: Preference, tolerance: float
) -> None:
    found = find(options, preference, tolerance=tolerance)
    picked, best = options[found.picked], options[found.best]

    assert picked.quality >= best.quality - tolerance
    assert found.picked == found.best or picked.is_known
    assert found.is_known or not any(
        each.is_known and each.high >= best.quality for each in options.values()
    )


def test_a_cheap_model_of_which_little_is_known_does_not_win() -> None:
    options = {"known": estimated(0.9, 0.01), "new": estimated(0.9, 0.001, mass=7.0)}

    assert find(options).picked == "known"
    assert find(options | {"new": estimated(0.9, 0.001)}).picked == "new"


def test_speed_takes_the_fastest_in_place_of_the_cheapest() -> None:
    options = {
        "fast": estimated(0.90, 0.01, seconds=1.0),
        "cheap": estimated(0.90, 0.001, seconds=20.0),
        "fastest": estimated(0.80, 0.001, seconds=0.1),
    }

    assert find(options).picked == "cheap"
    assert find(options, Preference.SPEED).picked == "fast"


def test_the_best_known_is_the_one_with_the_highest_lower_bound() -> None:
    options = {"lucky": estimated(0.95, 0.1, mass=20.0), "proven": estimated(0.92, 0.1, mass=900.0)}

    assert find(options).best == "proven"


def test_a_default_holds_until_another_model_is_known_to_be_better() -> None:
    options = {"default": estimated(0.85, 0.01), "better": estimated(0.88, 0.02, mass=60.0)}
    certain = options | {"better": estimated(0.95, 0.02, mass=400.0)}

    def pick(among: dict[str, Estimate]) -> str:
        return find(among, default="default", anchored=True).picked

    assert pick(options) == "default"
    assert pick(certain) == "better"
    assert find(options, default="default").picked == "better"


@pytest.mark.parametrize("default", [None, "b"])
def test_nothing_known_gives_the_default_or_a_dear_model(default: str | None) -> None:
    options = {
        name: estimated(0.7, cost, mass=6.5)
        for name, cost in (("a", 0.1), ("b", 0.01), ("c", 0.02), ("d", 0.001), ("e", None))
    }

    assert find(options, default=default).picked == (default or "a")
    assert not find(options, default=default).is_known


def test_equal_models_leave_the_best_known_in_place() -> None:
    options = {"a": estimated(0.9, 0.0), "z": estimated(0.9, 0.0)}

    assert find(options, default="z", anchored=True).picked == "z"


def test_a_model_that_is_ill_is_compared_by_what_it_is_expected_to_do_now() -> None:
    well = estimated(0.9, 0.01)
    ill = well._replace(
        forecast=replace(well.forecast, quality=0.63, low=0.6, high=0.66, health="degraded")
    )

    assert find({"ill": ill, "well": estimated(0.8, 0.02)}).picked == "well"


def test_what_is_dearer_than_the_best_for_everything_must_be_better_by_its_price() -> None:
    options = {"single": estimated(0.80, 0.01), "dear": estimated(0.85, 0.025)}
    overall = {"single": 0.8, "dear": 0.7}
    far = options | {"dear": estimated(0.85, 0.04)}

    assert find(options, overall=overall).picked == "dear"
    assert find(far, overall=overall).picked == "single"
    assert find(far, overall=overall).too_dear == "dear"
    assert find(far).picked == "dear"
    assert find(far, Preference.QUALITY, overall=overall).picked == "dear"
    assert find(options, Preference.COST, overall=overall, tolerance=0.03).picked == "single"


def test_the_best_for_everything_is_the_cheapest_of_those_that_are_about_equal() -> None:
    options = {"dear": estimated(0.86, 1.0), "cheap": estimated(0.84, 0.01)}

    assert find(options, overall={"dear": 0.855, "cheap": 0.85}).picked == "cheap"
    assert find(options, overall={"dear": 0.86, "cheap": 0.85}).picked == "dear"


def test_the_default_is_never_too_dear_where_it_is_the_anchor() -> None:
    options = {"default": estimated(0.86, 1.0), "cheap": estimated(0.84, 0.01)}
    overall = {"default": 0.855, "cheap": 0.85}

    assert find(options, overall=overall, default="default").picked == "cheap"
    assert find(options, overall=overall, default="default", anchored=True).picked == "default"


def test_a_free_model_that_is_the_best_for_everything_leaves_a_hundredth_of_a_cent() -> None:
    options = {"free": estimated(0.80, 0.0), "paid": estimated(0.90, 0.00004)}
    overall = {"free": 0.85, "paid": 0.8}

    assert find(options, overall=overall).picked == "paid"
    assert find(options | {"paid": estimated(0.9, 0.001)}, overall=overall).picked == "free"


def test_a_model_of_which_only_leaderboards_tell_is_not_too_dear() -> None:
    options = {"rated": estimated(0.9, 1.0), "cheap": estimated(0.84, 0.01)}

    assert find(options, overall={"cheap": 0.84}).picked == "rated"
