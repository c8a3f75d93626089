"""Spending: calls to models, budgets, grants and usage; and what operators did about it."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import Field, JsonValue

from protocol.records.base import Argument, ListedRow, Row

BudgetScope = Literal["total", "owner", "provider", "column", "project"]
BudgetPeriod = Literal["day", "month", "ever"]

NOBODY: Final = UUID(int=0)
"""Stands for tasks without an owner where None means all."""


class CallStart(Argument):
    """A call to a model that is about to be made."""

    id: UUID
    task_id: UUID | None = None
    subtask_id: UUID | None = None
    attempt: int | None = None
    """With `subtask_id`: the reservation ends with this attempt."""
    owner: UUID | None = None
    model_id: str
    provider: str
    provider_model: str
    regions: list[str] | None = None
    """Where the provider declares that it processes prompts; None if it does not."""
    simulated: bool = False
    key_label: str | None = None
    masked_keys: int = 0
    prompt_sha256: str
    max_usd: Decimal | None = None
    """Maximum cost; None if no price is known."""


class CallEnd(CallStart):
    """The same call when it has ended."""

    outcome: Literal["completed", "failed", "cancelled", "cached"]
    first_token_ms: int | None = None
    duration_ms: int
    input_tokens: int | None = None
    """Prompt tokens neither read from nor written to a cache. The counts are disjoint."""
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    """All generated tokens, reasoning included."""
    reasoning_tokens: int | None = None
    cost_usd: Decimal | None = None
    price_source: str | None = None
    price_date: date | None = None
    error_class: str | None = None
    prompt: dict[str, Any] | None = None
    """Only if the operator enabled storing prompts."""


class CallAnswer(Row):
    """Whether a call may be made."""

    answer: Literal["ok", "refused", "wait", "not_granted", "banned", "stopped", "stale"]
    scope: str | None = None
    """Which budget refuses it: task, total, owner, provider or column."""
    detail: str | None = None
    resets_at: datetime | None = None
    question: dict[str, JsonValue] | None = None
    """Of a refusal: the cap that the step may wait for, if its task asks in place of failing."""


class NamedCallAnswer(CallAnswer):
    """Whether one of several calls may be made."""

    id: UUID


class Booked(Row):
    """Whether this request booked the end of a call; False if it was booked before."""

    booked: bool


class Budget(Row):
    """A budget and the amount spent in the current period."""

    scope: BudgetScope
    key: str
    per: BudgetPeriod
    limit_usd: Decimal
    allow_unpriced: bool
    spent_usd: Decimal
    reserved_usd: Decimal
    resets_at: datetime | None = None
    is_default: bool = False
    """Whether it comes from the default, for an owner without a budget of their own."""
    extra_usd: Decimal = Decimal()
    """What people have approved in this period on top of the limit, when tasks had asked."""

    @property
    def is_personal_default(self) -> bool:
        """True if it is the default applied to one user; there may be thousands."""
        return self.is_default and self.key != "anonymous"

    @property
    def is_template(self) -> bool:
        """True if it is the default itself, for each owner without a budget of their own."""
        return (self.scope, self.key) == ("owner", "*")


class Removed(Row):
    """Whether there was something to remove."""

    removed: bool


class Grants(Row):
    """The grants of an owner. `owner` is None for tasks without one."""

    owner: UUID | None = None
    models: list[str] = Field(default_factory=list)
    """Models that may be used; all if `providers` is empty too."""
    providers: list[str] = Field(default_factory=list)
    priority: int | None = None
    """The highest priority (lowest number) that counts against other owners' work.

    None: priorities only order the owner's own work."""
    tools: list[str] | None = None
    """Tools that tasks may use, `SOURCE/*` for all of a source; None: all."""


class CallRow(ListedRow):
    """A row of `cogo_calls`, the audit."""

    id: UUID
    outcome: str
    task_id: UUID | None = None
    subtask_id: UUID | None = None
    attempt: int | None = None
    owner: UUID | None = None
    agent_id: str
    model_id: str
    provider: str
    provider_model: str | None = None
    regions: list[str] | None = None
    simulated: bool
    key_label: str | None = None
    started_at: datetime
    ended_at: datetime
    first_token_ms: int | None = None
    duration_ms: int | None = None
    input_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: Decimal | None = None
    price_source: str | None = None
    price_date: date | None = None
    error_class: str | None = None
    masked_keys: int | None = None
    prompt_sha256: str | None = None
    prompt: dict[str, Any] | None = None


class UsageBucket(StrEnum):
    """The length of the periods by which usage is grouped."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    ALL = "all"
    """One for the whole period."""


class UsageKey(StrEnum):
    """What usage is grouped by, besides time."""

    MODEL = "model"
    PROVIDER = "provider"
    PROVIDER_MODEL = "provider_model"
    """The vendor's name of a model."""
    OWNER = "owner"
    TYPE = "type"
    PROJECT = "project"
    TAG = "tag"


class UsageFigure(StrEnum):
    """What usage has beside sums, which takes longer to find."""

    TASKS = "tasks"
    LATENCIES = "latencies"
    """Percentiles of the times to the first token and to the end."""


class UsageQuery(Argument):
    """Which calls to sum, and by what."""

    since: datetime | None = None
    """Default: 30 days before `until`. Moved to the start of its hour or day, if there are such."""
    until: datetime | None = None
    """The end, which is not included; default: now."""
    bucket: UsageBucket = UsageBucket.DAY
    by: list[UsageKey] = Field(default_factory=list)
    """At most two. A task with several tags counts for each of them."""
    zone: str = "UTC"
    """The time zone whose hours, days and months these are, such as Europe/Berlin."""
    owner: UUID | None = None
    """Only calls for this owner; `NOBODY`: for tasks without one."""
    project: str | None = None
    """Only calls of this project; empty: without one."""
    model: str | None = None
    provider: str | None = None
    figures: list[UsageFigure] = Field(default_factory=lambda: list(UsageFigure))


class UsageRow(Row):
    """What the calls of one bucket and one value of each key have used and cost."""

    bucket: str | None
    """A month or a day of the time zone, or the start of an hour in UTC; None: the whole period."""
    model: str | None = None
    """This and the next six are set if the request grouped by them."""
    provider: str | None = None
    provider_model: str | None = None
    owner: UUID | None = None
    type: str | None = None
    project: str | None = None
    tag: str | None = None
    tasks: int | None = None
    """This and percentiles are set if the request asked for them."""
    calls: int
    failed: int
    """Failed and lost calls."""
    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost_usd: Decimal | None
    """The sum of the known costs in US dollars; None if none is known."""
    unknown_costs: int
    """Number of calls whose cost is unknown, which is not in `cost_usd`."""
    first_token_ms_p50: int | None = None
    """This and the other percentiles are those of completed calls, at most 9 per cent off."""
    first_token_ms_p95: int | None = None
    duration_ms_p50: int | None = None
    duration_ms_p95: int | None = None
    simulated: bool
    """Whether the vendor simulator answered in place of the model."""


class UsageReport(Row):
    """Sums of the audit log, by bucket and then the most expensive first."""

    since: datetime
    until: datetime
    bucket: UsageBucket
    by: list[UsageKey]
    zone: str
    rows: list[UsageRow]


class NewApiKey(Argument):
    """A key to store. The key itself is never sent to the database."""

    id: str
    hash: str
    """SHA-256 of the whole key, in hexadecimal."""
    name: str
    scopes: list[str]
    owner: UUID | None = None
    """The user whose tasks it submits; None: tasks without an owner, as with the secret key."""
    project: str | None = None
    """The only project whose tasks it sees and makes."""
    expires_at: datetime | None = None
    replaces: str | None = None
    """Id of the key that it replaces."""
    grace_seconds: int = 0
    """For how long the replaced key stays valid."""


class ApiKey(Row):
    """A stored key, without its hash."""

    id: str
    name: str
    owner: UUID | None = None
    scopes: list[str] = Field(default_factory=list)
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    usable: bool
    """Whether it is neither revoked nor expired, by the database's clock."""
    project: str | None = None
    """The only project whose tasks it sees and makes."""


ProjectRole = Literal["viewer", "editor"]


class Member(Row):
    """A row of `cogo_project_members`."""

    project: str
    user_id: UUID
    role: ProjectRole
    """viewer: reads the tasks. editor: also cancels and retries them, and answers."""
    added_at: datetime


class ProjectRow(Row):
    """A project: a name that tasks carry, or that has a cap or members."""

    name: str
    spent_usd: Decimal
    """In this month (UTC)."""
    open_tasks: int
    members: list[Member] = Field(default_factory=list)


class ErasedBatch(Row):
    """What one call of an erasure has done."""

    is_done: bool
    """Whether nothing of the owner is left; then it has the receipt."""
    erased: dict[str, int] = Field(default_factory=dict)
    """Rows by table."""
    cancelled: int = 0
    waiting: int = 0
    """Tasks that are cancelled and still held by agents."""
    left: dict[str, int] = Field(default_factory=dict)
    """Rows that somebody else has locked."""
    receipt: str | None = None
    """A JSON text; its bytes are what was hashed."""
    sha256: str | None = None

    @property
    def is_stuck(self) -> bool:
        """True if the next call can do nothing until others have let go."""
        return bool(self.waiting or self.left)


class ExportedRow(Row):
    """A row of an owner."""

    place: dict[str, JsonValue]
    """Its primary key; the next page begins after it."""
    data: dict[str, JsonValue]


class ActionRow(ListedRow):
    """A row of `cogo_actions`, the log of what operators did."""

    id: int
    at: datetime
    who: str = Field(description="`key:ID`, `user:ID`, `cli:USER@HOST`, an agent or a role.")
    kind: str = Field(
        description="lane, owner, model, policy, grant, member, budget, key, column, spending, "
        "task, erasure, instance."
    )
    subject: str = Field(description="What was changed, such as the lane; `all` for everything.")
    before: dict[str, Any] | None = Field(None, description="What changed, as it was; null: new.")
    after: dict[str, Any] | None = Field(None, description="As it is now; null: removed.")
    reason: str | None = None


class SpendingStop(Row):
    """Since when spending is stopped, by whom and why."""

    since: datetime
    who: str
    reason: str | None = None

    def describe(self) -> str:
        """Return it as a sentence without a period."""
        why = f": {self.reason}" if self.reason else ""
        return f"spending was stopped by {self.who} at {self.since:%Y-%m-%d %H:%M:%S} UTC{why}"


class StoppedSpending(SpendingStop):
    """What a stop of all spending has done."""

    is_new: bool
    """Whether this call stopped it; otherwise it was stopped before."""
    running: int
    """Number of calls that are under way and end by themselves."""
    aborted: int
    """Number of subtasks whose calls were aborted, and which are queued again."""


class ResumedSpending(Row):
    """Whether spending was stopped."""

    resumed: bool
