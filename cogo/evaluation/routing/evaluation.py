"""COGO's policies on recorded answers: learned on a part of the prompts, judged on the others."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import inf, isfinite
from statistics import fmean
from typing import Final

from agents.selection.evidence.knowledge import NOTHING_KNOWN, Knowledge
from agents.selection.preferences import Preference
from cogo.evaluation.routing.cascades import Ceiling, JudgedPlan, Plan, find_ceiling, play_plan
from cogo.evaluation.routing.learning import AnswerCheck, Observer
from cogo.evaluation.routing.product import Product
from cogo.evaluation.routing.records import BadRecords, Point, Prompt, Records, fill_gaps
from protocol.records.models import PolicyName

MAX_COMPARED: Final = 3_000_000
"""Prompts times pairs of models that are compared for cascades."""
BATCH: Final = 10
"""Answers after which what was observed is taken into account, as the CIO does every 2 s."""
_ALL: Final = (Preference.QUALITY, Preference.BALANCED, Preference.COST)
PREFERENCES: Final[Mapping[PolicyName, Sequence[Preference]]] = {
    PolicyName.AUTO: (Preference.BALANCED,),
    PolicyName.RULES: (Preference.BALANCED,),
    PolicyName.SCORED: _ALL,
    PolicyName.CHEAPEST: (Preference.BALANCED,),
}
"""The policies that choose one model from what is known. The others need a check, a team, times or
chance."""
LEARNERS: Final = (PolicyName.AUTO,)
"""Those that are measured while they learn from nothing but their own choices."""

Advance = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationPlan:
    """How records are evaluated."""

    seeds: Sequence[int] = range(5)
    share: float = 0.5
    """Of the prompts, to learn from."""
    checks: Sequence[AnswerCheck] = ()
    steps: Sequence[int] = (0, 20, 100, 500, 2_000)
    """Judged answers at which a learning policy is measured, ascending."""
    default: str | None = None
    """The model of the role `default`; None: nobody has named one before the records are learned,
    and then it is the best single model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What was measured."""

    regime: str
    """`baseline`, `cold`, `learned` or `learning`, which learns only from its own choices."""
    name: str
    preference: str | None = None
    check: str | None = None
    answers: int | None = None
    """While learning: the answers judged so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitResult:
    """What came of it on the judged prompts of one split."""

    point: Point
    chosen: Mapping[str, int] = field(default_factory=dict)
    """The prompts by model, or by the models of a cascade."""
    paid: Point | None = None
    """The means while it learned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """One split, with all that was measured."""

    seed: int
    models: Sequence[str]
    learned: int
    judged: int
    single: Point
    """The best model of the prompts learned from, on those judged by."""
    singles: Sequence[Point]
    ceilings: Mapping[str, Ceiling]
    """By the name of the check."""
    measured: Mapping[Key, SplitResult]


def count_steps(settings: EvaluationPlan) -> int:
    """Return how often `evaluate` reports an advance."""
    policies = 2 * sum(len(each) for each in PREFERENCES.values())
    cascades = 2 * len(_ALL) * len(settings.checks) + len(settings.checks)
    return len(settings.seeds) * (1 + policies + cascades + len(LEARNERS))


def evaluate(
    records: Records, settings: EvaluationPlan, advance: Advance = lambda: None
) -> Iterator[Split]:
    """Measure all policies in one split after the other.

    Raises BadRecords if there are too few prompts.
    """
    for seed in settings.seeds:
        yield _Trial(records, settings, seed, advance).run()


class _Trial:
    """One split."""

    def __init__(
        self, records: Records, settings: EvaluationPlan, seed: int, advance: Advance
    ) -> None:
        self.models = records.models
        self.settings = settings
        self.seed = seed
        self.advance = advance
        learned, judged = records.split(seed=seed, share=settings.share)
        self.learned, self.judged = fill_gaps(learned), fill_gaps(judged)
        self.has_gaps = records.has_gaps
        for prompt in (self.learned[0], self.judged[0]):
            if not all(map(isfinite, prompt.quality)):
                model = self.models[list(map(isfinite, prompt.quality)).index(False)]
                raise BadRecords(f"{model} has too few answers for a split; leave it out")
        self.categories = {each.category for each in self.judged}
        self.single = find_best_single(self.learned)
        named = None if settings.default is None else records.models.index(settings.default)
        self.cold = Product.of(self.models, self.learned, default=named)
        self.warm = Product.of(
            self.models, self.learned, default=self.single if named is None else named
        )

    @cached_property
    def knowledge(self) -> Knowledge:
        """The knowledge after all answers to the prompts to learn from."""
        observer = Observer(self.cold)
        observer.see_all(self.learned)
        return Knowledge(observations=observer.build())

    def run(self) -> Split:
        ceilings = {each.name: self._find_ceiling(each) for each in self.settings.checks}
        measured = dict(self._measure_baselines())
        for each in self.settings.checks:
            measured |= dict(self._measure_ceilings(each, ceilings[each.name]))
        self.advance()
        for key, found in self._measure_policies():
            measured[key] = found
            self.advance()
        for key, found in self._measure_cascades():
            measured[key] = found
            self.advance()
        for policy in LEARNERS:
            measured |= dict(self._learn(policy))
            self.advance()
        singles = compute_singles(self.judged)
        return Split(
            seed=self.seed,
            models=self.models,
            learned=len(self.learned),
            judged=len(self.judged),
            single=singles[self.single],
            singles=singles,
            ceilings=ceilings,
            measured=measured,
        )

    def _find_ceiling(self, check: AnswerCheck) -> Ceiling:
        sample = sample_prompts(self.judged, len(self.models))
        most = compute_singles(sample)[self.single].cost
        found = find_ceiling(self.models, sample, check, most_usd=most)
        plan = found.best.plan
        point = _mean([play_plan(each, plan, check) for each in self.judged])
        self.advance()
        return replace(found, best=JudgedPlan(plan, point))

    def _measure_ceilings(
        self, check: AnswerCheck, ceiling: Ceiling
    ) -> Iterator[tuple[Key, SplitResult]]:
        by_category = dict.fromkeys(self.categories, ceiling.unlimited.plan)
        sample = sample_prompts(self.judged, len(self.models))
        for category in {each.category for each in sample}:
            among = [each for each in sample if each.category == category]
            found = find_ceiling(self.models, among, check, most_usd=inf)
            by_category[category] = found.unlimited.plan
        for name, plans in (
            ("best cascade", dict.fromkeys(self.categories, ceiling.best.plan)),
            ("best cascade at any cost", dict.fromkeys(self.categories, ceiling.unlimited.plan)),
            ("best cascade by category", by_category),
        ):
            yield Key(regime="baseline", name=name, check=check.name), self._judge(plans, check)

    def _measure_baselines(self) -> Iterator[tuple[Key, SplitResult]]:
        costs = [each.cost for each in compute_singles(self.learned)]
        cheapest = costs.index(min(costs))
        best = dict.fromkeys(self.categories, self.single)
        for category in self.categories & {each.category for each in self.learned}:
            among = [each for each in self.learned if each.category == category]
            best[category] = find_best_single(among)
        for name, models in (
            ("best single", dict.fromkeys(self.categories, self.single)),
            ("cheapest", dict.fromkeys(self.categories, cheapest)),
            ("best by category", best),
        ):
            plans = {category: (model,) for category, model in models.items()}
            yield Key(regime="baseline", name=name), self._judge(plans)
        singles = compute_singles(self.judged)
        yield Key(regime="baseline", name="random"), SplitResult(point=_mean(singles))
        right = [min(zip(each.quality, each.cost, strict=True), key=_rank) for each in self.judged]
        oracle = _mean([Point(cost, quality) for quality, cost in right])
        yield Key(regime="baseline", name="oracle"), SplitResult(point=oracle)

    def _measure_policies(self) -> Iterator[tuple[Key, SplitResult]]:
        for policy, preferences in PREFERENCES.items():
            for preference in preferences:
                for regime, product, known in (
                    ("cold", self.cold, NOTHING_KNOWN),
                    ("learned", self.warm, self.knowledge),
                ):
                    key = Key(regime=regime, name=policy.value, preference=preference.value)
                    yield key, self._judge(self._plan(product, policy, preference, known))

    def _measure_cascades(self) -> Iterator[tuple[Key, SplitResult]]:
        cascade = PolicyName.CASCADE
        for check in self.settings.checks:
            observer = Observer(self.cold, check)
            observer.see_all(self.learned)
            # Gaps that were filled do not show at which prompts models fail together.
            sample = [] if self.has_gaps else sample_prompts(self.learned, len(self.models))
            learned = Knowledge(observations=observer.build(sample))
            for regime, product, known in (
                ("cold", self.cold, NOTHING_KNOWN),
                ("learned", self.warm, learned),
            ):
                for preference in _ALL:
                    plans = self._plan(product, cascade, preference, known)
                    key = Key(
                        regime=regime,
                        name=cascade.value,
                        preference=preference.value,
                        check=check.name,
                    )
                    yield key, self._judge(plans, check)

    def _plan(
        self, product: Product, policy: PolicyName, preference: Preference, knowledge: Knowledge
    ) -> dict[str, Plan]:
        """Return the models of a policy by category, which is all that its choice depends on."""
        plans = {}
        for category in self.categories:
            choice = product.choose(category, policy, preference=preference, knowledge=knowledge)
            plan = product.plan(choice)
            plans[category] = plan if policy is PolicyName.CASCADE else plan[:1]
        return plans

    def _learn(self, policy: PolicyName) -> Iterator[tuple[Key, SplitResult]]:
        """Measure a policy that starts cold and sees only the answers that it asks for.

        It goes through the prompts to learn from in a fixed order, again if there are too few.
        """
        observer, known = Observer(self.cold), NOTHING_KNOWN
        spent = Point(0.0, 0.0)
        for number in range(self.settings.steps[-1] + 1):
            if number % BATCH == 0:
                known = Knowledge(observations=observer.build())
            if number in self.settings.steps:
                paid = Point(spent.cost / number, spent.quality / number) if number else None
                key = Key(
                    regime="learning",
                    name=policy.value,
                    preference=Preference.BALANCED.value,
                    answers=number,
                )
                # Trials are how it learns, not what it has learned.
                found = self._judge(self._plan(self.cold, policy, Preference.BALANCED, known))
                yield key, SplitResult(point=found.point, chosen=found.chosen, paid=paid)
            prompt = self.learned[number % len(self.learned)]
            choice = self.cold.choose(
                prompt.category, policy, knowledge=known, seed=f"{self.seed}:{number}"
            )
            model = self.cold.find(choice.selected.model_id)
            observer.see(prompt, model)
            spent = Point(spent.cost + prompt.cost[model], spent.quality + prompt.quality[model])

    def _judge(self, plans: Mapping[str, Plan], check: AnswerCheck | None = None) -> SplitResult:
        """Return what plans come to by category; without a check their first model answers."""
        chosen: Counter[str] = Counter()
        points = []
        for prompt in self.judged:
            plan = plans[prompt.category]
            points.append(
                Point(prompt.cost[plan[0]], prompt.quality[plan[0]])
                if check is None
                else play_plan(prompt, plan, check)
            )
            chosen[" > ".join(self.models[model] for model in plan)] += 1
        return SplitResult(point=_mean(points), chosen=chosen)


def sample_prompts(prompts: Sequence[Prompt], models: int) -> Sequence[Prompt]:
    """Return as many prompts, spread evenly, as can be compared for all pairs of models."""
    return prompts[:: 1 + len(prompts) * models**2 // MAX_COMPARED]


def compute_singles(prompts: Sequence[Prompt]) -> list[Point]:
    """Return the means of each model alone."""
    costs = zip(*(each.cost for each in prompts), strict=True)
    qualities = zip(*(each.quality for each in prompts), strict=True)
    return [Point(fmean(cost), fmean(good)) for cost, good in zip(costs, qualities, strict=True)]


def find_best_single(prompts: Sequence[Prompt]) -> int:
    """Return the model with the best mean quality, the cheapest of equal ones."""
    singles = compute_singles(prompts)
    return max(range(len(singles)), key=lambda m: (singles[m].quality, -singles[m].cost))


def _mean(points: Sequence[Point]) -> Point:
    return Point(fmean(each.cost for each in points), fmean(each.quality for each in points))


def _rank(answer: tuple[float, float]) -> tuple[float, float]:
    """Return the order of answers by quality, the cheapest of equal ones first."""
    quality, cost = answer
    return -quality, cost
