"""Some changes of one table, and their delivery to subscriptions."""

import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field

import asyncpg

from embedded.realtime.access.callers import Caller
from embedded.realtime.changes.change_payloads import (
    RenderedChange,
    build_payload,
    find_read_error,
    render_change,
    render_error,
)
from embedded.realtime.changes.filters import ColumnCondition
from embedded.realtime.changes.row_evaluator import UNREACHABLE, RowEvaluator, quote_table
from embedded.realtime.changes.subscriptions import Binding, Subscription
from embedded.realtime.changes.tables import NO_ACCESS, ChangedTable, ColumnType, ReadAccess
from embedded.realtime.changes.transactions import ChangeKind, RowChange

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class ChangeBatch:
    """Changes of one table, whose values, filters and policies are evaluated together."""

    rows: RowEvaluator
    table: ChangedTable
    changes: Sequence[RowChange]
    _matches: dict[tuple[ColumnCondition, ...], list[bool]] = field(default_factory=dict)
    _visible: dict[str, list[bool]] = field(default_factory=dict)
    """By token: whether the policies show each change to its caller."""
    _rendered: list[RenderedChange] = field(default_factory=list)

    async def deliver(self, subscriptions: Sequence[Subscription]) -> None:
        """Send each subscription the changes that it requested and may see, in their order."""
        await self._render()
        for subscription in subscriptions:
            await self._prepare(subscription)
        for number, rendered in enumerate(self._rendered):
            for subscription in subscriptions:
                self._deliver(number, rendered, subscription)

    async def _render(self) -> None:
        new_rows = await self.rows.render([each.new for each in self.changes], self._types)
        old_rows = await self.rows.render([each.old for each in self.changes], self._types)
        self._rendered = [
            RenderedChange(change=change, new=new, old=old)
            for change, new, old in zip(self.changes, new_rows, old_rows, strict=True)
        ]

    async def _prepare(self, subscription: Subscription) -> None:
        """Evaluate the filters and policies of a subscription, unless the results are known."""
        for binding in subscription.bindings:
            conditions = binding.conditions
            if conditions in self._matches or not self._is_requested(binding):
                continue
            self._matches[conditions] = await self._match(conditions)
        caller = subscription.caller
        if (
            self.table.has_policies
            and caller.token not in self._visible
            and not self._get_access(caller).bypasses
        ):
            self._visible[caller.token] = await self._find_visible(caller)

    async def _match(self, conditions: tuple[ColumnCondition, ...]) -> list[bool]:
        types = self._types
        if not all(each.column in types for each in conditions):
            return [False] * len(self.changes)
        if not conditions:
            return [True] * len(self.changes)
        values = [each.new or each.old for each in self.changes]
        return await _await_or_deny(self.rows.match(values, types, conditions), len(values))

    async def _find_visible(self, caller: Caller) -> list[bool]:
        keys = self.table.keys
        if not keys or not keys <= self._get_access(caller).columns:
            return [True] * len(self.changes)  # the caller gets an error instead of the row
        relation = self.changes[0].relation
        rows = [
            {name: each.new.get(name) for name in keys}
            for each in self.changes
            if each.kind is not ChangeKind.DELETE
        ]
        table = quote_table(relation.schema, relation.name)
        types = {name: self._types[name] for name in keys}
        seen = iter(
            await _await_or_deny(self.rows.find_visible(caller, table, rows, types), len(rows))
        )
        return [each.kind is ChangeKind.DELETE or next(seen) for each in self.changes]

    def _deliver(self, number: int, rendered: RenderedChange, subscription: Subscription) -> None:
        change, access = rendered.change, self._get_access(subscription.caller)
        requested = [each for each in subscription.bindings if self._is_match(each, change)]
        if not requested:
            return
        if message := find_read_error(change, self.table, access):
            data = render_error(change, message)
            subscription.send(build_payload(data, [each.id for each in requested]))
            return
        visible = self._visible.get(subscription.caller.token)
        if visible is not None and not visible[number]:
            return
        groups: dict[tuple[str, ...] | None, list[int]] = {}
        for binding in requested:
            if self._matches[binding.conditions][number]:
                groups.setdefault(binding.select, []).append(binding.id)
        for select, ids in groups.items():
            subscription.send(
                build_payload(render_change(rendered, self.table, access, select), ids)
            )

    def _is_requested(self, binding: Binding) -> bool:
        return any(self._is_match(binding, each) for each in self.changes)

    def _is_match(self, binding: Binding, change: RowChange) -> bool:
        return binding.matches(change.kind.value, change.relation.schema, change.relation.name)

    def _get_access(self, caller: Caller) -> ReadAccess:
        return self.table.access_by_role.get(caller.role, NO_ACCESS)

    @property
    def _types(self) -> dict[str, ColumnType]:
        columns = self.changes[0].relation.columns
        return {column.name: self.table.types[column.type] for column in columns}


async def _await_or_deny(answer: Awaitable[list[bool]], count: int) -> list[bool]:
    """Return the answer, or False for all rows if a policy or filter raises an error."""
    try:
        return await answer
    except UNREACHABLE:
        raise
    except asyncpg.PostgresError as error:
        _log.warning("Changes are not delivered to a subscriber: %s", error)
        return [False] * count
