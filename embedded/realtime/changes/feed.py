"""Reading the replication slot while there are subscriptions, and delivering changes."""

import asyncio
import itertools
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import asyncpg

from embedded.postgres.database import Database
from embedded.realtime.changes.change_batch import ChangeBatch
from embedded.realtime.changes.filters import BadFilter
from embedded.realtime.changes.row_evaluator import UNREACHABLE, RowEvaluator
from embedded.realtime.changes.slot import ReplicationSlot, open_slot
from embedded.realtime.changes.subscriptions import ANY, Binding, Subscription, parse_binding
from embedded.realtime.changes.tables import ColumnType, TableCatalogue
from embedded.realtime.changes.transactions import RowChange, TransactionDecoder

_log = logging.getLogger(__name__)

_BATCH: Final = 500
_POLL_SECONDS: Final = 0.05
_RETRY_SECONDS: Final = 1.0
_INVALID: Final = "ERROR P0001 (raise_exception) invalid column for"
_UNABLE: Final = "Unable to subscribe to changes with given parameters."


class ChangeFeed:
    """One worker for all channels, which delivers in the order of commits."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._subscriptions: dict[Subscription, None] = {}
        self._has_subscriptions = asyncio.Event()

    def __len__(self) -> int:
        """Return the number of subscriptions."""
        return len(self._subscriptions)

    def subscribe(self, subscription: Subscription) -> None:
        """Add a subscription, which is then confirmed or refused with a reason."""
        self._subscriptions[subscription] = None
        self._has_subscriptions.set()

    def drop(self, subscription: Subscription) -> None:
        """Remove a subscription; the slot is dropped with the last one."""
        self._subscriptions.pop(subscription, None)
        subscription.is_confirmed = False

    async def run(self) -> None:
        """Serve until cancelled; recreate a lost slot and confirm all subscriptions again."""
        while True:
            await self._has_subscriptions.wait()
            try:
                async with open_slot(self._database.admin) as slot:
                    await self._follow(slot)
            except Exception as error:  # boundary: other parts of the server continue
                if isinstance(error, (*UNREACHABLE, asyncpg.PostgresError)):
                    _log.warning("Changes cannot be read: %s", error)
                else:
                    _log.exception("Reading changes failed")
                for subscription in self._subscriptions:
                    subscription.is_confirmed = False
                await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self, slot: ReplicationSlot) -> None:
        transactions = TransactionDecoder()
        while self._subscriptions:
            await self._confirm_new()
            messages = await slot.read()
            for changes in _split_batches(transactions.decode(messages)):
                await self._deliver(changes)
            if not messages:
                await asyncio.sleep(_POLL_SECONDS)
        self._has_subscriptions.clear()

    async def _confirm_new(self) -> None:
        for subscription in [each for each in self._subscriptions if not each.is_confirmed]:
            try:
                bindings = tuple(
                    [
                        await self._check_binding(subscription, parse_binding(identity, value))
                        for identity, value in subscription.requested
                    ]
                )
            except BadFilter as error:
                if subscription in self._subscriptions:
                    self.drop(subscription)
                    subscription.refuse(str(error))
            else:
                if subscription in self._subscriptions:
                    subscription.confirm(bindings)

    async def _check_binding(self, subscription: Subscription, binding: Binding) -> Binding:
        """Return the binding if it is valid; raise `BadFilter` with the reason."""
        tables = TableCatalogue(self._database.admin)
        oids = await tables.fetch_published(binding.schema, binding.table)
        if not oids:
            raise BadFilter(
                f"{_UNABLE} Please check Realtime is enabled for the given connect parameters:"
                f" {binding.describe()}"
            )
        if binding.table != ANY:
            role = subscription.caller.role
            await self._check_columns(binding, await tables.fetch_columns(oids[0], role))
        return binding

    async def _check_columns(self, binding: Binding, columns: Mapping[str, ColumnType]) -> None:
        """Raise `BadFilter` if the filter does not fit these readable columns."""
        for condition in binding.conditions:
            if condition.column not in columns:
                raise _invalid_binding_error(binding, f"{_INVALID} filter {condition.column}")
        for name in binding.select or ():
            if name not in columns:
                raise _invalid_binding_error(binding, f"{_INVALID} select {name}")
        if not binding.conditions:
            return
        try:
            await RowEvaluator(self._database.requests).match([{}], columns, binding.conditions)
        except UNREACHABLE:
            raise
        except asyncpg.PostgresError as error:
            raise _invalid_binding_error(binding, _format_error(error)) from error

    async def _deliver(self, changes: Sequence[RowChange]) -> None:
        """Deliver changes of one table; an error does not affect other tables."""
        relation = changes[0].relation
        interested = [
            each
            for each in self._subscriptions
            if any(
                binding.matches(change.kind.value, relation.schema, relation.name)
                for binding in each.bindings
                for change in changes
            )
        ]
        if not interested:
            return
        try:
            table = await TableCatalogue(self._database.admin).fetch(
                relation.oid,
                {column.type for column in relation.columns},
                {each.caller.role for each in interested},
            )
            if table is not None:
                rows = RowEvaluator(self._database.requests)
                await ChangeBatch(rows=rows, table=table, changes=changes).deliver(interested)
        except UNREACHABLE:
            raise
        except asyncpg.PostgresError as error:
            _log.warning("Changes of %s.%s are lost: %s", relation.schema, relation.name, error)


def _split_batches(changes: Iterable[RowChange]) -> Iterable[Sequence[RowChange]]:
    """Yield runs of changes of one table, of limited length."""
    for _, run in itertools.groupby(changes, key=lambda change: change.relation):
        while batch := list(itertools.islice(run, _BATCH)):
            yield batch


def _invalid_binding_error(binding: Binding, message: str) -> BadFilter:
    return BadFilter(
        f"{_UNABLE} An exception happened so please check your connect parameters:"
        f" {binding.describe()}. Exception: {message}"
    )


def _format_error(error: asyncpg.PostgresError) -> str:
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__.removesuffix("Error")).lower()
    return f"ERROR {error.sqlstate} ({name}) {error}"
