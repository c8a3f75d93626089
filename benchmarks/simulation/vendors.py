"""Scripted vendors. The same seed gives the same answers to all callers."""

from dataclasses import dataclass
from math import exp, sqrt
from random import Random
from statistics import NormalDist

from benchmarks.simulation.scenario import Kind, Scenario

_NORMAL = NormalDist()
_SPREAD = 0.15
"""Standard deviation of the logarithm of times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The result of one call."""

    failed: bool
    good: bool
    passes: bool
    """Whether the check accepts it."""
    cost_usd: float
    first_token_s: float
    total_s: float


class Vendors:
    """Scripted vendors; the difficulty of a task is the same for all models."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._scenario = scenario
        self._seed = seed

    def ask(self, task: int, kind: Kind, model: str, second: float, attempt: int = 1) -> Answer:
        """Call a model for a task at a second of the run; `attempt` counts its calls."""
        scenario = self._scenario
        actor = scenario.models[model]
        spell = actor.spell_at(second)
        own = Random(f"{self._seed}:{task}:{model}")  # noqa: S311  a play, no secret
        hard = Random(f"{self._seed}:{task}").gauss()  # noqa: S311
        luck = sqrt(scenario.alike) * hard + sqrt(1 - scenario.alike) * own.gauss()
        good = _NORMAL.cdf(luck) < actor.quality_at(kind.task_type, second)
        pace = exp(own.gauss(0, _SPREAD)) * spell.slower
        checked, check = own.random(), scenario.check
        call = Random(f"{self._seed}:{task}:{model}:{attempt}:{second}")  # noqa: S311
        return Answer(
            failed=call.random() < spell.fails,
            good=good,
            passes=check is None or checked < (check.good if good else check.bad),
            cost_usd=spell.dearer * self.price(model, kind),
            first_token_s=actor.first_token_s * pace,
            total_s=actor.total_s * pace,
        )

    def price(self, model: str, kind: Kind) -> float:
        """Return the catalogue price of one call in dollars."""
        given, made = self._scenario.models[model].usd
        return float(given * kind.input_tokens + made * kind.output_tokens) / 1_000_000

    def expected(self, kind: Kind, model: str, second: float) -> tuple[float, Answer]:
        """Return the probability of a good answer and the typical answer, for the oracle."""
        actor = self._scenario.models[model]
        spell = actor.spell_at(second)
        answer = Answer(
            failed=False,
            good=True,
            passes=True,
            cost_usd=spell.dearer * self.price(model, kind),
            first_token_s=actor.first_token_s * spell.slower,
            total_s=actor.total_s * spell.slower,
        )
        return (1 - spell.fails) * actor.quality_at(kind.task_type, second), answer

    def kind_of(self, task: int) -> Kind:
        """Draw the kind of a task."""
        kinds = self._scenario.kinds
        chance = Random(f"{self._seed}:{task}:kind")  # noqa: S311
        return chance.choices(kinds, [kind.weight for kind in kinds])[0]
