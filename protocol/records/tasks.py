"""Tasks, subtasks, who may see them, and what they wait for: answers of people, and events."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Protocol
from uuid import UUID

from pydantic import Field, JsonValue

from protocol.json_values import JsonObject
from protocol.lifecycle import SubtaskState, TaskState
from protocol.records.base import Argument, ListedRow, Row


class NewTask(Argument):
    """A task to submit. Only `prompt` is required; the orchestrator validates the rest."""

    id: UUID | None = None
    """Chosen by callers that listen before the task begins, or retry the submission."""
    owner: UUID | None = None
    """Only operators may choose it; for others it is the caller."""
    prompt: str
    type: str = "GENERATE_CODE"
    params: JsonObject = Field(default_factory=dict)
    priority: int = 5
    model: str | None = None
    preferences: JsonObject = Field(default_factory=dict)
    session_id: UUID | None = None
    idempotency_key: str | None = None
    budget_usd: Decimal | None = None
    deadline: datetime | None = None
    run_at: datetime | None = None
    stream: bool = True
    project: str | None = None
    """What caps, usage and visibility can go by; blanks around it do not count."""
    tags: list[str] = Field(default_factory=list)


class Task(ListedRow):
    """A row of `cogo_tasks`."""

    id: UUID
    seq: int = 0
    """Order of insertion, which lists are paged by."""
    type: str
    prompt: str
    params: JsonValue = None
    priority: int = 5
    owner: UUID | None = None
    session_id: UUID | None = None
    idempotency_key: str | None = None
    model: str | None = None
    preferences: JsonValue = None
    budget_usd: Decimal | None = None
    deadline: datetime | None = None
    run_at: datetime | None = None
    stream: bool = True
    status: TaskState
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    cost_usd: Decimal | None = None
    """None if the cost of any attempt is unknown."""
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    simulated: bool = False
    """Whether the vendor simulator answered in place of a model."""
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    parent_task_id: UUID | None = None
    """The task whose workflow inserted this one. It has the cost of this one, too."""
    previous_task_id: UUID | None = None
    """The run before this one, if its workflow repeats itself. It may have been deleted."""
    forked_from: UUID | None = None
    """The task that this one asks again, with changes. It may have been deleted."""
    column_id: UUID | None = None
    """The AI column for which it was submitted; lists leave it out."""
    follow_up: str | None = None
    """What memory needs it for: embed, summary or extract. Such tasks are deleted when they end."""
    project: str | None = None
    tags: list[str] = Field(default_factory=list)


class TaskChanges(Argument):
    """What a fork of a task has instead of the original; what is not set stays."""

    prompt: str = ""
    type: str = ""
    params: JsonObject | None = None
    priority: int = 5
    model: str | None = None
    preferences: JsonObject | None = None
    budget_usd: Decimal | None = None
    stream: bool = True
    project: str | None = None
    tags: list[str] = Field(default_factory=list)


class TaskLine(ListedRow):
    """A task in a list, without params and result."""

    id: UUID
    seq: int
    type: str
    prompt: str
    owner: UUID | None = None
    session_id: UUID | None = None
    model: str | None = None
    priority: int
    status: TaskState
    budget_usd: Decimal | None = None
    cost_usd: Decimal | None = None
    simulated: bool = False
    project: str | None = None
    tags: list[str] = Field(default_factory=list)
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None


class InProject(Protocol):
    """A row that belongs to an owner, and perhaps to a project."""

    @property
    def owner(self) -> UUID | None:
        """The owner; None: nobody."""
        ...

    @property
    def project(self) -> str | None:
        """The project."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Visibility:
    """Whose tasks, questions and calls somebody may see."""

    owner: UUID | None = None
    """Themselves; None: those without an owner."""
    every_owner: bool = False
    projects: frozenset[str] = frozenset()
    """Projects of which they are a member, whose tasks they see, too."""
    only_project: str | None = None
    """All else is hidden."""

    def includes(self, row: InProject) -> bool:
        """Return whether a row may be seen."""
        if self.only_project is not None and row.project != self.only_project:
            return False
        return self.every_owner or row.owner == self.owner or row.project in self.projects


EVERYTHING: Final = Visibility(every_owner=True)
"""What operators see."""


_Name = Annotated[str, Field(max_length=255)]


class TaskFilter(Argument):
    """Which tasks a list is about: those that meet all of it."""

    status: list[TaskState] = Field(default_factory=list, description="Any of these.")
    type: list[_Name] = Field(default_factory=list, max_length=100, description="Any of these.")
    model: list[_Name] = Field(
        default_factory=list,
        max_length=100,
        description="Any of these, as the task names it or as one of its attempts used it.",
    )
    owner: list[UUID | Literal["none"]] = Field(
        default_factory=list, max_length=100, description="Any of these; `none`: without an owner."
    )
    project: list[_Name] = Field(
        default_factory=list, max_length=100, description="Any of these; `none`: without a project."
    )
    tag: list[_Name] = Field(default_factory=list, max_length=20, description="All of these.")
    since: datetime | None = Field(None, description="Created then or later.")
    until: datetime | None = Field(None, description="Created before.")
    min_cost: Decimal | None = Field(None, allow_inf_nan=False, description="US dollars.")
    max_cost: Decimal | None = Field(None, allow_inf_nan=False, description="US dollars.")
    q: str | None = Field(
        None,
        max_length=500,
        description="Words of the prompt, the result or the error, as in a search on the web: "
        '`sort "a list" -numbers or quicksort`; or the beginning of an id.',
    )
    dead: bool = Field(False, description="Only with a dead letter.")
    asking: bool = Field(False, description="Only with an open question to a person.")
    children: bool = Field(False, description="Include child tasks of workflows.")


class TaskPage(Row):
    """A page of tasks, newest first. It may be short, or empty, though there is a next one."""

    tasks: list[Task]
    next: int | None = Field(description="`before` of the next page; null if there is none.")
    newer: int | None = Field(
        None, description="`after` of the page of newer tasks; null if there are none."
    )


class TaskCount(Row):
    """How many tasks there are."""

    count: int = Field(description="10,000 at most.")
    is_more: bool = Field(description="There may be more: not all could be counted in time.")


class TaskFacets(Row):
    """What the newest tasks have, the most frequent first: what a list can be filtered by."""

    types: list[str]
    models: list[str]
    projects: list[str]
    tags: list[str]
    owners: list[str] = Field(description="`none`: there are tasks without an owner.")


class Subtask(ListedRow):
    """A row of the view `cogo_subtasks`."""

    id: UUID
    task_id: UUID
    key: str
    type: str
    lane: str
    status: SubtaskState
    attempt: int
    failures: int
    reaps: int
    sink: bool
    on_failure: str = "fail_task"
    agent_id: str | None = None
    run_at: datetime | None = None
    lease_expires_at: datetime | None = None
    dead_at: datetime | None = None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    params: dict[str, Any] = Field(default_factory=dict)
    metadata: dict[str, Any] = Field(default_factory=dict)
    output: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    checkpoint: dict[str, Any] | None = None
    dependencies: list[UUID] = Field(default_factory=list)
    kind: str = "ask"
    """`flow`, or the kind of a step; see `protocol.records.flows.StepKind`."""
    end_no: int | None = None
    """Its place among the ends of the workflow's steps."""
    not_needed: bool = False
    """Whether the workflow cancelled it."""
    decisions: dict[str, JsonValue] | None = None
    """Only of a flow: what its workflow took from the world, by key."""
    child_task_id: UUID | None = None
    """Only of a step that is a child task: that task, once it was inserted."""


class ApprovalRow(ListedRow):
    """A row of `cogo_approvals`: a question to a person."""

    id: UUID
    seq: int = 0
    """Order in which they were asked, which lists are paged by."""
    task_id: UUID
    subtask_id: UUID
    owner: UUID | None = None
    key: str
    """The key of the step that waits for the answer; of a call, with `/` and the call's id."""
    call_id: str | None = None
    """The call of a tool that is asked about."""
    question: str
    show: JsonValue = None
    """What the person should see before the answer."""
    by: str | None = None
    """Who may answer: None: the owner; the uuid of a person; or `operators`, who always may."""
    asked_at: datetime
    answered_at: datetime | None = None
    approved: bool | None = None
    answered_by: UUID | None = None
    """The person; None: an operator."""
    comment: str | None = None
    withdrawn_at: datetime | None = None
    """When the step ended without an answer, or nobody needed it any more."""
    withdrawn_reason: str | None = None
    """Why nobody needs the answer; None: the step has ended."""
    kind: Literal["step", "tool", "budget"] = "step"
    """What asks: a step, a call of a tool, or a budget that is spent."""
    cost_usd: Decimal | None = None
    """What an approval may cost; None if unknown."""
    expires_at: datetime | None = None
    """When it is answered without a person, as `on_expiry` says; None: never."""
    on_expiry: Literal["refuse", "approve"] = "refuse"
    escalate_at: datetime | None = None
    escalate_to: str | None = None
    """Who may answer too from `escalate_at` on: the uuid of a person, or `operators`."""
    escalated_at: datetime | None = None
    project: str | None = None
    """That of the task."""
    answered_who: str | None = None
    """Who answered: `key:ID`, `user:ID`, `cli:USER@HOST`; None: nobody, or it is unknown."""
    answered_via: str | None = None
    """How, such as `http` or `link`; `expiry`: nobody had answered in time."""

    @property
    def answered_name(self) -> str:
        """The name of the person or operator who answered, for a sentence."""
        if self.answered_by is not None:
            return str(self.answered_by)
        return f"the operator {self.answered_who}" if self.answered_who else "an operator"

    @property
    def is_open(self) -> bool:
        """True if it waits for an answer."""
        return self.answered_at is None and self.withdrawn_at is None

    @property
    def is_text_question(self) -> bool:
        """True if a model asks a person something, in place of leave to call a tool."""
        if self.call_id is None:
            return False
        show = self.show
        return not (
            (isinstance(show, dict) and "tool" in show)
            or (isinstance(show, str) and show.startswith('{"tool"'))
        )

    @property
    def step(self) -> str:
        """The key of the step alone."""
        if self.kind == "budget":
            return self.key.rsplit("/budget", 1)[0]
        return self.key if self.call_id is None else self.key.rsplit(f"/{self.call_id}", 1)[0]


class SentEvent(ListedRow):
    """A row of `cogo_sent_events`: an event that was sent to a task."""

    id: UUID
    task_id: UUID
    name: str
    payload: JsonValue = None
    idempotency_key: str | None = None
    sent_by: UUID | None = None
    """The person; None: an operator."""
    sent_at: datetime
    subtask_id: UUID | None = None
    """The step that took it; None: it is kept for the next step that waits for this name."""
    taken_at: datetime | None = None
