"""Fixtures: a Realtime server on the module's database, or that of the tested Supabase."""

import asyncio
import contextlib
import dataclasses
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

import asyncpg
import jwt
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from embedded.keys import Keys, make_keys
from embedded.postgres.binaries import DEFAULT_MAJOR
from embedded.postgres.database import open_database
from embedded.realtime.hub import RealtimeServices, open_realtime
from embedded.realtime.limits import RealtimeLimits
from embedded.realtime.routes import realtime_routes
from embedded.server import serve_app
from tests.support.eventually import eventually
from tests.support.servers.contract_target import foreign_target
from tests.support.servers.postgres import Cluster

ALICE = "0d4f4f3e-6c1f-4b6e-9d0a-1d2f3a4b5c6d"
JWT_SECRET = "COGO_CONTRACT_JWT_SECRET"
USUAL = RealtimeLimits(refusal_seconds=0.01)
ONE_POSTGRES = pytest.mark.parametrize("cluster", [DEFAULT_MAJOR], ids=["pg18"], indirect=True)
"""For tests without the database."""

_T = TypeVar("_T")

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
_STANDING = """
select format('create policy %I on realtime.messages as %s for %s to %s%s%s;',
    policyname, permissive, cmd,
    (select string_agg(case role when 'public' then role else quote_ident(role) end, ', ')
      from unnest(roles) as role),
    ' using (' || qual || ')', ' with check (' || with_check || ')') as statement
  from pg_policies where schemaname = 'realtime' and tablename = 'messages'
union all
select 'alter publication supabase_realtime set table '
    || string_agg(format('%I.%I', schemaname, tablename), ', ') || ';'
  from pg_publication_tables where pubname = 'supabase_realtime' having count(*) > 0
"""
_NO_TABLES = "drop table if exists items, notes, unlisted, keyless, slot_items;"
_NO_POLICIES = """
do $$ declare name text; begin
  for name in select policyname from pg_policies
    where schemaname = 'realtime' and tablename = 'messages'
  loop execute format('drop policy %I on realtime.messages', name); end loop;
end $$;
"""


@dataclasses.dataclass(frozen=True)
class Inside:
    admin_db_url: str
    """For the superuser."""
    services: RealtimeServices


@dataclasses.dataclass(frozen=True)
class Server:
    url: str
    """URL of Realtime for the realtime client."""
    keys: Keys
    db_url: str
    """For the role postgres."""
    inside: Inside | None = None
    """None if another Supabase is tested."""

    @property
    def services(self) -> RealtimeServices:
        return self._inside().services

    @property
    def admin_db_url(self) -> str:
        return self._inside().admin_db_url

    def _inside(self) -> Inside:
        if self.inside is None:
            pytest.skip(
                "another Supabase is tested: this test needs the inside of the embedded one"
            )
        return self.inside

    def token(self, *, lifetime: float = 60, **claims: Any) -> str:
        """Sign a token, by default of Alice; a claim of None is removed."""
        if not self.keys.jwt_secret:
            pytest.skip(f"{JWT_SECRET} is not set: no tokens can be signed for this Supabase")
        merged = {
            "role": "authenticated",
            "sub": ALICE,
            "exp": int(time.time() + lifetime),
            **claims,
        }
        kept = {name: value for name, value in merged.items() if value is not None}
        return jwt.encode(kept, self.keys.jwt_secret, algorithm="HS256")

    async def execute(self, statement: str, *values: Any, as_admin: bool = False) -> None:
        await execute(self.admin_db_url if as_admin else self.db_url, statement, *values)

    async def undo(self, statement: str) -> None:
        """Execute a statement and roll it back."""
        connection = await asyncpg.connect(self.db_url)
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute(statement)
        finally:
            await transaction.rollback()
            await connection.close()


@pytest.fixture
def limits() -> RealtimeLimits:
    """Overridden by tests that reach a limit."""
    return USUAL


@pytest.fixture
def standing(
    request: pytest.FixtureRequest, cluster: Cluster, limits: RealtimeLimits
) -> Server | None:
    """Return the module's server, None for a test that reaches a limit."""
    if foreign_target() is not None:
        if cluster.major != DEFAULT_MAJOR:
            pytest.skip("another Supabase is judged: it has one Postgres")
        if limits != USUAL:
            pytest.skip("another Supabase is judged: its limits are its own")
        foreign: Server = request.getfixturevalue("foreign_server")
        return foreign
    request.getfixturevalue("realtime_database")
    usual: Server | None = request.getfixturevalue("module_server") if limits == USUAL else None
    return usual


@pytest.fixture
async def server(
    request: pytest.FixtureRequest, standing: Server | None, limits: RealtimeLimits
) -> AsyncIterator[Server]:
    """Yield a server of one test, and check that nothing is left in it."""
    if standing is None:
        cluster, name = request.getfixturevalue("realtime_database")
        async with a_server(cluster, name, limits) as own:
            yield own
        return
    yield standing
    if inside := standing.inside:
        services = inside.services
        await eventually(lambda: not services.topics and not services.feed)


@pytest.fixture(scope="module")
def module_server(realtime_database: tuple[Cluster, str]) -> Iterator[Server]:
    """Run a server in a thread, since each test has its own event loop."""
    cluster, name = realtime_database
    with in_thread(a_server(cluster, name, USUAL)) as running:
        yield running


@pytest.fixture(scope="module")
def realtime_database(cluster: Cluster) -> Iterator[tuple[Cluster, str]]:
    """Create a database for tests of the inside of the server."""
    if foreign_target() is not None:
        pytest.skip("another Supabase is tested: this test needs the inside of the embedded one")
    name = cluster.create()
    cluster.run(execute(cluster.dsn("postgres", name), _POLICIES))
    yield cluster, name
    cluster.drop(name)


@pytest.fixture(scope="session")
def foreign_server() -> Iterator[Server]:
    """Yield the tested Supabase's Realtime, with only the tests' policies."""
    target = foreign_target()
    assert target is not None
    # For tests only, as the other variables.
    jwt_secret = os.environ.get(JWT_SECRET, "")  # noqa: TID251
    keys = Keys(
        publishable=target.publishable_key,
        secret=target.secret_key,
        jwt_secret=jwt_secret,
        legacy_anon=_legacy(jwt_secret, "anon"),
        legacy_service_role=_legacy(jwt_secret, "service_role"),
    )
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        standing = runner.run(_standing(target.db_url))
        try:
            runner.run(execute(target.db_url, _NO_POLICIES + _POLICIES))
            yield Server(f"{target.url}/realtime/v1", keys, target.db_url)
        finally:
            runner.run(execute(target.db_url, _NO_TABLES + _NO_POLICIES + standing))


def a_server(
    cluster: Cluster, name: str, limits: RealtimeLimits
) -> AbstractAsyncContextManager[Server]:
    """Serve Realtime on a database, on its own port."""
    return serve_realtime(lambda role: cluster.dsn(role, name), limits)


@contextlib.asynccontextmanager
async def serve_realtime(
    dsn: Callable[[str], str], limits: RealtimeLimits
) -> AsyncIterator[Server]:
    """Serve Realtime on the database whose URL for each role `dsn` returns."""
    keys = make_keys()
    # asyncio disables Nagle's algorithm only for sockets that name their protocol.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        async with (
            open_database(
                requests_dsn=dsn("authenticator"), admin_dsn=dsn("supabase_admin")
            ) as database,
            open_realtime(database, keys, limits) as services,
            serve_app(
                Starlette(routes=[Mount("/realtime/v1", routes=realtime_routes(services))]),
                listener,
            ),
        ):
            port = listener.getsockname()[1]
            yield Server(
                f"http://127.0.0.1:{port}/realtime/v1",
                keys,
                dsn("postgres"),
                inside=Inside(dsn("supabase_admin"), services),
            )


def _legacy(jwt_secret: str, role: str) -> str:
    claims = {"role": role, "exp": int(time.time()) + 3600}
    return jwt.encode(claims, jwt_secret, algorithm="HS256") if jwt_secret else ""


@contextlib.contextmanager
def in_thread(context: AbstractAsyncContextManager[_T]) -> Iterator[_T]:
    """Hold an async context in its own loop within the block."""
    entered: Future[tuple[_T, Callable[[], object]]] = Future()

    async def hold() -> None:
        left = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with context as value:
            entered.set_result((value, lambda: loop.call_soon_threadsafe(left.set)))
            await left.wait()

    def run() -> None:
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            runner.run(hold())

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        either: list[Future[Any]] = [entered, running]
        wait(either, return_when=FIRST_COMPLETED)
        if not entered.done():
            running.result()
        value, leave = entered.result()
        try:
            yield value
        finally:
            leave()
            running.result()


async def _standing(db_url: str) -> str:
    """Return the statements that restore the policies and the publication."""
    connection = await asyncpg.connect(db_url)
    try:
        return "".join(row["statement"] for row in await connection.fetch(_STANDING))
    finally:
        await connection.close()


async def execute(db_url: str, statement: str, *values: Any) -> None:
    connection = await asyncpg.connect(db_url)
    try:
        await connection.execute(statement, *values)
    finally:
        await connection.close()
