"""What one advance of a workflow answers, as JSON between processes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from agents.workflows.engine.values import Review
from protocol.records import JudgementSource, StepJudgement
from protocol.records.flows import StepKind


class _Outcome(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class StepRequest(_Outcome):
    """A step that a workflow asks for, before it has a lane."""

    key: str
    kind: StepKind
    request: dict[str, JsonValue]
    digest: str
    """Hash of the kind and the request."""
    role: str | None = None
    answer: bool = False
    """Whether watchers see its text as the task's text."""


class DecisionRequest(_Outcome):
    """A decision that a workflow needs before it can go on."""

    key: str
    kind: str
    arguments: dict[str, JsonValue] = Field(default_factory=dict)


class Drift(_Outcome):
    """A step whose request has changed since it was recorded; the record counts."""

    key: str
    was: str | None
    now: str


class JudgementLog:
    """What a replay says of answers, the first of each source, in order."""

    def __init__(self) -> None:
        self._found: dict[tuple[str | None, str | None, JudgementSource], StepJudgement] = {}

    def add(
        self,
        source: JudgementSource,
        score: float,
        *,
        step: str | None = None,
        model: str | None = None,
        judge: str | None = None,
    ) -> None:
        """Add what a source says of the answer of a step, or of the last one of a model."""
        judgement = StepJudgement(source=source, score=score, step=step, model=model, judge=judge)
        self._found.setdefault((step, model, source), judgement)

    def add_review(
        self, review: Review, judge: str, *, authors: Sequence[str], step: str | None
    ) -> None:
        """Add a review of the answer of a step, or of what these models have written.

        What several models have written tells of none of them, and an author's own review nothing.
        """
        if len(authors) == 1 and not review.is_by_author:
            score = float(review.agrees)
            self.add("review", score, step=step, model=authors[0], judge=judge)

    def list(self) -> list[StepJudgement]:
        """Return all of them."""
        return [*self._found.values()]


class _Judging(_Outcome):
    """An outcome that also says what is known of the answers."""

    judgements: list[StepJudgement] = Field(default_factory=list)


class Suspended(_Judging):
    """The workflow waits for steps."""

    outcome: Literal["suspended"] = "suspended"
    steps: list[StepRequest] = Field(default_factory=list)
    """New ones, in the order in which they were asked for."""
    awaits: list[str]
    """Keys of the steps whose end wakes the flow, whether new or not."""
    wait: Literal["all", "any"]
    cancel: list[str] = Field(default_factory=list)
    """Keys of open steps that are not needed any more."""
    drift: list[Drift] = Field(default_factory=list)


class Finished(_Judging):
    """The workflow has ended with a result."""

    outcome: Literal["finished"] = "finished"
    text: str
    output: dict[str, JsonValue] = Field(default_factory=dict)
    """Further keys of the task's result."""
    drift: list[Drift] = Field(default_factory=list)


class HandedOver(_Judging):
    """The task ends with one more step, whose output becomes its result."""

    outcome: Literal["handed_over"] = "handed_over"
    step: StepRequest
    drift: list[Drift] = Field(default_factory=list)


class Repeats(_Judging):
    """This task has ended, and the next one of its kind begins."""

    outcome: Literal["repeats"] = "repeats"
    at: datetime | None = None
    params: dict[str, JsonValue] | None = None
    text: str = ""
    output: dict[str, JsonValue] = Field(default_factory=dict)
    drift: list[Drift] = Field(default_factory=list)


class NeedsDecisions(_Outcome):
    """The caller makes the decisions, adds them to the record and advances again."""

    outcome: Literal["needs_decisions"] = "needs_decisions"
    requests: list[DecisionRequest]


class NeedsOutput(_Outcome):
    """The caller adds the outputs of these steps to the record and advances again."""

    outcome: Literal["needs_output"] = "needs_output"
    keys: list[str]


class FlowFailed(_Outcome):
    """The workflow has failed, and with it the task."""

    outcome: Literal["failed"] = "failed"
    error_class: str
    message: str
    step: str | None = None
    """Key of the step whose failure ended it."""
    field: str | None = None
    """Of class `invalid_task`: what its owner must change."""
    allowed: list[str] | None = None
    drift: list[Drift] = Field(default_factory=list)


Advance: TypeAlias = (
    Suspended | Finished | HandedOver | Repeats | NeedsDecisions | NeedsOutput | FlowFailed
)

ADVANCE: TypeAdapter[Advance] = TypeAdapter(Annotated[Advance, Field(discriminator="outcome")])
"""Reads an advance from JSON."""

__all__ = [
    "ADVANCE", "Advance", "DecisionRequest", "Drift", "Finished", "FlowFailed", "HandedOver",
    "NeedsDecisions", "NeedsOutput", "Repeats", "StepRequest", "Suspended",
]  # fmt: skip
