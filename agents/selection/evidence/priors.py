"""Priors: estimates of a model by category, before any outcome was observed.

The numbers are guesses, each weighing as much as ten outcomes (`estimates.MASS`). They rank models;
they do not predict how often a model is right.
"""

from math import log10
from typing import Final

from agents.selection.model_profiles import ModelProfile
from agents.selection.requirements import Requirements

_CAPABILITIES: Final = {
    "code-generation": "code-generation",
    "code-optimization": "code-generation",
    "code-analysis": "code-analysis",
    "specialized-coding": "specialized-coding",
}
_REASONING_FACTORS: Final = {"low": 1.25, "medium": 1.5, "high": 2.0}
"""Factor on the duration of an answer that is preceded by reasoning."""
_MIN_PRICE: Final = 1e-7
_MAX_PRICE: Final = 75e-6
"""Range of dollars per output token in which a higher price indicates a stronger model."""


def map_to_capability(needs: Requirements) -> str:
    """Return the catalogue's capability that a task type calls for."""
    return _CAPABILITIES.get(needs.task_type, "general")


def guess_quality(profile: ModelProfile, needs: Requirements) -> float:
    """Return the share of such tasks that the model should do well, from 0 to 1."""
    abilities = profile.capabilities
    quality = 0.45
    if map_to_capability(needs) in abilities:
        quality += 0.10
    if needs.is_code and "specialized-coding" in abilities:
        quality += 0.06
    if "reasoning" in abilities:
        quality += 0.09 if needs.complexity == "high" else 0.05
    return quality + 0.30 * _strength(profile)


def guess_first_token_s(profile: ModelProfile) -> float:
    """Return the seconds to the first piece of the answer, or of reasoning where it is shown."""
    if profile.reasons_by_default:
        return 2.0
    return 0.6 if "performance" in profile.capabilities else 1.2


def guess_total_s(profile: ModelProfile, needs: Requirements) -> float:
    """Return the seconds to the end of an answer."""
    length = {"low": 0.5, "medium": 1.0, "high": 2.0}[needs.complexity]
    pace = 6.0 if "performance" in profile.capabilities else 15.0
    reasoning = _REASONING_FACTORS[needs.complexity] if profile.reasons_by_default else 1.0
    return guess_first_token_s(profile) + length * pace * reasoning


def _strength(profile: ModelProfile) -> float:
    """Return a rank by price, from 0 to 1: 0 on this machine, 0.5 if the price is unknown."""
    if profile.is_local:
        return 0.0
    if profile.output_usd is None:
        return 0.5
    price = min(max(profile.output_usd, _MIN_PRICE), _MAX_PRICE)
    return log10(price / _MIN_PRICE) / log10(_MAX_PRICE / _MIN_PRICE)
