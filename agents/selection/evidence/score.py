"""The score of a model at a task. Each part is independent of other candidates."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log10
from typing import Final, NamedTuple

from agents.selection.evidence.estimates import Estimate
from agents.selection.preferences import Preference

_MIN_COST: Final = 1e-5
_MAX_COST: Final = 1.0
"""Range of dollars per call in which the cost part falls from 1 to 0, on a logarithmic scale."""
_DECADES: Final = log10(_MAX_COST / _MIN_COST)
_FIRST_TOKEN_S: Final = 2.0
_TOTAL_S: Final = 30.0
"""Seconds at which a time part is one half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The weight of each part; they add up to 1."""

    quality: float
    cost: float
    first_token: float = 0.0
    total: float = 0.0

    def sum(self, quality: float, cost: float, first_token: float, duration: float) -> float:
        """Return the weighted sum of the parts."""
        return (
            self.quality * quality
            + self.cost * cost
            + self.first_token * first_token
            + self.total * duration
        )


WEIGHTS: Final[Mapping[Preference, Weights]] = {
    Preference.QUALITY: Weights(quality=0.90, cost=0.04, first_token=0.03, total=0.03),
    Preference.BALANCED: Weights(quality=0.60, cost=0.20, first_token=0.10, total=0.10),
    Preference.SPEED: Weights(quality=0.30, cost=0.10, first_token=0.30, total=0.30),
    Preference.COST: Weights(quality=0.30, cost=0.60, first_token=0.05, total=0.05),
}


class Score(NamedTuple):
    """The parts, each from 0 to 1, and their weighted sum."""

    total: float
    quality: float
    cost: float
    first_token: float
    duration: float


def score_estimate(estimate: Estimate, weights: Weights) -> Score:
    """Return the score with its parts."""
    parts = _score_parts(estimate)
    return Score(weights.sum(*parts), *parts)


def weigh_estimate(estimate: Estimate, weights: Weights) -> float:
    """Return only the weighted sum, which is enough to compare many models."""
    return weights.sum(*_score_parts(estimate))


def _score_parts(estimate: Estimate) -> tuple[float, float, float, float]:
    forecast = estimate.forecast
    return (
        forecast.quality,
        _score_cost(estimate.cost_usd),
        _score_time(forecast.first_token_s, _FIRST_TOKEN_S),
        _score_time(forecast.total_s, _TOTAL_S),
    )


def _score_time(seconds: float, half: float) -> float:
    return half / (half + seconds)


def _score_cost(cost_usd: float | None) -> float:
    if cost_usd is None:
        return 0.0  # an unknown price is not free
    if cost_usd <= _MIN_COST:
        return 1.0
    return 0.0 if cost_usd >= _MAX_COST else log10(_MAX_COST / cost_usd) / _DECADES
