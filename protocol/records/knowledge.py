"""What the database has learned of models, and what people think of answers."""

from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import Field

from protocol.records.base import Row
from protocol.records.controls import ControlRow


class OutcomeRow(Row):
    """Outcomes of one model at one type of task. Counts fade with age, so they are no integers."""

    model_id: str
    task_type: str
    after: list[str] = Field(default_factory=list)
    """Models whose answers to the same subtask a check had refused before, in order."""
    judged: float
    good: float
    """How many of the judged ones were good: a sum, parts of 1 included."""
    checked: float = 0
    passed: float = 0
    passed_good: float = 0
    total_ms: float | None = None
    """Means, like the next two; None where nothing was measured."""
    first_token_ms: float | None = None
    cost_usd: float | None = None


class ModelKnowledge(Row):
    """What orchestrators choose by."""

    outcomes: list[OutcomeRow]
    health: dict[str, Literal["degraded", "open"]]
    """By model; a model that is not named is well."""
    controls: list[ControlRow] = Field(default_factory=list)
    policies: dict[UUID, str] = Field(default_factory=dict)
    """By owner; the nil uuid is the deployment."""


class ModelReport(Row):
    """How one model did since a moment; its health is that of now."""

    model_id: str
    health: str
    reason: str | None = None
    since: datetime | None = None
    """Since when its health is so."""
    selections: int
    attempts: int
    completed: int
    failed: int
    availability: float | None = None
    """The share of attempts that were answered, of those that ended by themselves."""
    first_token_ms_p50: float | None = None
    duration_ms_p50: float | None = None
    duration_ms_p95: float | None = None
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal | None = None
    ratings: int
    satisfaction: float | None = None
    """The mean of what people said, from 0 to 1."""
    simulated: bool = False
    """Whether the vendor simulator answered in the model's place."""


class Rating(Row):
    """What one person thinks of the answer of a task."""

    task_id: UUID
    person: UUID
    score: Decimal
    comment: str | None = None
    model_id: str
    task_type: str
    rated_at: datetime
