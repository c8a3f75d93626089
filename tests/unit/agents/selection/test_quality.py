"""What outcomes are taken to say of quality: laws, and models whose quality is known."""

from collections.abc import Mapping
from random import Random
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.selection.evidence.estimates import Forecaster, compute_interval
from agents.selection.evidence.leaderboards import get_ratings, load_leaderboards
from agents.selection.evidence.observations import Observations, Observed
from agents.selection.evidence.priors import find_parameters
from agents.selection.evidence.quality import BASE, KNOWN_EVIDENCE, QualityModel
from agents.selection.evidence.usage import MeanModel
from tests.support.agents.selection import CATALOGUE, seen

Outcomes = Mapping[tuple[str, str], Observed]


def learn(outcomes: Outcomes, **offsets: float) -> QualityModel:
    return QualityModel(outcomes, ratings={}, offsets=offsets)


OBSERVED = st.builds(
    lambda judged, share: Observed(judged=judged, good=judged * share),
    st.floats(0, 500),
    st.floats(0, 1),
)
OUTCOMES = st.dictionaries(
    st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), OBSERVED, max_size=9
)


@settings(max_examples=200, deadline=None)
@given(outcomes=OUTCOMES, model=st.sampled_from("abcd"), kind=st.sampled_from("xyzw"))
def test_an_expectation_is_a_share_with_an_interval_around_it(
    outcomes: dict[tuple[str, str], Observed], model: str, kind: str
) -> None:
    expected = learn(outcomes).expect(model, kind)
    low, high = compute_interval(expected.mean, expected.mass)

    assert 0 <= low <= expected.mean <= high <= 1
    assert expected.mass > 0
    assert expected.evidence >= 0


@settings(max_examples=100, deadline=None)
@given(outcomes=OUTCOMES, data=st.data())
def test_answers_that_nobody_judged_and_the_order_of_outcomes_change_nothing(
    outcomes: dict[tuple[str, str], Observed], data: st.DataObject
) -> None:
    order = data.draw(st.permutations(sorted(outcomes)))
    unjudged = {("e", "v"): Observed(answered=99.0, total_ms=5.0)}

    one, other = learn(outcomes), learn({key: outcomes[key] for key in order} | unjudged)

    for model in "abcd":
        for kind in "xyzw":
            assert one.expect(model, kind).mean == pytest.approx(other.expect(model, kind).mean)


def test_models_of_which_hardly_anything_was_judged_do_not_make_the_others_alike() -> None:
    """They are near what is expected of them since nothing moves them, not since they are."""
    judged = {("a", "x"): seen(40, 0.95), ("b", "x"): seen(40, 0.5), ("c", "y"): seen(30, 0.3)}
    traces = {(f"m{n}", kind): seen(0.01, 0.7) for n in range(30) for kind in "xyz"}

    one, other = learn(judged), learn(judged | traces)

    for model, kind in (("a", "x"), ("b", "x"), ("c", "x"), ("new", "x")):
        before, after = one.expect(model, kind), other.expect(model, kind)
        assert after.mean == pytest.approx(before.mean, abs=0.02)
        assert after.mass == pytest.approx(before.mass, rel=0.1)


def test_nothing_observed_is_the_base_for_everybody_and_easier_for_easy_work() -> None:
    nothing = learn({}, chat=2.0)

    assert nothing.expect("a", "code").mean == pytest.approx(BASE)
    assert nothing.expect("a", "chat").mean > 0.9
    assert nothing.expect("a", "code").evidence == 0


def test_a_good_answer_more_raises_and_a_bad_one_lowers_the_expectation() -> None:
    means = [
        learn({("a", "x"): Observed(judged=20, good=good)}).expect("a", "x").mean
        for good in range(21)
    ]

    assert means == sorted(means)
    assert means[20] - means[0] > 0.6


def test_what_a_model_does_elsewhere_informs_but_its_own_outcomes_count_more() -> None:
    others = {(model, kind): seen(100, 0.7) for model in "cd" for kind in "xyz"}
    strong = {("a", kind): seen(100, 0.95) for kind in "xy"}
    learned = learn(others | strong)

    assert learned.expect("a", "z").mean > learned.expect("b", "z").mean + 0.05
    failed = learn(others | strong | {("a", "z"): seen(60, 0.1)})
    assert failed.expect("a", "z").mean < 0.25
    assert failed.expect("a", "x").mean > 0.8


def test_a_hard_kind_of_work_is_no_sign_of_a_weak_model() -> None:
    outcomes = {("a", "hard"): seen(100, 0.4), ("c", "hard"): seen(100, 0.3)} | {
        ("b", "easy"): seen(100, 0.9),
        ("c", "easy"): seen(100, 0.88),
    }
    learned = learn(outcomes)

    assert learned.expect("a", "easy").mean > 0.8
    assert learned.expect("b", "hard").mean < 0.55


def test_the_best_of_fifty_models_with_few_answers_is_not_taken_for_much_better() -> None:
    """Of equal models one is the best by chance, which must not be believed."""
    gaps, raw = [], []
    for seed in range(10):
        random = Random(seed)  # noqa: S311  no secret
        outcomes = {}
        for number in range(50):
            for kind in "xyz":
                good = sum(random.random() < 0.8 for _ in range(12))
                outcomes[f"m{number}", kind] = Observed(judged=12, good=good)
        learned = learn(outcomes)
        gaps.append(max(learned.expect(f"m{n}", "x").mean for n in range(50)) - 0.8)
        raw.append(max(outcomes[f"m{n}", "x"].good / 12 for n in range(50)) - 0.8)

    assert fmean(raw) > 0.15
    assert fmean(gaps) < fmean(raw) / 2


def test_models_that_fail_at_a_kind_do_not_hide_small_differences_of_the_others() -> None:
    fine = {(f"m{n}", kind): seen(40, 0.8) for n in range(12) for kind in "xyz"}
    broken = {(f"b{n}", "x"): seen(40, 0.02) for n in range(3)}
    lucky = {("m0", "x"): seen(40, 0.9)}

    def rise(outcomes: Outcomes) -> float:
        learned = learn(outcomes)
        return learned.expect("m0", "x").mean - learned.expect("m1", "x").mean

    assert rise(fine | broken | lucky) == pytest.approx(rise(fine | lucky), abs=0.03)
    assert learn(fine | broken).expect("b0", "x").mean < 0.15


def test_more_judgements_make_the_interval_narrower() -> None:
    def width(judged: float) -> float:
        expected = learn({("a", "x"): seen(judged, 0.8)}).expect("a", "x")
        low, high = compute_interval(expected.mean, expected.mass)
        return high - low

    widths = [width(judged) for judged in (1, 5, 25, 125, 625)]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 0.3
    assert widths[-1] < 0.1


def test_choosing_by_kind_gains_only_where_models_are_best_at_different_work() -> None:
    def gain(share: float) -> float:
        outcomes = {
            ("a", "x"): seen(300, 0.9),
            ("a", "y"): seen(300, share),
            ("b", "x"): seen(300, share),
            ("b", "y"): seen(300, 0.9),
        }
        return Forecaster(Observations(outcomes=outcomes)).gain

    assert gain(0.5) > 0.15
    assert gain(0.9) < 0.005
    assert Forecaster(Observations(outcomes={("a", "x"): seen(9, 0.5)})).gain == 0


def test_leaderboards_name_models_of_the_catalogue_and_order_them() -> None:
    boards = load_leaderboards()
    learned = QualityModel({}, ratings=get_ratings(), offsets={})

    assert boards
    for board in boards:
        assert board.source.startswith("https://")
        assert set(board.scores) <= set(CATALOGUE.models)
        assert all(0 < score <= board.scale for score in board.scores.values())
    strong, weak = (learned.expect(each, "x").mean for each in ("claude-opus-5-5", "gpt-4o-mini"))
    assert strong > learned.expect("unheard-of", "x").mean > weak


def test_a_wordy_model_is_expected_to_be_wordy_at_other_work_and_means_may_fall() -> None:
    measured = {("wordy", "x"): (3_000.0, 40.0), ("terse", "x"): (100.0, 40.0)}
    learned = MeanModel(measured, {"x": 1_000.0})

    wordy, terse, other = (learned.expect(each, "y", 500.0) for each in ("wordy", "terse", "new"))
    assert wordy > other > terse
    assert learned.expect("terse", "x", 1_000.0) < 300
    assert MeanModel({}, {}).expect("a", "x", 700.0, factor=2.0) == pytest.approx(1_400)


@pytest.mark.parametrize(
    ("model", "billions"),
    [
        ("smollm2-135m-instruct", 0.135),
        ("ollama/llama3.2:1b", 1),
        ("ollama/qwen2.5:0.5b-q4", 0.5),
        ("mixtral-8x7b", 56),
        ("qwen3-coder-480b-a35b-instruct", 480),
        ("claude-3.5-sonnet", None),
        ("gpt-4o-mini", None),
        ("minimax-m2.5", None),
        ("kimi-k2p7-code", None),
    ],
)
def test_the_name_of_an_open_weight_model_states_its_parameters(
    model: str, billions: float | None
) -> None:
    assert find_parameters(model) == billions


def test_less_is_expected_of_small_models_until_they_are_judged() -> None:
    nothing = Forecaster(Observations()).qualities
    expected = [nothing.expect(f"x-{size}", "code-generation") for size in ("135m", "1b", "4b")]
    usual = nothing.expect("x", "code-generation")
    large = nothing.expect("x-400b", "code-generation")

    assert [each.mean for each in expected] == pytest.approx([0.19, 0.40, 0.59], abs=0.02)
    assert usual.mean == large.mean == pytest.approx(BASE)
    assert all(each.evidence == 0 for each in expected)

    judged = Observed(judged=200, good=190)
    seen_of_it = Forecaster(Observations(outcomes={("x-1b", "code-generation"): judged})).qualities
    assert seen_of_it.expect("x-1b", "code-generation").mean > 0.9


def test_one_figure_of_a_leaderboard_makes_a_model_known() -> None:
    rating = {("a", "board"): Observed(judged=20.0, good=16.0)}
    model = QualityModel({}, ratings=rating, offsets={})

    assert model.expect("a", "chat").evidence == KNOWN_EVIDENCE
    assert model.expect("b", "chat").evidence == 0
