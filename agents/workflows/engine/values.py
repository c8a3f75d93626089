"""What steps give to a workflow, and what a workflow returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from protocol.records.flows import StepRecord

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


def read_answer(record: StepRecord) -> Answer:
    """Return the answer in the output of a step."""
    output = record.output or {}
    files = output.get("files")
    return Answer(
        text=_get_text(output, "text") or "",
        code=_get_text(output, "generated_code"),
        files={str(path): str(text) for path, text in files.items()}
        if isinstance(files, dict)
        else {},
        language=_get_text(output, "language"),
        model=_get_text(output, "model_used") or record.model_id,
        maker=_get_text(_get_mapping(output, "derived"), "maker"),
        cost_usd=record.cost_usd,
        problem=_find_problem(output),
        output=output,
    )


def read_outcome(record: StepRecord) -> TaskOutcome:
    """Return the result of a child task, whose output was copied to the step."""
    output = record.output or {}
    return TaskOutcome(
        text=_get_text(output, "text") or "", cost_usd=record.cost_usd, output=output
    )


def _find_problem(output: Mapping[str, Any]) -> str | None:
    problem = _get_text(output, "problem")
    if problem is not None:
        return problem
    verification = _get_mapping(output, "verification")
    if verification.get("status") != "failed":
        return None
    return _get_text(verification, "reason") or "it failed a check"


def _get_text(values: Mapping[str, Any], key: str) -> str | None:
    value = values.get(key)
    return value if isinstance(value, str) else None


def _get_mapping(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = values.get(key)
    return value if isinstance(value, dict) else {}
