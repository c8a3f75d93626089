"""A Realtime server in the loop of each test, on a database of the module."""

import contextlib
import dataclasses
import socket
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import jwt
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from embedded.database import Database
from embedded.keys import Keys, make_keys
from embedded.realtime.hub import Hub
from embedded.realtime.limits import Limits
from embedded.realtime.socket import realtime_routes
from embedded.server import serve
from tests.support.databases import Cluster

ALICE = "0d4f4f3e-6c1f-4b6e-9d0a-1d2f3a4b5c6d"

_POLICIES = """
create policy "everybody hears rooms" on realtime.messages for select to authenticated
  using (realtime.topic() like 'room-%' and extension = 'broadcast');
create policy "own topic" on realtime.messages for select to authenticated
  using (realtime.topic() = 'user-' || (select auth.uid()));
create policy "some speak in rooms" on realtime.messages for insert to authenticated
  with check (realtime.topic() like 'room-%' and (select auth.jwt() ->> 'may_speak') = 'yes');
create policy "speak on own topic" on realtime.messages for insert to authenticated
  with check (realtime.topic() = 'user-' || (select auth.uid()));
"""


@dataclasses.dataclass(frozen=True)
class Server:
    url: str
    """Of Realtime, as the realtime client takes it."""
    keys: Keys
    db_url: str
    """For the role postgres."""
    admin_db_url: str
    """For the superuser."""

    def token(self, *, lifetime: float = 60, **claims: Any) -> str:
        """Sign a token of Alice, unless the claims say otherwise; None drops a claim."""
        merged = {
            "role": "authenticated",
            "sub": ALICE,
            "exp": int(time.time() + lifetime),
            **claims,
        }
        kept = {name: value for name, value in merged.items() if value is not None}
        return jwt.encode(kept, self.keys.jwt_secret, algorithm="HS256")

    async def execute(self, statement: str, *values: Any, as_admin: bool = False) -> None:
        connection = await asyncpg.connect(self.admin_db_url if as_admin else self.db_url)
        try:
            await connection.execute(statement, *values)
        finally:
            await connection.close()


@pytest.fixture(scope="module")
def realtime_database(cluster: Cluster) -> Iterator[tuple[Cluster, str]]:
    name = cluster.create()

    async def make_policies() -> None:
        connection = await asyncpg.connect(cluster.dsn("postgres", name))
        try:
            await connection.execute(_POLICIES)
        finally:
            await connection.close()

    cluster.run(make_policies())
    yield cluster, name
    cluster.drop(name)


@pytest.fixture
def limits() -> Limits:
    """Overridden by tests that reach a limit."""
    return Limits(refusal_seconds=0.01)


@pytest.fixture
async def server(realtime_database: tuple[Cluster, str], limits: Limits) -> AsyncIterator[Server]:
    cluster, name = realtime_database
    async with a_server(cluster, name, limits) as running:
        yield running


@contextlib.asynccontextmanager
async def a_server(cluster: Cluster, name: str, limits: Limits) -> AsyncIterator[Server]:
    """Serve Realtime on this database, on a port of its own."""
    keys = make_keys()
    # asyncio turns Nagle's delay off only for sockets that name their protocol.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        async with (
            Database(
                requests_dsn=cluster.dsn("authenticator", name),
                admin_dsn=cluster.dsn("supabase_admin", name),
            ) as database,
            Hub(database=database, keys=keys, limits=limits) as hub,
            serve(Starlette(routes=[Mount("/realtime/v1", routes=realtime_routes(hub))]), listener),
        ):
            port = listener.getsockname()[1]
            yield Server(
                url=f"http://127.0.0.1:{port}/realtime/v1",
                keys=keys,
                db_url=cluster.dsn("postgres", name),
                admin_db_url=cluster.dsn("supabase_admin", name),
            )
