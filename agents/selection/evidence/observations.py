"""Observed outcomes per model and kind of work, and the health of models. Immutable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

ModelHealth = Literal["open", "degraded"]
"""`open`: the circuits of all its deployments are open; `degraded`: it answers, but worse than
usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Outcomes of one model at one kind of work. Weights decay with age, so they are floats.

    An answer that nobody judged teaches what it took, and nothing about quality.
    """

    judged: float = 0.0
    """The weight of the judgements: each answer counts its strength, from 0 to 1."""
    good: float = 0.0
    """The sum of the same weights, each times its score from 0 (bad) to 1 (good)."""
    judged_by: Mapping[str, float] = field(default_factory=dict)
    """The parts of `judged` by what judged: `feedback`, `run`, `edit` ..."""
    answered: float = 0.0
    """Answers whose time, tokens and cost were measured, judged or not."""
    first_token_ms: float | None = None
    """A mean over the answered, like the next five; None is unknown."""
    total_ms: float | None = None
    cost_usd: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None
    cached_tokens: float | None = None
    """Input tokens that the vendor had cached."""
    called: float = 0.0
    """Attempts in which the model called tools, answered or not."""
    calls_rejected: float = 0.0
    """The sum of the shares of their calls that could not be run."""
    calls_failed: float = 0.0
    """Those of the attempts that failed since none could."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckAccuracy:
    """How often a check accepts good and bad answers, as a stronger judgement showed. Weights."""

    good: float = 0.0
    """Answers that are known to be good."""
    good_passed: float = 0.0
    """Those of them that the check accepted."""
    bad: float = 0.0
    """Answers that are known to be bad."""
    bad_passed: float = 0.0
    """Those of them that the check accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """A snapshot. Kinds are those of `Requirements`: `code-generation`, `general`, ..."""

    outcomes: Mapping[tuple[str, str], Observed] = field(default_factory=dict)
    """By (model, kind)."""
    rescues: Mapping[tuple[tuple[str, ...], str, str], Observed] = field(default_factory=dict)
    """Outcomes after failed checks, by (models whose answers failed, in order; the next model;
    kind). Models fail at the same tasks, so these are worse than the others."""
    checks: Mapping[tuple[str, str], CheckAccuracy] = field(default_factory=dict)
    """By (check, kind)."""
    health: Mapping[str, ModelHealth] = field(default_factory=dict)
    """By model; a model that is absent is healthy."""
    sizes: Mapping[str, float] = field(default_factory=dict)
    """Billions of parameters of open models, as their servers say."""


NO_OBSERVATIONS: Final = Observations(
    outcomes=MappingProxyType({}),
    rescues=MappingProxyType({}),
    checks=MappingProxyType({}),
    health=MappingProxyType({}),
    sizes=MappingProxyType({}),
)
