"""Models and their deployments: policies, outcomes, health, controls, ratings, circuits."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import Field

from protocol.records.base import Argument, Row


class PolicyName(StrEnum):
    """How a model is chosen among the candidates; see `docs/explanation/model-selection.md`."""

    AUTO = "auto"
    RULES = "rules"
    SCORED = "scored"
    CHEAPEST = "cheapest"
    FASTEST = "fastest"
    CASCADE = "cascade"
    EXPLORE = "explore"
    ENSEMBLE = "ensemble"


EXPLORE_MISTAKES: Final = 0.01
"""The mistakes per choice that trials may cost on average, by default."""

ControlAction = Literal["pin", "ban", "drain", "allow"]
"""pin: preferred to all others. ban: never selected, even if requested. drain: only selected if
requested by name, or if there is no other model. allow: removes the earlier control."""


class ControlRow(Row):
    """A control that is in force."""

    scope: str
    """`everywhere`, `owner:<uuid>` or `task_type:<type>`."""
    subject: str
    action: ControlAction
    reason: str
    who: str
    set_at: datetime


class Controlled(Row):
    """The effect of a control."""

    subject: str
    action: ControlAction
    scope: str
    was: ControlAction
    restamped: int
    """Waiting subtasks that get another model."""


class PolicySet(Row):
    """A policy and its predecessor; None is the default. Without an owner, the deployment's."""

    policy: str | None = None
    owner: UUID | None = None
    was: str | None = None


class ModelSwitch(Row):
    """A row of `cogo_model_switches`: a change in which models may be chosen."""

    at: datetime
    kind: str
    subject: str
    scope: str
    was: str | None = None
    became: str
    reason: str
    numbers: dict[str, Any] = Field(default_factory=dict)
    who: str


class OutcomeRow(Row):
    """Outcomes of one model at one kind of work. Weights decay with age, so they are floats."""

    model_id: str
    kind: str
    after: list[str] = Field(default_factory=list)
    """Models whose answers to the same question had failed before, in order."""
    judged: float = 0
    """The strengths of the judgements of answers, summed: of each answer that of the strongest."""
    good: float = 0
    """The same, each times its score from 0 (bad) to 1 (good)."""
    sources: dict[str, float] = Field(default_factory=dict)
    """The parts of `judged` by what judged: `feedback`, `run`, `review`, `schema` ..."""
    answered: float = 0
    """Answers that were measured, judged or not."""
    total_ms: float | None = None
    """A mean, like the next five; None if nothing was measured."""
    first_token_ms: float | None = None
    cost_usd: float | None = None
    input_tokens: float | None = None
    """Of the whole prompt, the part that was read from a cache included."""
    cached_tokens: float | None = None
    output_tokens: float | None = None
    called: float = 0
    """Attempts in which the model called tools, answered or not."""
    calls_repaired: float | None = None
    """The share of their calls that was repaired, of the mean attempt, like the next two."""
    calls_rejected: float | None = None
    calls_as_text: float | None = None
    """Written as text."""
    calls_failed: float | None = None
    """The share of the attempts that failed since no call could be run."""


class CheckRow(Row):
    """How often a source of judgements accepts answers that a stronger one found good or bad."""

    source: str
    kind: str
    good: float
    """The weight of the good answers, and of those of them that it had accepted."""
    good_passed: float
    bad: float
    bad_passed: float


class ModelOutcomes(Row):
    """What is known of models by kind of work, and how reliable the sources of that are."""

    outcomes: list[OutcomeRow]
    checks: list[CheckRow]


class JudgedAnswer(Row):
    """One answer of a model, and the strongest judgement of it."""

    subtask_id: UUID
    attempt: int
    question: str
    """The same where models were asked the same."""
    model_id: str
    kind: str
    source: str
    score: float
    """From 0 (bad) to 1 (good)."""
    strength: float
    """How much the judgement says, from 0 to 1."""
    judged_at: datetime
    has_form: bool | None
    """Whether the check of the form accepted it."""
    cost_usd: Decimal | None
    prompt: str | None


class ModelKnowledge(Row):
    """The data from which orchestrators select models."""

    outcomes: list[OutcomeRow]
    checks: list[CheckRow] = Field(default_factory=list)
    health: dict[str, Literal["degraded", "open"]]
    """By model; a model that is missing is healthy."""
    controls: list[ControlRow] = Field(default_factory=list)
    policies: dict[UUID, str] = Field(default_factory=dict)
    """By owner; the nil uuid is the deployment."""


class ModelReport(Row):
    """How one model performed since a given time; `health` is its health now."""

    model_id: str
    health: str
    reason: str | None = None
    since: datetime | None = None
    """When this state of health began."""
    selections: int
    attempts: int
    completed: int
    failed: int
    availability: float | None = None
    """The share of answered attempts among those that ended on their own."""
    first_token_ms_p50: float | None = None
    duration_ms_p50: float | None = None
    duration_ms_p95: float | None = None
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal | None = None
    ratings: int
    satisfaction: float | None = None
    """The mean rating, from 0 to 1."""
    simulated: bool = False
    """Whether the vendor simulator answered in place of the model."""


class Rating(Row):
    """One person's rating of a task's answer."""

    task_id: UUID
    person: UUID
    score: Decimal
    comment: str | None = None
    model_id: str
    task_type: str
    rated_at: datetime


CircuitState = Literal["closed", "open", "half_open"]


class Draw(Argument):
    """An amount to take from (or return to) a token bucket. Buckets of one name share a rate."""

    bucket: str
    amount: float
    per_minute: int


class CallsReport(Argument):
    """One agent's observations of one deployment since its last report."""

    deployment: str
    model_id: str
    provider: str
    answered: int = 0
    failed: int = 0
    """Failures of the vendor, except rate limits, refused keys and refused requests."""
    in_a_row: int = 0
    """Failures after the last answer."""
    unreachable: int | None = None
    """Consecutive failed connections up to now; None if none was tried."""
    retry_after_seconds: float | None = None
    """How long the vendor asked all callers to wait."""
    error: dict[str, Any] | None = None
    """The last error: class, message, status."""
    concurrency: int | None = None
    running: int | None = None
    trial: Literal["running", "answered", "failed", "void"] | None = None
    trial_id: UUID | None = None
    given_back: list[Draw] = Field(default_factory=list)
    """Amounts drawn in excess; negative if too little was drawn."""


class Circuit(Row):
    """A deployment that is resting, or whose circuit is open or half-open."""

    deployment: str
    state: CircuitState
    wait_seconds: float
    resting: bool | None = None
    """Whether the vendor asked to wait, which `wait_seconds` includes."""


class Trial(Row):
    """Whether the caller may make the single trial call of a half-open circuit."""

    granted: bool
    state: CircuitState
    wait_seconds: float


class Drawn(Row):
    """Whether the buckets had enough, and how long to wait before the next try."""

    granted: bool
    wait_seconds: float


class CachedAnswer(Row):
    """A cached answer."""

    answer: dict[str, Any]
    created_at: datetime


class DeploymentRow(Row):
    """The health of a deployment, learned from calls, never from probes."""

    deployment: str
    model_id: str | None = None
    provider: str | None = None
    state: Literal["closed", "open", "half_open", "resting"]
    wait_seconds: float
    answered: Decimal
    """Calls of the last minutes, with decreasing weight by age, like `failed`."""
    failed: Decimal
    openings: int
    last_error: dict[str, Any] | None = None
    last_error_at: datetime | None = None
    changed_at: datetime
    agents: int
    concurrency: int
    """Total concurrent calls that the executors of the last minute allow."""
    running: int
    unreachable_for: int
    """Number of executors that cannot connect to it."""
