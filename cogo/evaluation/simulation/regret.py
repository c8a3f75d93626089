"""Regret: how much less a policy's results were worth than those of an oracle that knows.

All get the same tasks and the same answers of the same vendors, so differences are choices.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import fmean, median

from cogo.evaluation.simulation.run import SimulatedTask
from cogo.evaluation.simulation.scenario import Scenario
from cogo.evaluation.simulation.vendors import ScriptedVendors


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """Means over the tasks of a run."""

    usd: float
    """What the answers are worth less what they cost, a task."""
    quality: float
    """Share of tasks with a good answer."""
    cost_usd: float
    seconds: float
    """The median until the end of the answer, including waiting and earlier attempts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRegret:
    """What a change cost a policy, in dollars a task."""

    model: str
    what: str
    start: float
    end: float
    before: float | None
    """In a time before as long as the first quarter of the change."""
    early: float | None
    """In the first quarter of the change."""
    late: float | None
    """In the rest of it."""
    after: float | None
    """In a time after it as long as the first quarter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baselines:
    """What others come to with the same vendors and tasks."""

    fixed: dict[str, Worth]
    """Each model for all tasks, without another one if it fails."""
    oracle: Worth
    """The best model for each task, known only to the script."""
    oracle_values: Sequence[float]
    """Dollars by task."""

    @property
    def best_fixed(self) -> str:
        """The best model in hindsight."""
        return max(self.fixed, key=lambda name: self.fixed[name].usd)

    @property
    def chance(self) -> float:
        """The worth of a random model."""
        return fmean(each.usd for each in self.fixed.values())


def compute_worth(tasks: Sequence[SimulatedTask], scenario: Scenario) -> Worth:
    """Return the means of a policy."""
    done = [each for each in tasks if each.is_done]
    return Worth(
        usd=fmean(list_values(tasks, scenario)),
        quality=sum(each.is_good for each in done) / len(tasks),
        cost_usd=fmean(each.cost_usd for each in tasks),
        seconds=median(each.total_s for each in done) if done else float("inf"),
    )


def list_values(tasks: Sequence[SimulatedTask], scenario: Scenario) -> list[float]:
    """Return what each task came to, in dollars."""
    return [scenario.worth_usd * each.is_good - each.cost_usd for each in tasks]


def compute_baselines(tasks: Sequence[SimulatedTask], scenario: Scenario, seed: int) -> Baselines:
    """Return what each model alone and an oracle come to at the same tasks."""
    vendors = ScriptedVendors(scenario, seed)

    def find_best(task: SimulatedTask) -> str:
        def expect(name: str) -> float:
            chance = vendors.compute_chance(name, task.kind, task.second)
            cost = vendors.compute_cost(name, task.kind, task.second)
            return scenario.worth_usd * chance - cost if chance else 0.0

        return max(scenario.list_lanes(task.second), key=expect)

    def answer(pick: Callable[[SimulatedTask], str]) -> tuple[Worth, list[float]]:
        answers = [vendors.ask(each.number, each.kind, pick(each), each.second) for each in tasks]
        good = [each for each in answers if not each.failed]
        values = [
            0.0 if each.failed else scenario.worth_usd * each.good - each.cost_usd
            for each in answers
        ]
        worth = Worth(
            usd=fmean(values),
            quality=sum(each.good for each in good) / len(tasks),
            cost_usd=sum(each.cost_usd for each in good) / len(tasks),
            seconds=median(each.total_s for each in good) if good else float("inf"),
        )
        return worth, values

    def always(name: str) -> Callable[[SimulatedTask], str]:
        return lambda _: name

    oracle, values = answer(find_best)
    return Baselines(
        fixed={name: answer(always(name))[0] for name in scenario.list_lanes(0)},
        oracle=oracle,
        oracle_values=values,
    )


def accumulate_regret(
    tasks: Sequence[SimulatedTask], scenario: Scenario, baselines: Baselines
) -> list[float]:
    """Return the dollars lost to the oracle up to each task."""
    return list(accumulate(_list_regrets(tasks, scenario, baselines)))


def list_event_regrets(
    tasks: Sequence[SimulatedTask], scenario: Scenario, baselines: Baselines
) -> list[EventRegret]:
    """Return the regret around each change of the scenario."""
    regrets = _list_regrets(tasks, scenario, baselines)

    def average(start: float, end: float) -> float | None:
        found = [r for r, task in zip(regrets, tasks, strict=True) if start <= task.second < end]
        return fmean(found) if found else None

    events = []
    for model, what, start, end in scenario.list_events():
        early = (end - start) / 4
        events.append(
            EventRegret(
                model=model,
                what=what,
                start=start,
                end=end,
                before=average(start - early, start),
                early=average(start, start + early),
                late=average(start + early, end),
                after=average(end, end + early),
            )
        )
    return events


def _list_regrets(
    tasks: Sequence[SimulatedTask], scenario: Scenario, baselines: Baselines
) -> list[float]:
    values = list_values(tasks, scenario)
    return [best - own for best, own in zip(baselines.oracle_values, values, strict=True)]
