"""One number for a model at a task. Each part is absolute: who else is there changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log10
from typing import Final, NamedTuple

from agents.selection.evidence.estimates import Estimate
from agents.selection.preferences import Preference

_CHEAPEST: Final = 1e-5
_DEAREST: Final = 1.0
"""Dollars of a call between which the part for cost goes from 1 to 0, tenfold by tenfold."""
_TENFOLDS: Final = log10(_DEAREST / _CHEAPEST)
_FIRST_TOKEN_S: Final = 2.0
_TOTAL_S: Final = 30.0
"""Seconds that get half of their part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How much each part matters; together 1."""

    quality: float
    cost: float
    first_token: float = 0.0
    total: float = 0.0


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
    """Weigh what is expected of a model, and show the parts."""
    outlook = estimate.outlook
    return Score(
        weigh_estimate(estimate, weights),
        outlook.quality,
        _cheapness(estimate.cost_usd),
        _promptness(outlook.first_token_s, _FIRST_TOKEN_S),
        _promptness(outlook.total_s, _TOTAL_S),
    )


def weigh_estimate(estimate: Estimate, weights: Weights) -> float:
    """Give the weighted sum alone: what a choice among many compares."""
    outlook = estimate.outlook
    return (
        weights.quality * outlook.quality
        + weights.cost * _cheapness(estimate.cost_usd)
        + weights.first_token * _promptness(outlook.first_token_s, _FIRST_TOKEN_S)
        + weights.total * _promptness(outlook.total_s, _TOTAL_S)
    )


def _promptness(seconds: float, halved_at: float) -> float:
    return halved_at / (halved_at + seconds)


def _cheapness(cost_usd: float | None) -> float:
    """Give 0 where no price is known: unknown is not free."""
    if cost_usd is None:
        return 0.0
    if cost_usd <= _CHEAPEST:
        return 1.0
    return 0.0 if cost_usd >= _DEAREST else log10(_DEAREST / cost_usd) / _TENFOLDS
