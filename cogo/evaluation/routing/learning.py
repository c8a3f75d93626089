"""What COGO would have observed of recorded answers, and how a check sees them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import mul
from typing import Final

from agents.selection.evidence.observations import CheckAccuracy, Observations, Observed
from cogo.evaluation.routing.product import CHECK, INPUT_TOKENS, Product, count_output_tokens
from cogo.evaluation.routing.records import Prompt

LEAST_RESCUED: Final = 3.0
"""Answers on which a model must have been tried after another one failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCheck:
    """A check of answers: as recorded for each answer, or with these rates."""

    name: str
    accepts_good: float | None = None
    """The share of good answers that it accepts; None: as recorded."""
    accepts_bad: float = 0.0
    """The share of bad answers that it accepts."""

    def apply(self, prompt: Prompt, model: int) -> tuple[float, float]:
        """Return how likely an answer is accepted, and how likely it is accepted and good."""
        quality = prompt.quality[model]
        if self.accepts_good is None:
            accepted = 0.0 if prompt.verified is None else prompt.verified[model]
            return accepted, accepted * quality
        good = quality * self.accepts_good
        return good + (1 - quality) * self.accepts_bad, good


RECORDED: Final = AnswerCheck(name="as recorded")
SUPPOSED: Final = (
    AnswerCheck(name="0.95,0.10", accepts_good=0.95, accepts_bad=0.10),
    AnswerCheck(name="0.80,0.30", accepts_good=0.80, accepts_bad=0.30),
)
"""Checks that are supposed unless some are named."""


@dataclass(slots=True)
class Sums:
    """Sums over answers of one model to prompts of one category."""

    answers: float = 0.0
    good: float = 0.0
    cost: float = 0.0
    passed: float = 0.0
    passed_good: float = 0.0

    def build(self, price: float) -> Observed:
        """Return them as COGO counts them, for a model with this price of a usual call."""
        cost = self.cost / self.answers if self.answers else price
        return Observed(
            judged=self.answers,
            good=self.good,
            answered=self.answers,
            cost_usd=cost,
            input_tokens=INPUT_TOKENS,
            output_tokens=count_output_tokens(cost, price),
        )

    def add_accuracy(self, to: CheckAccuracy) -> CheckAccuracy:
        """Return what a check showed at these answers and others."""
        return CheckAccuracy(
            good=to.good + self.good,
            good_passed=to.good_passed + self.passed_good,
            bad=to.bad + self.answers - self.good,
            bad_passed=to.bad_passed + self.passed - self.passed_good,
        )


class Observer:
    """Counts answers as they are seen."""

    def __init__(self, product: Product, check: AnswerCheck | None = None) -> None:
        self.product = product
        self.check = check
        self._sums: dict[tuple[int, str], Sums] = defaultdict(Sums)

    def see(self, prompt: Prompt, model: int) -> None:
        """Count one answer."""
        sums = self._sums[model, prompt.category]
        sums.answers += 1
        sums.good += prompt.quality[model]
        sums.cost += prompt.cost[model]
        if self.check is not None:
            passed, good = self.check.apply(prompt, model)
            sums.passed += passed
            sums.passed_good += good

    def see_all(self, prompts: Iterable[Prompt]) -> None:
        """Count the answers of all models."""
        for prompt in prompts:
            for model in range(len(self.product.lanes)):
                if prompt.has_answer(model):
                    self.see(prompt, model)

    def build(self, rescues: Sequence[Prompt] = ()) -> Observations:
        """Return what was observed, and with a check what models do where others failed it."""
        lanes, prices = self.product.lanes, self.product.prices
        return Observations(
            outcomes={
                (lanes[model], category): sums.build(prices[model])
                for (model, category), sums in self._sums.items()
            },
            rescues={} if self.check is None else self._count_rescues(rescues, self.check),
            checks={} if self.check is None else self._count_accuracy(),
        )

    def _count_accuracy(self) -> dict[tuple[str, str], CheckAccuracy]:
        found: dict[tuple[str, str], CheckAccuracy] = defaultdict(CheckAccuracy)
        for (_, category), sums in self._sums.items():
            found[CHECK, category] = sums.add_accuracy(found[CHECK, category])
        return dict(found)

    def _count_rescues(
        self, prompts: Sequence[Prompt], check: AnswerCheck
    ) -> dict[tuple[tuple[str, ...], str, str], Observed]:
        """Count each model's answers to the prompts at which each other one failed the check."""
        by_category: dict[str, list[Prompt]] = defaultdict(list)
        for prompt in prompts:
            by_category[prompt.category].append(prompt)
        rescues: dict[tuple[tuple[str, ...], str, str], Observed] = {}
        lanes, prices = self.product.lanes, self.product.prices
        for category, among in by_category.items():
            answers = CheckedAnswers(len(lanes), among, check)
            for first, passed in enumerate(answers.passed):
                failed = [1 - each for each in passed]
                weight = sum(failed)
                for second in range(len(lanes) if weight >= LEAST_RESCUED else 0):
                    if second != first:
                        sums = answers.sum(second, failed, weight)
                        key = ((lanes[first],), lanes[second], category)
                        rescues[key] = sums.build(prices[second])
        return rescues


class CheckedAnswers:
    """The answers of all models to prompts, as columns, with what a check says of them."""

    def __init__(self, models: int, prompts: Sequence[Prompt], check: AnswerCheck) -> None:
        count = range(models)
        seen = [[check.apply(each, model) for each in prompts] for model in count]
        self.passed = [[each[0] for each in column] for column in seen]
        self.passed_good = [[each[1] for each in column] for column in seen]
        self.quality = [[each.quality[model] for each in prompts] for model in count]
        self.cost = [[each.cost[model] for each in prompts] for model in count]

    def sum(self, model: int, weights: Sequence[float], total: float) -> Sums:
        """Return the sums of a model's answers to weighted prompts."""
        return Sums(
            answers=total,
            good=dot(weights, self.quality[model]),
            cost=dot(weights, self.cost[model]),
            passed=dot(weights, self.passed[model]),
            passed_good=dot(weights, self.passed_good[model]),
        )


def dot(left: Iterable[float], right: Iterable[float]) -> float:
    """Return the sum of the products."""
    return float(sum(map(mul, left, right)))
