"""Wiring: builds the store and the bus of a connection."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from cogo.config.connection import Connection, find_connection
from cogo.config.context import Project
from protocol.bus import Bus
from protocol.store.gateway import GatewayStore
from protocol.store.queue import QueueStore
from protocol.store.spending import SpendingStore
from protocol.transport.channels import Channels
from protocol.transport.supabase_store import open_store

OpenStore = Callable[[], AbstractAsyncContextManager[QueueStore]]


@dataclass(frozen=True, slots=True)
class Client:
    """What a command uses: the store for what is true, the bus for what happens meanwhile."""

    store: GatewayStore
    bus: Bus


@asynccontextmanager
async def open_client(project: Project) -> AsyncIterator[Client]:
    """Open the store and the bus of a project. Raises SettingMissing and NotRunning."""
    async with open_client_of(find_connection(project)) as client:
        yield client


@asynccontextmanager
async def open_client_of(connection: Connection) -> AsyncIterator[Client]:
    """Open the store and the bus of a connection that is already known."""
    key = connection.secret_key.get_secret_value()
    async with open_store(connection.url, key) as store, build_bus(connection) as bus:
        yield Client(store, bus)


def store_factory(connection: Connection) -> OpenStore:
    """Give what opens a store; an agent opens one per thread."""
    return partial(open_store, connection.url, connection.secret_key.get_secret_value())


def open_spending(connection: Connection) -> AbstractAsyncContextManager[SpendingStore]:
    """Open what guards and counts the money."""
    return open_store(connection.url, connection.secret_key.get_secret_value())


def build_bus(connection: Connection) -> Channels:
    """Build the channels of a connection; they open with `async with`."""
    return Channels(connection.url, connection.secret_key.get_secret_value())
