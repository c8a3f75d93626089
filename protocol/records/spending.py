"""Money and permission: calls to models, caps on what they cost, grants, and what was used."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from protocol.records.base import Argument, ListedRow, Row

BudgetScope = Literal["total", "owner", "provider"]
BudgetPeriod = Literal["day", "month", "ever"]


class CallStart(Argument):
    """A call to a model that is about to be made."""

    id: UUID
    task_id: UUID | None = None
    subtask_id: UUID | None = None
    attempt: int | None = None
    """With `subtask_id`: the reservation ends with it."""
    owner: UUID | None = None
    model_id: str
    provider: str
    provider_model: str
    regions: list[str] | None = None
    """Where the provider declares to process prompts; None when it does not say."""
    simulated: bool = False
    key_label: str | None = None
    masked_keys: int = 0
    prompt_sha256: str
    max_usd: Decimal | None = None
    """The most that it can cost; None when no price is known."""


class CallEnd(CallStart):
    """The same call, when it has ended."""

    outcome: Literal["completed", "failed", "cancelled", "cached"]
    first_token_ms: int | None = None
    duration_ms: int
    input_tokens: int | None = None
    """Prompt tokens that came from no cache and went into none. The parts are disjoint."""
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    """Everything generated, thinking included."""
    reasoning_tokens: int | None = None
    cost_usd: Decimal | None = None
    price_source: str | None = None
    price_date: date | None = None
    error_class: str | None = None
    prompt: dict[str, Any] | None = None
    """Only where the operator switched storing on."""


class CallAnswer(Row):
    """Whether a call may be made."""

    answer: Literal["ok", "refused", "wait", "not_granted", "banned", "stale"]
    scope: str | None = None
    """Whose cap holds it back: task, total, owner or provider."""
    detail: str | None = None
    resets_at: datetime | None = None


class Booked(Row):
    """Whether the end of a call was new."""

    booked: bool


class Budget(Row):
    """A cap, and how it stands in this period."""

    scope: BudgetScope
    key: str
    per: BudgetPeriod
    limit_usd: Decimal
    allow_unpriced: bool
    spent_usd: Decimal
    reserved_usd: Decimal
    resets_at: datetime | None = None
    is_default: bool = False
    """Whether it was made from the default, of an owner whom operators gave no cap."""

    @property
    def is_personal_default(self) -> bool:
        """Whether it is the default as it stands for one user; there may be thousands."""
        return self.is_default and self.key != "anonymous"

    @property
    def is_template(self) -> bool:
        """Whether it is the default itself, which holds for each owner without a cap."""
        return (self.scope, self.key) == ("owner", "*")


class Removed(Row):
    """Whether there was something to remove."""

    removed: bool


class Grants(Row):
    """What operators granted an owner. `owner` is None for tasks without one."""

    owner: UUID | None = None
    models: list[str] = Field(default_factory=list)
    """Which models may be used; all when `providers` is empty, too."""
    providers: list[str] = Field(default_factory=list)
    priority: int | None = None
    """Down to which number priorities count among owners; None: they order the owner's own work."""


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


class UsageRow(Row):
    """What one owner used of one model at one provider in one day (UTC): a row of `cogo_usage`."""

    day: date
    owner: UUID | None = None
    provider: str
    model_id: str
    calls: int
    failed: int
    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost_usd: Decimal
    unpriced: int
    """Calls whose cost nobody knows; it is not in `cost_usd`."""
    simulated: bool = False
    """Whether the vendor simulator was asked instead of the model."""
