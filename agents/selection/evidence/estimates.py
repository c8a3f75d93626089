"""What may be expected of a model at a task: the prior, moved by what was observed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from agents.selection.evidence.observations import ModelHealth, Observations, Observed
from agents.selection.evidence.priors import first_token_prior, quality_prior, total_prior
from agents.selection.model_profiles import ModelProfile
from agents.selection.requirements import Requirements

MASS: Final = 10.0
"""Outcomes that a prior is worth; so are those of other types of tasks."""
CAP: Final = 200.0
"""Outcomes beyond so many count as so many: what a model did long ago must not outvote today."""
ENOUGH: Final = 5
"""Outcomes from which a mean of time or cost says more than the guess."""
DEGRADED: Final = 0.7
"""What is left of the expected quality of a model that is unwell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What does not depend on the length of the prompt; one serves many choices."""

    quality: float
    mass: float
    """How many outcomes `quality` is worth, the prior's among them."""
    observed: int
    """Real outcomes at this type of task."""
    first_token_s: float
    total_s: float
    is_measured: bool
    """Whether times were measured."""
    cost_usd: float | None
    """What a call was seen to cost."""
    health: ModelHealth | None


class Estimate(NamedTuple):
    """What one model may be expected to do with one task."""

    outlook: Forecast
    cost_usd: float | None
    """None: no price is known."""

    @property
    def quality(self) -> float:
        """The share of such tasks that it does well, from 0 to 1."""
        return self.outlook.quality

    @property
    def health(self) -> ModelHealth | None:
        """None: it is well."""
        return self.outlook.health


class Forecaster:
    """Gives estimates from one snapshot; what repeats from choice to choice is kept."""

    def __init__(self, observations: Observations) -> None:
        self.observations = observations
        self._overall = _overall(observations)
        self._outlooks: dict[tuple[str, str], dict[str, Forecast]] = {}

    def estimate(
        self, card: ModelProfile, needs: Requirements, input_tokens: int, output_tokens: int
    ) -> Estimate:
        """Estimate one model at one task."""
        return self.estimates((card,), needs, input_tokens, output_tokens)[0]

    def estimates(
        self,
        cards: Iterable[ModelProfile],
        needs: Requirements,
        input_tokens: int,
        output_tokens: int,
    ) -> list[Estimate]:
        """Estimate many models at one task, in their order."""
        kind = self._outlooks.setdefault((needs.task_type, needs.complexity), {})
        found = []
        for card in cards:
            outlook = kind.get(card.model_id)
            if outlook is None:
                outlook = kind[card.model_id] = self._outlook(card, needs)
            by_price = card.cost(input_tokens, output_tokens)
            seen = None if card.is_simulated else outlook.cost_usd  # which was real money
            cost = by_price if seen is None else _dearer(by_price, seen)
            found.append(Estimate(outlook, cost))
        return found

    def _outlook(self, card: ModelProfile, needs: Requirements) -> Forecast:
        here = self.observations.outcomes.get((card.model_id, needs.task_type))
        health = self.observations.health.get(card.model_id)
        prior = quality_prior(card, needs)
        expected = _moved(prior, MASS, self._overall.get(card.model_id))
        quality = _moved(expected, MASS, here)
        has_enough = here is not None and here.n >= ENOUGH
        first = here.first_token_ms if here is not None and has_enough else None
        total = here.total_ms if here is not None and has_enough else None
        cost = here.cost_usd if here is not None and has_enough else None
        return Forecast(
            quality=quality * DEGRADED if health is not None else quality,
            mass=MASS + min(here.n if here else 0, CAP),
            observed=here.n if here else 0,
            first_token_s=first_token_prior(card) if first is None else first / 1000,
            total_s=total_prior(card, needs) if total is None else total / 1000,
            cost_usd=cost,
            is_measured=total is not None,
            health=health,
        )


def _dearer(by_price: float | None, seen: float) -> float:
    """Take the larger: the price knows this prompt's length, what was seen knows the answers'."""
    return seen if by_price is None or seen > by_price else by_price


def _moved(prior: float, mass: float, seen: Observed | None) -> float:
    """Move a prior by outcomes, as the mean of a Beta distribution moves."""
    if seen is None or seen.n == 0:
        return prior
    weight = min(float(seen.n), CAP)
    return (prior * mass + seen.success / seen.n * weight) / (mass + weight)


def _overall(observations: Observations) -> dict[str, Observed]:
    """Add up each model's outcomes over all types of tasks."""
    sums: dict[str, tuple[int, float]] = {}
    for (model, _), seen in observations.outcomes.items():
        n, success = sums.get(model, (0, 0.0))
        sums[model] = (n + seen.n, success + seen.success)
    return {model: Observed(n=n, success=success) for model, (n, success) in sums.items()}
