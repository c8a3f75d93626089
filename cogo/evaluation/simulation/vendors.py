"""Scripted vendors. The same seed gives the same answers to all callers."""

from dataclasses import dataclass
from math import exp, sqrt
from random import Random
from statistics import NormalDist

from cogo.evaluation.simulation.scenario import Scenario, TaskKind

_NORMAL = NormalDist()
_SPREAD = 0.15
"""Standard deviation of the logarithm of times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorAnswer:
    """The result of one call."""

    failed: bool
    good: bool
    passes: bool
    """Whether the check accepts it."""
    cost_usd: float
    first_token_s: float
    total_s: float


class ScriptedVendors:
    """Scripted vendors; the difficulty of a task is the same for all models."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._scenario = scenario
        self._seed = seed

    def ask(
        self, task: int, kind: TaskKind, model: str, second: float, attempt: int = 1
    ) -> VendorAnswer:
        """Call a model for a task at a second of the run; `attempt` counts its calls."""
        scenario = self._scenario
        scripted = scenario.models[model]
        change = scripted.find_change(second)
        own = Random(f"{self._seed}:{task}:{model}")  # noqa: S311  a play, no secret
        hard = Random(f"{self._seed}:{task}").gauss()  # noqa: S311
        luck = sqrt(scenario.alike) * hard + sqrt(1 - scenario.alike) * own.gauss()
        good = _NORMAL.cdf(luck) < scripted.get_quality(kind.kind, second)
        pace = exp(own.gauss(0, _SPREAD)) * change.slower
        checked, check = own.random(), scenario.check
        call = Random(f"{self._seed}:{task}:{model}:{attempt}:{second}")  # noqa: S311
        return VendorAnswer(
            failed=call.random() < change.fails,
            good=good,
            passes=check is None or checked < (check.good if good else check.bad),
            cost_usd=self.compute_cost(model, kind, second),
            first_token_s=scripted.first_token_s * pace,
            total_s=scripted.total_s * pace,
        )

    def compute_cost(self, model: str, kind: TaskKind, second: float) -> float:
        """Return the dollars of one call."""
        given, made = self._scenario.get_prices(model, second)
        return float(given * kind.input_tokens + made * kind.output_tokens) / 1_000_000

    def compute_chance(self, model: str, kind: TaskKind, second: float) -> float:
        """Return the probability of a good answer; for the oracle."""
        scripted = self._scenario.models[model]
        return (1 - scripted.find_change(second).fails) * scripted.get_quality(kind.kind, second)

    def draw_kind(self, task: int) -> TaskKind:
        """Return the kind of a task."""
        kinds = self._scenario.kinds
        chance = Random(f"{self._seed}:{task}:kind")  # noqa: S311
        return chance.choices(kinds, [kind.weight for kind in kinds])[0]
