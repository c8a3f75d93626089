"""Budgets, grants and the audit of calls over the official client."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from protocol.records import (
    EVERYTHING,
    Booked,
    Budget,
    BudgetPeriod,
    BudgetScope,
    CallAnswer,
    CallEnd,
    CallRow,
    CallStart,
    Grants,
    NamedCallAnswer,
    Removed,
    ResumedSpending,
    SpendingStop,
    StoppedSpending,
    UsageQuery,
    UsageReport,
    Visibility,
)
from protocol.transport.queries import (
    filter_by_owner,
    order_newest_first,
    read_query,
    write_visibility,
)
from protocol.transport.rpc_client import RpcClient


class SupabaseSpendingStore(RpcClient):
    """Implementation of `protocol.store.spending.SpendingStore`."""

    async def begin_call(self, *, agent_id: str, call: CallStart) -> CallAnswer:
        body = call.model_dump(mode="json", exclude_none=True)
        return await self._call_row(CallAnswer, "begin_call", agent_id=agent_id, call=body)

    async def begin_calls(
        self, *, agent_id: str, calls: Sequence[CallStart]
    ) -> dict[UUID, CallAnswer]:
        answers = await self._call_rows(
            NamedCallAnswer,
            "begin_calls",
            agent_id=agent_id,
            calls=[each.model_dump(mode="json", exclude_none=True) for each in calls],
        )
        return {each.id: each for each in answers}

    async def end_call(self, *, agent_id: str, call: CallEnd) -> bool:
        body = call.model_dump(mode="json", exclude_none=True)
        return (await self._call_row(Booked, "end_call", agent_id=agent_id, call=body)).booked

    async def set_budget(
        self,
        *,
        scope: BudgetScope,
        key: str | None,
        per: BudgetPeriod,
        limit_usd: Decimal,
        allow_unpriced: bool = False,
    ) -> Budget:
        return await self._call_row(
            Budget,
            "set_budget",
            scope=scope,
            key=key,
            per=per,
            limit_usd=str(limit_usd),
            allow_unpriced=allow_unpriced,
        )

    async def remove_budget(
        self, *, scope: BudgetScope, key: str | None, per: BudgetPeriod
    ) -> bool:
        return (
            await self._call_row(Removed, "remove_budget", scope=scope, key=key, per=per)
        ).removed

    async def fetch_budgets(self) -> list[Budget]:
        return await self._call_pages(Budget, "budgets")

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
        return await self._call_row(
            Grants,
            "set_grants",
            owner=None if owner is None else str(owner),
            models=None if models is None else list(models),
            providers=None if providers is None else list(providers),
            aliases=list(aliases),
            priority=priority,
            tools=None if tools is None else list(tools),
        )

    async def fetch_spending_stop(self) -> SpendingStop | None:
        found = await self._call_rows(SpendingStop, "spending_stop")
        return found[0] if found else None

    async def stop_spending(
        self, *, reason: str | None = None, cancel_running: bool = False
    ) -> StoppedSpending:
        # The stop counts at once, and does not wait for the locks of what is aborted.
        stopped = await self._call_row(StoppedSpending, "stop_spending", reason=reason)
        if not cancel_running:
            return stopped
        done = await self._call_row(
            StoppedSpending, "stop_spending", reason=reason, cancel_running=True
        )
        return done.model_copy(update={"is_new": stopped.is_new})

    async def resume_spending(self, *, reason: str | None = None) -> bool:
        return (await self._call_row(ResumedSpending, "resume_spending", reason=reason)).resumed

    async def fetch_grants(self) -> list[Grants]:
        return await self._call_pages(Grants, "grants")

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
        query = self._client.table("cogo_calls").select("*")
        if task_id is not None:
            query = query.eq("task_id", str(task_id))
        if since is not None:
            query = query.gte("started_at", since.isoformat())
        query = filter_by_owner(query, owner, every_owner=every_owner)
        query = order_newest_first(query, ("started_at", "id", "outcome"), last)
        return await read_query(CallRow, query.limit(limit))

    async def fetch_usage(
        self, query: UsageQuery, *, visible: Visibility = EVERYTHING
    ) -> UsageReport:
        parameters = query.model_dump(mode="json", exclude_none=True)
        if visible != EVERYTHING:
            parameters["visible"] = write_visibility(visible)
        return await self._call_row(UsageReport, "usage", **parameters)
