"""What experience says: outcomes per model and type of task, and who is unwell. Immutable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

ModelHealth = Literal["open", "degraded"]
"""`open`: the circuit of every deployment is; `degraded`: it answers, but worse than it used to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Outcomes of one model at one type of task. Means are over the `n`; None is not known."""

    n: int
    success: float
    """How many of the `n` were good: a sum, and a part of 1 counts as that part."""
    first_token_ms: float | None = None
    total_ms: float | None = None
    cost_usd: float | None = None
    checked: int = 0
    """How many of the `n` went through a check of their output."""
    passed: float = 0.0
    """How many of those it accepted."""
    passed_good: float = 0.0
    """How many of the accepted ones were good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """A snapshot. `task_type` is that of `Requirements`: `code-generation`, `general`, ..."""

    outcomes: Mapping[tuple[str, str], Observed] = field(default_factory=dict)
    """By (model, task type)."""
    rescues: Mapping[tuple[tuple[str, ...], str, str], Observed] = field(default_factory=dict)
    """By (models whose answers a check refused, in order; the next model; task type): how the next
    one did. Models fail at the same tasks, so this is worse than what they do otherwise."""
    health: Mapping[str, ModelHealth] = field(default_factory=dict)
    """By model; a model that is not named is well."""


NO_OBSERVATIONS: Final = Observations(
    outcomes=MappingProxyType({}), rescues=MappingProxyType({}), health=MappingProxyType({})
)
