"""Estimates of a model's results at a task: a prior, updated with observed outcomes."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import Final, NamedTuple

from agents.selection.evidence.failures import FailureRecords
from agents.selection.evidence.observations import ModelHealth, Observations, Observed
from agents.selection.evidence.priors import guess_first_token_s, guess_quality, guess_total_s
from agents.selection.model_profiles import ModelProfile
from agents.selection.prompt_features import DENSE_SCRIPTS
from agents.selection.requirements import Requirements

MASS: Final = 10.0
"""Weight of a prior in outcomes; outcomes at other task types together weigh as much."""
CAP: Final = 200.0
"""Maximum outcomes that count, so that old ones do not outweigh recent ones."""
ENOUGH: Final = 5
"""Number of outcomes from which an observed mean of time or cost replaces the prior."""
SPREAD: Final = 1.2816
"""Standard deviations on each side of the mean that contain 80 % of a normal distribution."""
DEGRADED: Final = 0.7
"""Factor on the expected quality of a model that is not healthy."""

CHARACTERS_PER_TOKEN: Final = 3.0
"""A high estimate, because code has more tokens per character than prose, and only the number of
characters is known; `providers.calls.prepare` names the other estimates."""
MIN_ANSWER_TOKENS: Final = 1_000
"""Minimum tokens of the context window that an answer needs after the prompt."""
_ANSWER_TOKENS: Final = {
    "code-generation": 900,
    "code-optimization": 1_100,
    "code-analysis": 1_200,
    "specialized-coding": 1_200,
}
_OTHER_ANSWER_TOKENS: Final = 700
_COMPLEXITY_FACTORS: Final = {"low": 0.5, "medium": 1.0, "high": 2.0}


def estimate_input_tokens(needs: Requirements, prompt_characters: int) -> int:
    """Return the stated number of tokens, else an estimate on the high side."""
    if needs.input_tokens is not None:
        return needs.input_tokens
    is_dense = bool(needs.natural_languages) and needs.natural_languages[0] in DENSE_SCRIPTS
    return int(prompt_characters / (1.0 if is_dense else CHARACTERS_PER_TOKEN))


def estimate_output_tokens(needs: Requirements) -> int:
    """Return the stated number of tokens, else the usual number for such tasks."""
    if needs.output_tokens is not None:
        return needs.output_tokens
    usual = _ANSWER_TOKENS.get(needs.task_type, _OTHER_ANSWER_TOKENS)
    return int(usual * _COMPLEXITY_FACTORS[needs.complexity])


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The part of an estimate that does not depend on the prompt's length."""

    quality: float
    low: float
    high: float
    """The quality is between `low` and `high` with a probability of 80 %."""
    mass: float
    """Weight of `quality` in outcomes, including the prior's."""
    observed: float
    """The weight of the judgements at this kind of work."""
    first_token_s: float
    total_s: float
    is_measured: bool
    """Whether the times were measured."""
    cost_usd: float | None
    """The observed mean cost of a call."""
    health: ModelHealth | None
    """None: healthy."""


class Estimate(NamedTuple):
    """The expected quality, time and cost of one model at one task."""

    forecast: Forecast
    cost_usd: float | None
    """None: no price is known."""

    @property
    def quality(self) -> float:
        """The share of such tasks that it should do well, from 0 to 1."""
        return self.forecast.quality

    @property
    def low(self) -> float:
        """The lower end of the interval that contains the quality with 80 % probability."""
        return self.forecast.low

    @property
    def high(self) -> float:
        """The upper end of that interval."""
        return self.forecast.high

    @property
    def health(self) -> ModelHealth | None:
        """None: healthy."""
        return self.forecast.health

    def describe(self) -> str:
        """Return the numbers for a reason: `quality 0.82, about $0.0123, 16 s`."""
        forecast = self.forecast
        seen = f" from {forecast.observed:.0f} outcomes" if forecast.observed >= 1 else ""
        cost, seconds = self.describe_cost(), forecast.total_s
        return f"quality {forecast.quality:.2f}{seen}, {cost}, {seconds:.0f} s"

    def describe_cost(self) -> str:
        """Return the expected cost for a reason."""
        return "no known price" if self.cost_usd is None else f"about ${self.cost_usd:.4f}"


class Forecaster:
    """Makes estimates from one snapshot of observations, and caches their forecasts."""

    def __init__(self, observations: Observations) -> None:
        self.observations = observations
        self._overall = _sum_over_task_types(observations)
        self._forecasts: dict[tuple[str, str], dict[str, Forecast]] = {}

    @cached_property
    def failures(self) -> FailureRecords:
        """What is known of failures."""
        return FailureRecords(self.observations)

    def estimate(
        self,
        profiles: Iterable[ModelProfile],
        needs: Requirements,
        input_tokens: int,
        output_tokens: int,
    ) -> list[Estimate]:
        """Return the estimate of each model at one task, in their order."""
        cached = self._forecasts.setdefault((needs.task_type, needs.complexity), {})
        estimates = []
        for profile in profiles:
            forecast = cached.get(profile.model_id)
            if forecast is None:
                forecast = cached[profile.model_id] = self._forecast(profile, needs)
            cost = profile.cost(input_tokens, output_tokens)
            # The price accounts for the prompt's length, the observed cost for the length of
            # answers; use the larger one. With the simulator, the observed cost was real money.
            seen = None if profile.is_simulated else forecast.cost_usd
            if seen is not None and (cost is None or seen > cost):
                cost = seen
            estimates.append(Estimate(forecast, cost))
        return estimates

    def _forecast(self, profile: ModelProfile, needs: Requirements) -> Forecast:
        here = self.observations.outcomes.get((profile.model_id, needs.task_type))
        health = self.observations.health.get(profile.model_id)
        prior = guess_quality(profile, needs)
        expected = _update(prior, self._overall.get(profile.model_id))
        quality = _update(expected, here)
        means = here if here is not None and here.answered >= ENOUGH else Observed()
        first, total = means.first_token_ms, means.total_ms
        if health is not None:
            quality *= DEGRADED
        observed = here.judged if here else 0.0
        mass = MASS + min(observed, CAP)
        low, high = compute_interval(quality, mass)
        return Forecast(
            quality=quality,
            low=low,
            high=high,
            mass=mass,
            observed=observed,
            first_token_s=guess_first_token_s(profile) if first is None else first / 1000,
            total_s=guess_total_s(profile, needs) if total is None else total / 1000,
            cost_usd=means.cost_usd,
            is_measured=total is not None,
            health=health,
        )


def compute_interval(share: float, mass: float) -> tuple[float, float]:
    """Return the ends of the 80 % interval of a share that `mass` outcomes showed.

    It is Wilson's interval, which stays between 0 and 1 and contains the share.
    """
    square = SPREAD * SPREAD / mass
    centre = (share + square / 2) / (1 + square)
    radius = sqrt(square * (share * (1 - share) + square / 4)) / (1 + square)
    return max(0.0, min(share, centre - radius)), min(1.0, max(share, centre + radius))


def _update(prior: float, seen: Observed | None) -> float:
    """Update a prior of `MASS` outcomes, as the mean of a Beta distribution is updated."""
    if seen is None or seen.judged <= 0:
        return prior
    weight = min(seen.judged, CAP)
    return (prior * MASS + seen.good / seen.judged * weight) / (MASS + weight)


def _sum_over_task_types(observations: Observations) -> dict[str, Observed]:
    sums: dict[str, tuple[float, float]] = {}
    for (model, _), seen in observations.outcomes.items():
        judged, good = sums.get(model, (0.0, 0.0))
        sums[model] = (judged + seen.judged, good + seen.good)
    return {model: Observed(judged=judged, good=good) for model, (judged, good) in sums.items()}
