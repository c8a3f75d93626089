"""What steps give to a workflow, and what a workflow returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

if TYPE_CHECKING:
    from agents.workflows.engine.work import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer of a model."""

    text: str
    code: str | None = None
    """The code in it, if it was asked for code."""
    files: Mapping[str, str] = field(default_factory=dict)
    """The same as files: content by path."""
    language: str | None = None
    model: str | None = None
    maker: str | None = None
    cost_usd: Decimal | None = None
    """None if unknown."""
    step: str | None = None
    """The key of the step that gave it."""
    problem: str | None = None
    """Why it failed its first check (cut off, empty, not parsable), as the end of a sentence."""
    output: Mapping[str, Any] = field(default_factory=dict)
    """The whole output, as recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A person's decision. A refusal is a decision too, not a failure."""

    approved: bool
    by: str | None = None
    comment: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOutcome:
    """The result of a child task."""

    text: str
    cost_usd: Decimal | None = None
    output: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a model says of the work of another one."""

    agrees: bool
    problems: tuple[str, ...] = ()
    """What must change, the worst first."""
    model: str | None = None
    is_by_author: bool = False
    """Whether no other model was there, so that it reviewed its own work."""

    def to_json(self) -> dict[str, JsonValue]:
        """Return it for the output of a result."""
        return {"model": self.model, "agrees": self.agrees, "problems": [*self.problems]}


@dataclass(frozen=True, slots=True)
class PanelMember:
    """A model that speaks in a role."""

    role: str
    model: str
    maker: str


@dataclass(frozen=True, slots=True)
class Panel:
    """Models of different makers, each in a role of its own. See `Run.panel`."""

    members: tuple[PanelMember, ...]
    """In the order of the roles; a role for which there is no model is absent."""
    strongest: Mapping[str, JsonValue] = field(default_factory=dict)
    """The model of the highest expected quality: `model`, `expected_usd`."""
    problem: str | None = None
    """Why there is none."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of the task. `output` has further keys beside `text`."""

    text: str
    output: Mapping[str, JsonValue] | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class LastStep:
    """The step with which the task ends: its output becomes the result. See `Run.hand_over`."""

    step: "Step[Any]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """The end of this task, and the start of the next one of its kind. See `Run.again`."""

    at: datetime | None = None
    params: Mapping[str, JsonValue] | None = None
    """None: those of this task."""
    result: Result | None = None
