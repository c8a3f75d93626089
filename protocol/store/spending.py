"""Budgets, grants, and the audit of calls to models: one method per RPC or view."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from protocol.records import (
    EVERYTHING,
    Budget,
    BudgetPeriod,
    BudgetScope,
    CallAnswer,
    CallEnd,
    CallRow,
    CallStart,
    Grants,
    SpendingStop,
    StoppedSpending,
    UsageQuery,
    UsageReport,
    Visibility,
)


class SpendingStore(Protocol):
    """Every call is idempotent and raises what `protocol.store.queue.QueueStore` raises."""

    async def begin_call(self, *, agent_id: str, call: CallStart) -> CallAnswer:
        """Reserve the maximum cost of a call under every budget that applies."""
        ...

    async def begin_calls(
        self, *, agent_id: str, calls: Sequence[CallStart]
    ) -> dict[UUID, CallAnswer]:
        """Begin several calls; one without an answer has to be begun with `begin_call`."""
        ...

    async def end_call(self, *, agent_id: str, call: CallEnd) -> bool:
        """Audit a call, book its cost, free its reservation; return False if done before."""
        ...

    async def set_budget(
        self,
        *,
        scope: BudgetScope,
        key: str | None,
        per: BudgetPeriod,
        limit_usd: Decimal,
        allow_unpriced: bool = False,
    ) -> Budget:
        """Set a budget. `key` is a provider, or an owner's uuid (None: tasks without an owner).

        In the scope `owner`, `*` applies to each user without a budget of their own, `anonymous`
        to all anonymous sign-ins together.

        Raise InvalidArgument.
        """
        ...

    async def remove_budget(
        self, *, scope: BudgetScope, key: str | None, per: BudgetPeriod
    ) -> bool:
        """Remove a budget. Return False if there was none."""
        ...

    async def fetch_budgets(self) -> list[Budget]:
        """Read all budgets with the amounts spent."""
        ...

    async def set_grants(
        self,
        *,
        owner: UUID | None,
        models: Sequence[str] | None = (),
        providers: Sequence[str] | None = (),
        aliases: Sequence[str] = (),
        priority: int | None = None,
        tools: Sequence[str] | None = None,
    ) -> Grants:
        """Limit an owner to these models and providers; without any, everything is allowed again.

        None for both changes nothing. `priority` is the highest priority (lowest number) that
        counts against other owners' work; -1 removes it, None leaves it unchanged. `tools` are
        those that tasks may use: names, `SOURCE/*` for all of a source, or `none` alone; without
        any, all are allowed again, and None leaves them unchanged.
        """
        ...

    async def fetch_spending_stop(self) -> SpendingStop | None:
        """Return since when spending is stopped; None if it is not."""
        ...

    async def stop_spending(
        self, *, reason: str | None = None, cancel_running: bool = False
    ) -> StoppedSpending:
        """Refuse every new call to a model until spending is resumed; see the SQL function.

        `cancel_running` aborts the calls that are under way, too. Raise TooLarge.
        """
        ...

    async def resume_spending(self, *, reason: str | None = None) -> bool:
        """Resume spending; return whether it was stopped. Raise TooLarge."""
        ...

    async def fetch_grants(self) -> list[Grants]:
        """Read the grants of all owners."""
        ...

    async def fetch_calls(
        self,
        *,
        limit: int,
        since: datetime | None = None,
        owner: UUID | None = None,
        every_owner: bool = False,
        task_id: UUID | None = None,
        last: CallRow | None = None,
    ) -> list[CallRow]:
        """Read audited calls of `owner` (None: without an owner), newest first.

        `task_id`: only those of a task. `last` is the last call of the previous page.
        """
        ...

    async def fetch_usage(
        self, query: UsageQuery, *, visible: Visibility = EVERYTHING
    ) -> UsageReport:
        """Sum the calls of the audit log that somebody may see. Raise InvalidArgument."""
        ...
