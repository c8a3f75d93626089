"""Observed outcomes per model and task type, and the health of models. Immutable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

ModelHealth = Literal["open", "degraded"]
"""`open`: the circuits of all its deployments are open; `degraded`: it answers, but worse than
usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Outcomes of one model at one task type. Means are over the `n`; None is unknown."""

    n: int
    success: float
    """The sum of the outcomes, each from 0 (bad) to 1 (good)."""
    first_token_ms: float | None = None
    total_ms: float | None = None
    cost_usd: float | None = None
    checked: int = 0
    """How many of the `n` went through an output check."""
    passed: float = 0.0
    """How many of those passed."""
    passed_good: float = 0.0
    """How many of those that passed were good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """A snapshot. Task types are those of `Requirements`: `code-generation`, `general`, ..."""

    outcomes: Mapping[tuple[str, str], Observed] = field(default_factory=dict)
    """By (model, task type)."""
    rescues: Mapping[tuple[tuple[str, ...], str, str], Observed] = field(default_factory=dict)
    """Outcomes after failed checks, by (models whose answers failed, in order; the next model; task
    type). Models fail at the same tasks, so these are worse than the others."""
    health: Mapping[str, ModelHealth] = field(default_factory=dict)
    """By model; a model that is absent is healthy."""


NO_OBSERVATIONS: Final = Observations(
    outcomes=MappingProxyType({}), rescues=MappingProxyType({}), health=MappingProxyType({})
)
