"""Ends of attempts: completions, failures, and the database's answers."""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from pydantic import Field, JsonValue

from protocol.records.base import Argument, Row
from protocol.records.flows import StepKind
from protocol.records.history import CandidateColumns
from protocol.records.leases import Checkpoint, Claim, LeasedRow, LeaseRef
from protocol.records.turns import ToolWait


class SelectionRecord(Argument):
    """The selection of a model, as it is stored and announced."""

    key: str | None = None
    """Key of its step."""
    task_id: str | None = None
    """Only for selections without a step, like the next three fields."""
    subtask_id: str | None = None
    request_id: UUID | None = None
    """Id of the request: only the first answer to it is stored and announced."""
    unnamed_request: bool = False
    """Whether `request_id` was derived from the message's content, so that it may recur."""
    agent_id: str | None = None
    requested_model: str | None = None
    selected_model: str | None = None
    provider: str | None = None
    policy: str | None = None
    requirements: dict[str, Any] = Field(default_factory=dict)
    candidates: CandidateColumns = Field(default_factory=CandidateColumns)
    available_models: list[str] = Field(default_factory=list)
    model_capabilities: dict[str, list[str]] = Field(default_factory=dict)
    reason: str


class ErrorInfo(Argument):
    """An error, for the person whose task failed."""

    class_: str = Field(alias="class")
    message: str
    field: str | None = None
    allowed: list[str] | None = None
    status: int | None = None
    vendor: str | None = None
    hint: str | None = None
    step: str | None = None
    """Key of the step whose failure ended the workflow: a redrive of the task does it again."""
    retry_at: datetime | None = None
    """When the vendor may be called again, if that is much later."""


class NewChildTask(Argument):
    """The task that a step of the kind `task` starts."""

    type: str
    prompt: str
    params: dict[str, JsonValue] = Field(default_factory=dict)
    budget_usd: Decimal | None = None
    model: str | None = None
    preferences: dict[str, JsonValue] = Field(default_factory=dict)


class NewStep(Argument):
    """A step that a workflow asks for."""

    key: str
    kind: StepKind
    type: str
    lane: str
    params: dict[str, Any] = Field(default_factory=dict)
    metadata: dict[str, Any] = Field(default_factory=dict)
    """`digest` is read back in the record; `role` and `answer` are announced with progress."""
    max_failures: int | None = None
    run_at: datetime | None = None
    priority: int | None = None
    error: ErrorInfo | None = None
    """Why nobody can do it: it is stored as failed."""
    child: NewChildTask | None = None
    """Only of the kind `task`."""


class Suspension(Argument):
    """What a flow asks for and waits for."""

    steps: list[NewStep] = Field(default_factory=list)
    selections: list[SelectionRecord] = Field(default_factory=list)
    decisions: dict[str, JsonValue] = Field(default_factory=dict)
    awaits: list[str]
    """Keys of all steps that it waits for, whether new or not."""
    wait: Literal["all", "any"] = "all"
    cancel: list[str] = Field(default_factory=list)
    """Keys of steps that are not needed any more."""
    drift: list[dict[str, JsonValue]] = Field(default_factory=list)
    """Steps whose request has changed since it was recorded: `key`, `was` and `now`."""


class HandOver(Argument):
    """The end of a flow whose task ends with a last step."""

    step: NewStep
    selections: list[SelectionRecord] = Field(default_factory=list)
    decisions: dict[str, JsonValue] = Field(default_factory=dict)


class NextRun(Argument):
    """The end of a flow that completes its task and inserts the next one."""

    at: datetime | None = None
    params: dict[str, JsonValue] | None = None
    """None: those of this task."""
    output: dict[str, Any] = Field(default_factory=dict)
    """The result of this task."""


class Route(Argument):
    """Another model for a subtask that an executor gave back."""

    lane: str
    params: dict[str, Any] = Field(default_factory=dict)
    metadata: dict[str, Any] = Field(default_factory=dict)
    selection: SelectionRecord


class Usage(Argument):
    """Usage of one attempt. None is unknown, not 0."""

    model_id: str
    provider: str
    input_tokens: int | None = None
    """Prompt tokens that were not read from a cache."""
    cached_tokens: int | None = None
    output_tokens: int | None = None
    """All generated tokens, reasoning included."""
    reasoning_tokens: int | None = None
    cost_usd: Decimal | None = None
    first_token_ms: int | None = None
    duration_ms: int
    finish_reason: str | None = None
    simulated: bool = False
    """Whether the vendor simulator answered; the cost is 0, and nothing is learned from it."""
    derived: dict[str, Any] = Field(default_factory=dict)
    """Values that COGO derived, such as the source of the price."""


class SessionMessage(Argument):
    """A message of a session."""

    role: Literal["user", "assistant"]
    content: str
    exchange: list[dict[str, JsonValue]] | None = None
    """Of an answer: the calls of tools that led to it and their results, as `chat_json` writes."""


JudgementSource = Literal[
    "approval", "speed", "run", "common_tests", "written_tests", "own_tests", "review", "agreement"
]
"""What a workflow can learn the worth of an answer from; `cogo.list_judgement_sources()` has all,
with their strengths."""


class StepJudgement(Argument):
    """What a workflow says of an answer; counted for the model that wrote it."""

    source: JudgementSource
    score: float = Field(ge=0, le=1)
    """From 0 (bad) to 1 (good)."""
    step: str | None = None
    """The key of the step whose answer it is."""
    model: str | None = None
    """Without a step: the last answer of this model for the task."""
    judge: str | None = None
    """The key of the step of a model that judged."""


class Completion(Argument):
    """The result of a completed attempt.

    A flow ends its attempt with a suspension, a hand-over, its next run, or the task's result in
    `output`; a rerouted subtask in lane `cio` with a route; all others with an output, or by
    waiting for persons.
    """

    ref: LeaseRef
    output: dict[str, Any] = Field(default_factory=dict)
    usage: Usage | None = None
    route: Route | None = None
    messages: list[SessionMessage] = Field(default_factory=list)
    suspend: Suspension | None = None
    hand_over: HandOver | None = None
    again: NextRun | None = None
    wait: ToolWait | None = None
    """Questions after whose answers the subtask goes on with its stored turns."""
    judgements: list[StepJudgement] = Field(default_factory=list)
    """Of a flow: all that it says of the answers of its steps so far; the first of each source
    counts."""

    def list_selections(self) -> list[SelectionRecord]:
        """Return the selections of models that are stored with it."""
        found = [] if self.route is None else [self.route.selection]
        for each in (self.suspend, self.hand_over):
            found += [] if each is None else each.selections
        return found


class CompletionAnswer(LeasedRow):
    """The result of one completion."""

    answer: Literal["ok", "duplicate", "stale", "closed", "unknown", "invalid"]
    detail: str | None = None


class UnrecordedCall(Row):
    """A call to a model whose end cannot be recorded, and why."""

    id: str | None = None
    detail: str


class RoundTrip(Row):
    """The results of completions, and of the claim that was sent with them."""

    answers: list[CompletionAnswer]
    claimed: list[Claim] | None = None
    """None: nothing was claimed, but a claim of its own may find work."""
    refusal: str | None = None
    """Why the claim was refused."""
    problems: list[UnrecordedCall] = Field(default_factory=list)


class FailureAction(StrEnum):
    """What happens after a failure."""

    RETRY = "retry"
    """The same model is tried later."""
    REROUTE = "reroute"
    """The CIO chooses another model."""
    GIVE_UP = "give_up"
    SNOOZE = "snooze"
    """As RETRY, without counting a failure."""


class Failure(Argument):
    """A failed attempt."""

    ref: LeaseRef
    error: ErrorInfo
    action: FailureAction
    retry_after: timedelta | None = None
    usage: Usage | None = None
    output: Checkpoint | None = None
    """What it had written; None: what its last checkpoint has."""


class FailureAnswer(LeasedRow):
    """The result of recording a failure."""

    answer: Literal["ok", "duplicate", "stale", "closed", "unknown"]
    status: str | None = None
    run_at: datetime | None = None
    after_ms: int | None = None
    """Time until `run_at`, by the database's clock."""
