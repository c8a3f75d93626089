"""Some changes of one table, and who is to hear which of them."""

import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field

import asyncpg

from embedded.realtime.access.callers import Visitor
from embedded.realtime.changes.bindings import Binding
from embedded.realtime.changes.change_payloads import Told, fault, payload, tell, tell_fault
from embedded.realtime.changes.filters import Condition
from embedded.realtime.changes.rows import UNREACHABLE, Rows, quoted_table
from embedded.realtime.changes.subscription import Subscription
from embedded.realtime.changes.tables import NOBODY, Reader, Table, Type
from embedded.realtime.changes.transactions import Change, Kind

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Batch:
    """Values, filters and policies are asked about once for all of its changes."""

    rows: Rows
    table: Table
    changes: Sequence[Change]
    _matches: dict[tuple[Condition, ...], list[bool]] = field(default_factory=dict)
    _sights: dict[str, list[bool]] = field(default_factory=dict)
    """By token: which changes the policies show to its bearer."""
    _told: list[Told] = field(default_factory=list)

    async def tell(self, subscriptions: Sequence[Subscription]) -> None:
        """Let each subscription hear what it wants and may see, in the order of the changes."""
        await self._render()
        for subscription in subscriptions:
            await self._prepare(subscription)
        for number, told in enumerate(self._told):
            for subscription in subscriptions:
                self._tell(number, told, subscription)

    async def _render(self) -> None:
        news = await self.rows.render([each.new for each in self.changes], self._types)
        olds = await self.rows.render([each.old for each in self.changes], self._types)
        self._told = [
            Told(change=change, new=new, old=old)
            for change, new, old in zip(self.changes, news, olds, strict=True)
        ]

    async def _prepare(self, subscription: Subscription) -> None:
        """Ask about its filters and for its visitor, unless somebody else's are the same."""
        for binding in subscription.bindings:
            conditions = binding.conditions
            if conditions in self._matches or not self._is_wanted(binding):
                continue
            self._matches[conditions] = await self._match(conditions)
        visitor = subscription.visitor
        if (
            self.table.has_policies
            and visitor.token not in self._sights
            and not self._reader(visitor).bypasses
        ):
            self._sights[visitor.token] = await self._sight(visitor)

    async def _match(self, conditions: tuple[Condition, ...]) -> list[bool]:
        types = self._types
        if not all(each.column in types for each in conditions):
            return [False] * len(self.changes)
        if not conditions:
            return [True] * len(self.changes)
        values = [each.new or each.old for each in self.changes]
        return await _or_none(self.rows.match(values, types, conditions), len(values))

    async def _sight(self, visitor: Visitor) -> list[bool]:
        keys = self.table.keys
        if not keys or not keys <= self._reader(visitor).columns:
            return [True] * len(self.changes)  # the reader is told that, not the row
        relation = self.changes[0].relation
        rows = [
            {name: each.new.get(name) for name in keys}
            for each in self.changes
            if each.kind is not Kind.DELETE
        ]
        table = quoted_table(relation.schema, relation.name)
        types = {name: self._types[name] for name in keys}
        seen = iter(await _or_none(self.rows.visible(visitor, table, rows, types), len(rows)))
        return [each.kind is Kind.DELETE or next(seen) for each in self.changes]

    def _tell(self, number: int, told: Told, subscription: Subscription) -> None:
        change, reader = told.change, self._reader(subscription.visitor)
        wanted = [each for each in subscription.bindings if self._wants(each, change)]
        if not wanted:
            return
        if message := fault(change, self.table, reader):
            data = tell_fault(change, message)
            subscription.hear(payload(data, [each.id for each in wanted]))
            return
        sight = self._sights.get(subscription.visitor.token)
        if sight is not None and not sight[number]:
            return
        groups: dict[tuple[str, ...] | None, list[int]] = {}
        for binding in wanted:
            if self._matches[binding.conditions][number]:
                groups.setdefault(binding.select, []).append(binding.id)
        for select, ids in groups.items():
            subscription.hear(payload(tell(told, self.table, reader, select), ids))

    def _is_wanted(self, binding: Binding) -> bool:
        return any(self._wants(binding, each) for each in self.changes)

    def _wants(self, binding: Binding, change: Change) -> bool:
        return binding.wants(change.kind.value, change.relation.schema, change.relation.name)

    def _reader(self, visitor: Visitor) -> Reader:
        return self.table.readers.get(visitor.role, NOBODY)

    @property
    def _types(self) -> dict[str, Type]:
        columns = self.changes[0].relation.columns
        return {column.name: self.table.types[column.type] for column in columns}


async def _or_none(answer: Awaitable[list[bool]], count: int) -> list[bool]:
    """Give the answer; none of the rows where one visitor's policy or filter fails on them."""
    try:
        return await answer
    except UNREACHABLE:
        raise
    except asyncpg.PostgresError as error:
        _log.warning("Some changes are not told to one who asked for them: %s", error)
        return [False] * count
