"""RoutingFigures of records whose best choice is known, and bounds that hold for every shape."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from agents.selection.choice import Choice
from cogo.evaluation.routing import evaluation
from cogo.evaluation.routing.cascades import find_ceiling, play_plan
from cogo.evaluation.routing.columns import Named
from cogo.evaluation.routing.evaluation import EvaluationPlan, count_steps, evaluate, sample_prompts
from cogo.evaluation.routing.figures import RoutingFigures, summarize_splits
from cogo.evaluation.routing.learning import AnswerCheck, Observer
from cogo.evaluation.routing.picture import draw
from cogo.evaluation.routing.product import Product, list_lanes
from cogo.evaluation.routing.reading import read_records
from cogo.evaluation.routing.records import BadRecords, Point, Prompt, Records
from protocol.records.models import PolicyName
from tests.support.evaluation.routing_records import SHAPES, long_csv, make_records

GOOD = AnswerCheck(name="good", accepts_good=0.95, accepts_bad=0.10)
PERFECT = AnswerCheck(name="perfect", accepts_good=1.0, accepts_bad=0.0)
STEPS = (0, 20, 60)
RUBBER = AnswerCheck(name="rubber stamp", accepts_good=1.0, accepts_bad=1.0)


def measure(records: Records, *, splits: int = 2, **settings: Any) -> list[RoutingFigures]:
    return summarize_splits(
        [*evaluate(records, EvaluationPlan(seeds=range(splits), **{"steps": STEPS, **settings}))]
    )


def find(
    figures: Sequence[RoutingFigures], name: str, regime: str = "baseline", **others: object
) -> RoutingFigures:
    [found] = [
        each
        for each in figures
        if (each.name, each.regime) == (name, regime)
        and all(getattr(each, key) == value for key, value in others.items())
    ]
    return found


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> list[RoutingFigures]:
    """Measure records where `mid` is the best model at one category of three."""
    path = long_csv(tmp_path_factory.mktemp("records") / "x.csv", prompts=600)
    return measure(read_records(path, Named()), splits=3, checks=[PERFECT, GOOD, RUBBER])


def test_baselines_are_those_of_the_file(known: list[RoutingFigures]) -> None:
    single, cheapest, random, oracle, prior = (
        find(known, name)
        for name in ("best single", "cheapest", "random", "oracle", "best by category")
    )

    assert (single.points, single.cost_share, single.chosen) == (0, 1, {"dear": 1.0})
    assert cheapest.chosen == {"cheap": 1.0}
    assert cheapest.cost_usd == min(each.cost_usd for each in known)
    assert oracle.quality == max(each.quality for each in known)
    assert random.quality < single.quality < prior.quality <= oracle.quality
    assert prior.chosen == pytest.approx({"dear": 2 / 3, "mid": 1 / 3}, abs=0.05)


def test_the_best_cascade_gains_more_with_a_better_check(known: list[RoutingFigures]) -> None:
    best = {each.check: each for each in known if each.name == "best cascade"}

    assert best["perfect"].points > best["good"].points > best["rubber stamp"].points
    assert best["perfect"].quality == pytest.approx(find(known, "oracle").quality)
    assert best["rubber stamp"].points == 0
    assert all(each.gain_share in {1, None} for each in best.values())
    assert all((each.cost_share or 0) <= 1 + 1e-9 for each in best.values())


def test_a_plan_is_played_as_calls_and_checks_would_go() -> None:
    prompt = Prompt(id="p", category="all", quality=(0.0, 1.0), cost=(1.0, 10.0))

    assert play_plan(prompt, (0, 1), GOOD) == pytest.approx((1 + 0.9 * 10, 0.9))
    assert play_plan(prompt, (1, 0), GOOD) == pytest.approx((10 + 0.05 * 1, 0.95))
    assert play_plan(prompt, (0,), GOOD) == Point(1, 0)


def test_no_plan_of_three_models_is_better_than_the_ceiling() -> None:
    records = make_records({"a": (0.5, 1.0), "b": (0.6, 2.0), "c": (0.7, 9.0)}, prompts=60)
    plans = [plan for count in (1, 2, 3) for plan in permutations(range(3), count)]
    count = len(records.prompts)
    qualities = {
        plan: sum(play_plan(each, plan, GOOD).quality for each in records.prompts) / count
        for plan in plans
    }

    ceiling = find_ceiling(records.models, records.prompts, GOOD, most_usd=1e9)

    assert ceiling.best.point.quality == pytest.approx(max(qualities.values()), abs=0.001)
    assert qualities[ceiling.best.plan] == pytest.approx(ceiling.best.point.quality)


def test_the_ceilings_say_what_a_limit_of_cost_and_one_plan_for_all_give_up() -> None:
    shares = {"sql": 0.9, "java": 0.2, "chat": 0.6}, {"sql": 0.2, "java": 0.9, "chat": 0.6}
    records = make_records({"a": (shares[0], 1e-3), "b": (shares[1], 1e-3)}, prompts=300)

    figures = measure(records, checks=[GOOD])
    limited, unlimited, by_category = (
        find(figures, f"best cascade{which}") for which in ("", " at any cost", " by category")
    )

    assert limited.points < unlimited.points < by_category.points
    assert (limited.cost_share or 0) <= 1.0 + 0.05 < (unlimited.cost_share or 0)
    assert (by_category.cost_usd or 0) < unlimited.cost_usd
    assert limited.gain_share in {1.0, None}


def test_a_learning_policy_sees_only_the_answers_that_it_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    choose, counts = Product.choose, list[int]()

    def spy(self: Product, category: str, policy: PolicyName, **others: Any) -> Choice:
        choice = choose(self, category, policy, **others)
        if others.get("seed"):
            outcomes = others["knowledge"].observations.outcomes
            counts.append(sum(each.answered for each in outcomes.values()))
        return choice

    monkeypatch.setattr(Product, "choose", spy)
    measure(SHAPES["24 models"](), splits=1, steps=(0, 45))

    assert counts[:46] == [number // 10 * 10 for number in range(46)]


def test_an_observer_counts_what_it_saw_and_no_more() -> None:
    prompts = [
        Prompt(id="1", category="sql", quality=(1.0, 0.0), cost=(1.0, 3.0)),
        Prompt(id="2", category="sql", quality=(0.5, 0.0), cost=(3.0, 3.0)),
    ]
    observer = Observer(Product.of(("a", "b"), prompts, default=None), GOOD)
    for prompt in prompts:
        observer.see(prompt, 0)

    observations = observer.build()
    [(key, seen)] = observations.outcomes.items()
    [accuracy] = observations.checks.values()

    assert key == ("a", "sql")
    assert (seen.judged, seen.good, seen.cost_usd) == (2, 1.5, 2.0)
    assert (accuracy.good, accuracy.bad) == (1.5, 0.5)
    assert (accuracy.good_passed, accuracy.bad_passed) == pytest.approx((1.5 * 0.95, 0.5 * 0.1))


def test_a_split_depends_on_ids_and_the_seed_only() -> None:
    records = SHAPES["one category"]()
    turned = Records(models=records.models, prompts=records.prompts[::-1])

    for seed in (0, 1):
        learned, judged = records.split(seed=seed, share=0.5)
        assert {each.id for each in learned} | {each.id for each in judged} == {
            each.id for each in records.prompts
        }
        assert len(learned) + len(judged) == len(records.prompts)
        assert [each.id for each in turned.split(seed=seed, share=0.5)[0]] == [
            each.id for each in learned
        ]
    assert records.split(seed=0, share=0.5) != records.split(seed=1, share=0.5)


def test_too_few_prompts_are_refused() -> None:
    records = make_records({"a": (0.5, 1.0), "b": (0.5, 1.0)}, prompts=1)

    with pytest.raises(BadRecords, match="too few to split"):
        measure(records)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_measured_and_drawn(shape: str) -> None:
    records, steps = SHAPES[shape](), []
    settings = EvaluationPlan(seeds=range(2), steps=STEPS, checks=[GOOD])

    splits = [*evaluate(records, settings, lambda: steps.append(1))]

    figures = summarize_splits(splits)
    oracle, single = find(figures, "oracle"), find(figures, "best single")
    assert all(each.quality <= oracle.quality + 1e-9 for each in figures if each.check is None)
    assert (single.points, single.cost_share) == (0, 1 if single.cost_usd else None)
    assert len(steps) == count_steps(settings)
    picture = draw(splits, title="<a & b>")
    assert ET.fromstring(picture).tag.endswith("svg")  # noqa: S314 - our own
    assert 'stroke="#000000"' in picture  # the oracle, in a colour that no policy has


def test_names_of_models_may_be_anything() -> None:
    names = ("Default", "gpt 4", "GPT-4", "coding", "x" * 300, "é|\n", "fast (2)")
    records = make_records(dict.fromkeys(names, (0.5, 0.001)), prompts=4)
    product = Product.of(records.models, records.prompts, default=2)

    choice = product.choose("sql", PolicyName.RULES)

    assert product.find(choice.selected.model_id) == 2
    assert len({each.casefold() for each in list_lanes(names)}) == len(names)


def test_large_records_are_compared_by_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    records = SHAPES["two models, a thousandfold apart"]()
    whole = find(measure(records, checks=[GOOD]), "best cascade")

    monkeypatch.setattr(evaluation, "MAX_COMPARED", 300)
    sampled = find(measure(records, checks=[GOOD]), "best cascade")

    assert len(sample_prompts(records.prompts, 2)) == 67
    assert sampled.points == pytest.approx(whole.points, abs=6)
