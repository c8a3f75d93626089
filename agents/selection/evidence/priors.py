"""What is expected of a model before anybody saw it work: by category, for that predicts best.

The numbers are guesses, worth ten outcomes each (`estimates.MASS`); they are about the order of
models and not about how often one is right.
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
_REASONING: Final = {"low": 1.25, "medium": 1.5, "high": 2.0}
"""How much longer an answer takes with the reasoning before it; models decide how much they do."""
_CHEAP: Final = 1e-7
_DEAR: Final = 75e-6
"""Dollars per token of output between which a price tells of strength."""


def capability_for(needs: Requirements) -> str:
    """Give the capability of the catalogue that a type of task calls for."""
    return _CAPABILITIES.get(needs.task_type, "general")


def quality_prior(card: ModelProfile, needs: Requirements) -> float:
    """Give the share of such tasks that the model may be expected to do well, from 0 to 1."""
    abilities = card.capabilities
    quality = 0.45
    if capability_for(needs) in abilities:
        quality += 0.10
    if needs.is_code and "specialized-coding" in abilities:
        quality += 0.06
    if "reasoning" in abilities:
        quality += 0.09 if needs.complexity == "high" else 0.05
    return quality + 0.30 * _strength(card)


def first_token_prior(card: ModelProfile) -> float:
    """Return the seconds to the first piece of the answer, or of reasoning where it is shown."""
    if card.reasons_unasked:
        return 2.0
    return 0.6 if "performance" in card.capabilities else 1.2


def total_prior(card: ModelProfile, needs: Requirements) -> float:
    """Return the seconds to the end of an answer."""
    length = {"low": 0.5, "medium": 1.0, "high": 2.0}[needs.complexity]
    pace = 6.0 if "performance" in card.capabilities else 15.0
    reasoning = _REASONING[needs.complexity] if card.reasons_unasked else 1.0
    return first_token_prior(card) + length * pace * reasoning


def _strength(card: ModelProfile) -> float:
    """Read the price: makers ask more for what can do more. 0 on this machine, half if unknown."""
    if card.is_local:
        return 0.0
    if card.output_usd is None:
        return 0.5
    price = min(max(card.output_usd, _CHEAP), _DEAR)
    return log10(price / _CHEAP) / log10(_DEAR / _CHEAP)
