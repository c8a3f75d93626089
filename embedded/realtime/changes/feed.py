"""Reads the slot while somebody listens, and lets everybody hear their changes."""

import asyncio
import itertools
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import asyncpg

from embedded.postgres.database import Database
from embedded.realtime.changes.batch import Batch
from embedded.realtime.changes.bindings import ANY, Binding, read_binding
from embedded.realtime.changes.filters import BadFilter
from embedded.realtime.changes.rows import UNREACHABLE, Rows
from embedded.realtime.changes.slot import Slot, open_slot
from embedded.realtime.changes.subscription import Subscription
from embedded.realtime.changes.tables import Tables, Type
from embedded.realtime.changes.transactions import Change, Transactions

_log = logging.getLogger(__name__)

_BATCH: Final = 500
_POLL_SECONDS: Final = 0.05
_RETRY_SECONDS: Final = 1.0
_INVALID: Final = "ERROR P0001 (raise_exception) invalid column for"
_UNABLE: Final = "Unable to subscribe to changes with given parameters."


class Feed:
    """One worker for all channels: what it does, it does in the order of commits."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._subscriptions: dict[Subscription, None] = {}
        self._wanted = asyncio.Event()

    def __len__(self) -> int:
        """How many subscriptions there are."""
        return len(self._subscriptions)

    def subscribe(self, subscription: Subscription) -> None:
        """Take up the subscription; it is confirmed, or refused with a reason, soon."""
        self._subscriptions[subscription] = None
        self._wanted.set()

    def drop(self, subscription: Subscription) -> None:
        """Tell it nothing more; without any subscription the slot goes."""
        self._subscriptions.pop(subscription, None)
        subscription.is_confirmed = False

    async def run(self) -> None:
        """Serve until cancelled; a slot that is lost is made anew, and everybody told."""
        while True:
            await self._wanted.wait()
            try:
                async with open_slot(self._database.admin) as slot:
                    await self._follow(slot)
            except Exception as error:  # the boundary: other parts of the server go on
                if isinstance(error, (*UNREACHABLE, asyncpg.PostgresError)):
                    _log.warning("Changes are not read for now: %s", error)
                else:
                    _log.exception("Reading changes failed")
                for subscription in self._subscriptions:
                    subscription.is_confirmed = False
                await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self, slot: Slot) -> None:
        transactions = Transactions()
        while self._subscriptions:
            await self._confirm()
            messages = await slot.read()
            for changes in _batches(transactions.changes(messages)):
                await self._tell(changes)
            if not messages:
                await asyncio.sleep(_POLL_SECONDS)
        self._wanted.clear()

    async def _confirm(self) -> None:
        for subscription in [each for each in self._subscriptions if not each.is_confirmed]:
            try:
                bindings = tuple(
                    [
                        await self._checked(subscription, read_binding(identity, value))
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

    async def _checked(self, subscription: Subscription, binding: Binding) -> Binding:
        """Give the binding back when it can be served. Raises BadFilter with what is wrong."""
        tables = Tables(self._database.admin)
        oids = await tables.fetch_published(binding.schema, binding.table)
        if not oids:
            raise BadFilter(
                f"{_UNABLE} Please check Realtime is enabled for the given connect parameters:"
                f" {binding.inspect()}"
            )
        if binding.table != ANY:
            role = subscription.visitor.role
            await self._check_columns(binding, await tables.fetch_columns(oids[0], role))
        return binding

    async def _check_columns(self, binding: Binding, columns: Mapping[str, Type]) -> None:
        """Raise BadFilter when the filter cannot be asked about these readable columns."""
        for condition in binding.conditions:
            if condition.column not in columns:
                raise _unfit(binding, f"{_INVALID} filter {condition.column}")
        for name in binding.select or ():
            if name not in columns:
                raise _unfit(binding, f"{_INVALID} select {name}")
        if not binding.conditions:
            return
        try:
            await Rows(self._database.requests).match([{}], columns, binding.conditions)
        except UNREACHABLE:
            raise
        except asyncpg.PostgresError as error:
            raise _unfit(binding, _as_told(error)) from error

    async def _tell(self, changes: Sequence[Change]) -> None:
        """Tell changes of one table; one that cannot be told does not stop those of others."""
        relation = changes[0].relation
        interested = [
            each
            for each in self._subscriptions
            if any(
                binding.wants(change.kind.value, relation.schema, relation.name)
                for binding in each.bindings
                for change in changes
            )
        ]
        if not interested:
            return
        try:
            table = await Tables(self._database.admin).fetch(
                relation.oid,
                {column.type for column in relation.columns},
                {each.visitor.role for each in interested},
            )
            if table is not None:
                rows = Rows(self._database.requests)
                await Batch(rows=rows, table=table, changes=changes).tell(interested)
        except UNREACHABLE:
            raise
        except asyncpg.PostgresError as error:
            _log.warning("Changes of %s.%s are lost: %s", relation.schema, relation.name, error)


def _batches(changes: Iterable[Change]) -> Iterable[Sequence[Change]]:
    """Give runs of changes of one table, each of bearable length."""
    for _, run in itertools.groupby(changes, key=lambda change: change.relation):
        while batch := list(itertools.islice(run, _BATCH)):
            yield batch


def _unfit(binding: Binding, message: str) -> BadFilter:
    return BadFilter(
        f"{_UNABLE} An exception happened so please check your connect parameters:"
        f" {binding.inspect()}. Exception: {message}"
    )


def _as_told(error: asyncpg.PostgresError) -> str:
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__.removesuffix("Error")).lower()
    return f"ERROR {error.sqlstate} ({name}) {error}"
