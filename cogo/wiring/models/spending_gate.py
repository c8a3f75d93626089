"""The stop of all spending, for commands that call models themselves or wait for answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cogo.config.connection import find_connection
from cogo.config.context import Project
from cogo.errors import CommandError, NotRunning
from cogo.wiring.stores import open_supabase_store
from protocol.errors import CogoError
from protocol.store.spending import SpendingStore
from providers.calls.middleware import CallMiddleware, VendorCall
from providers.errors import SpendingStopped


class SpendingGate:
    """Refuses calls while spending is stopped, for a router whose calls are not booked."""

    def __init__(self, store: SpendingStore) -> None:
        self._store = store

    @asynccontextmanager
    async def wrap_call(self, call: VendorCall) -> AsyncIterator[None]:
        """Run the call. Raises SpendingStopped."""
        if stop := await self._store.fetch_spending_stop():
            raise SpendingStopped(call.deployment.provider, stop.describe())
        yield


@asynccontextmanager
async def open_spending_gate(project: Project) -> AsyncIterator[list[CallMiddleware]]:
    """Yield the middleware of calls that are not booked; none if no database is configured.

    Raises CommandError if spending is stopped, or the database does not say whether it is.
    """
    try:
        connection = find_connection(project)
    except NotRunning:  # there is no stop, nor any other limit, without the embedded Supabase
        yield []
        return
    async with open_supabase_store(connection) as store:
        await require_spending(store)
        yield [SpendingGate(store)]


async def require_spending(store: SpendingStore) -> None:
    """Raise CommandError if spending is stopped, or the database does not say whether it is."""
    try:
        stop = await store.fetch_spending_stop()
    except CogoError as error:
        raise CommandError(
            f"no model was asked, as it is not known whether spending is stopped: {error}"
        ) from error
    if stop is not None:
        raise CommandError(
            f"no model was asked: {stop.describe()}", hint="`cogo resume-spending` ends the stop"
        )
