"""The value of a run: regret against the best fixed model, the oracle, and chance."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from agents.selection.evidence.estimates import Estimate, Forecast
from agents.selection.evidence.score import WEIGHTS, Weights, weigh_estimate
from benchmarks.simulation.run import Served
from benchmarks.simulation.scenario import Scenario
from benchmarks.simulation.vendors import Answer, Vendors


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """Means over the tasks of a run."""

    worth: float
    """The score that selection maximises, of the actual results; 0 without an answer."""
    quality: float
    """Share of tasks with a good answer."""
    usd: float
    seconds: float
    """The median until the end of the answer, including waiting and earlier attempts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """The baselines; all get the same answers of the same vendors."""

    fixed: dict[str, Worth]
    """Each model for all tasks, without fallback."""
    oracle: Worth
    """The best model for each task, known only to the script."""
    chance: float
    """The value of a random model."""

    @property
    def best_fixed(self) -> str:
        """Return the best model in hindsight."""
        return max(self.fixed, key=lambda name: self.fixed[name].worth)

    def closed(self, worth: float) -> float:
        """Return the share of the way from chance to the oracle; below 0 is worse than chance."""
        way = self.oracle.worth - self.chance
        return (worth - self.chance) / way if way > 0 else 1.0


def worth_of(served: Sequence[Served], scenario: Scenario) -> Worth:
    """Compute the totals of a policy."""
    weights = WEIGHTS[scenario.preference]
    answered = [each for each in served if each.is_done]
    values = [
        _value(
            1.0 if each.is_good else 0.0,
            each.cost_usd,
            each.first_token_s,
            each.total_s,
            weights,
        )
        for each in answered
    ]
    return Worth(
        worth=sum(values) / len(served),
        quality=sum(each.is_good for each in answered) / len(served),
        usd=fmean(each.cost_usd for each in served),
        seconds=median(each.total_s for each in answered) if answered else float("inf"),
    )


def bars(served: Sequence[Served], scenario: Scenario, seed: int) -> Bars:
    """Compute the baselines with the same vendors and tasks."""
    vendors = Vendors(scenario, seed)
    weights = WEIGHTS[scenario.preference]

    def best(task: Served) -> str:
        def expected(name: str) -> float:
            share, answer = vendors.expected(task.kind, name, task.second)
            return _of_answer(share, answer, weights) if share else 0.0

        return max(sorted(scenario.models), key=expected)

    def always(name: str) -> Callable[[Served], str]:
        return lambda _: name

    def played(pick: Callable[[Served], str]) -> Worth:
        answers = [vendors.ask(each.number, each.kind, pick(each), each.second) for each in served]
        good = [each for each in answers if not each.failed]
        return Worth(
            worth=sum(_of_answer(float(each.good), each, weights) for each in good) / len(served),
            quality=sum(each.good for each in good) / len(served),
            usd=sum(each.cost_usd for each in good) / len(served),
            seconds=median(each.total_s for each in good) if good else float("inf"),
        )

    fixed = {name: played(always(name)) for name in sorted(scenario.models)}
    return Bars(
        fixed=fixed,
        oracle=played(best),
        chance=fmean(each.worth for each in fixed.values()),
    )


def _of_answer(quality: float, answer: Answer, weights: Weights) -> float:
    return _value(quality, answer.cost_usd, answer.first_token_s, answer.total_s, weights)


def _value(
    quality: float, usd: float, first_token_s: float, total_s: float, weights: Weights
) -> float:
    seen = Forecast(
        quality=quality,
        low=quality,
        high=quality,
        mass=0,
        observed=0,
        first_token_s=first_token_s,
        total_s=total_s,
        is_measured=True,
        cost_usd=usd,
        health=None,
    )
    return weigh_estimate(Estimate(seen, usd), weights)
