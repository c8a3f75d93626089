"""Budgets, grants, prices and spending: one method per RPC or view."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from protocol.records import (
    Budget,
    BudgetPeriod,
    BudgetScope,
    CallAnswer,
    CallEnd,
    CallRow,
    CallStart,
    Grants,
    UsageRow,
)


class SpendingStore(Protocol):
    """Every call is idempotent and may be repeated after StoreUnavailable."""

    async def begin_call(self, *, agent_id: str, call: CallStart) -> CallAnswer:
        """Reserve what a call may cost at most, under every cap that holds."""
        ...

    async def end_call(self, *, agent_id: str, call: CallEnd) -> bool:
        """Write the audit, book the cost, free the reservation. False: it was done before."""
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
        """Cap what may be spent. `key` is a provider, or an owner's uuid (None: tasks without one).

        Of the scope owner `*` caps each user without a cap of their own, `anonymous` all anonymous
        sign-ins together.

        Raises InvalidArgument.
        """
        ...

    async def remove_budget(
        self, *, scope: BudgetScope, key: str | None, per: BudgetPeriod
    ) -> bool:
        """Take a cap away; False when there was none."""
        ...

    async def fetch_budgets(self) -> list[Budget]:
        """Read all caps and how they stand."""
        ...

    async def set_grants(
        self,
        *,
        owner: UUID | None,
        models: Sequence[str] | None = (),
        providers: Sequence[str] | None = (),
        aliases: Sequence[str] = (),
        priority: int | None = None,
    ) -> Grants:
        """Limit an owner to these; without any, they may use everything again.

        None for both leaves them as they are. `priority` is how far the owner's priorities count
        among owners; -1 takes that away, None leaves it as it is.
        """
        ...

    async def fetch_grants(self) -> list[Grants]:
        """Read what operators granted to owners."""
        ...

    async def fetch_calls(
        self,
        *,
        limit: int,
        since: datetime | None = None,
        owner: UUID | None = None,
        every_owner: bool = False,
        last: CallRow | None = None,
    ) -> list[CallRow]:
        """Read the latest calls of `owner` (None: without one) from the audit, the newest first.

        `last` is the last call of the page before.
        """
        ...

    async def fetch_usage(self, *, since: datetime | None = None) -> list[UsageRow]:
        """Read what was used, by day, owner, provider and model, from the day of `since` on."""
        ...
