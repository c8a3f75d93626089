"""The names by which people set how models are chosen."""

from enum import StrEnum


class PolicyName(StrEnum):
    """How a model is chosen; `docs/explanation/model-selection.md` explains each value."""

    RULES = "rules"
    SCORED = "scored"
    CHEAPEST = "cheapest"
    FASTEST = "fastest"
    CASCADE = "cascade"
    EXPLORE = "explore"
    ENSEMBLE = "ensemble"
