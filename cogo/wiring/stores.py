"""The store and the bus of a connection, and in whose name commands use them."""

import getpass
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from cogo.config.connection import Connection
from protocol.bus import Bus
from protocol.store.operator import Operator
from protocol.transport.channels import Channels
from protocol.transport.supabase_store import SupabaseStore, open_store


@dataclass(frozen=True, slots=True)
class Client:
    """The store and the bus of a project."""

    store: SupabaseStore
    bus: Bus


@asynccontextmanager
async def open_client(connection: Connection) -> AsyncIterator[Client]:
    """Open the store and the bus of a connection."""
    async with open_supabase_store(connection) as store, build_bus(connection) as bus:
        yield Client(store, bus)


def open_supabase_store(connection: Connection) -> AbstractAsyncContextManager[SupabaseStore]:
    """Return the store of a connection, to be opened with `async with`."""
    return open_store(connection.url, connection.secret_key.get_secret_value())


def build_bus(connection: Connection) -> Channels:
    """Return the channels of a connection, to be opened with `async with`."""
    return Channels(connection.url, connection.secret_key.get_secret_value())


def build_cli_operator() -> Operator:
    """Return who runs this command, as the log of actions names them."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in some containers
        user = "unknown"
    return Operator(who=f"cli:{user}@{socket.gethostname()}")
