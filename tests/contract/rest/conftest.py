"""Fixtures: the contract's tables and functions, a server, and clients."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
from supabase import AsyncClient

from embedded.errors import CannotStart
from embedded.postgres.binaries import find_installation
from tests.contract.rest.clients import open_client
from tests.contract.rest.oldest_server import OLDEST_MAJOR, older_server
from tests.support.servers.contract_target import Target, foreign_target

_SCHEMA = Path(__file__).with_name("schema.sql")
_ROWS = """
truncate public.rest_makers, public.rest_widgets, public.rest_labels, public.rest_widget_labels,
  public.rest_notes, public.rest_pairs restart identity;
insert into public.rest_makers (name, country) values ('acme', 'ch'), ('zeta', null);
insert into public.rest_widgets (maker_id, name, price, tags, data, size, code, parent_id, is_sold)
values (1, 'bolt', 3, '{small,"with, comma"}', '{"a": {"b": [1, "two"]}}', '[1,5)', 'x', null,
        true),
       (1, 'gear', 20, '{large}', '{"a": null}', '[5,9)', 'abc', 1, false),
       (null, 'wheel', 7.5, '{}', '{}', null, null, 1, null);
insert into public.rest_labels values (1, 'new'), (2, 'old');
insert into public.rest_widget_labels values (1, 1), (1, 2), (2, 2);
"""


@pytest.fixture(scope="session")
def newest(contract_target: Target) -> Target:
    execute(contract_target, _SCHEMA.read_text(encoding="utf-8"))
    return contract_target


@pytest.fixture(scope="session")
def oldest() -> Iterator[Target]:
    if foreign_target() is not None:
        pytest.skip("another Supabase is judged: it has one Postgres")
    try:
        find_installation(OLDEST_MAJOR)
    except CannotStart:
        pytest.skip(f"no Postgres {OLDEST_MAJOR} server binaries")
    with older_server() as target:
        execute(target, _SCHEMA.read_text(encoding="utf-8"))
        yield target


@pytest.fixture(scope="session", params=["newest", "oldest"])
def rest_schema(request: pytest.FixtureRequest) -> Target:
    """Return a server that has noticed the new schema; also on the oldest Postgres.

    Both run until the end: pytest ends a fixture with parameters whenever the parameter changes.
    """
    target: Target = request.getfixturevalue(request.param)
    return target


def fill(target: Target) -> None:
    """Insert the rows, for tests that are not async."""
    execute(target, _ROWS)


def execute(target: Target, statements: str) -> None:
    """Run SQL as the project's owner, for tests and fixtures that are not async."""

    async def run() -> None:
        connection = await asyncpg.connect(target.db_url)
        try:
            await connection.execute(statements)
        finally:
            await connection.close()

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(run())


@pytest.fixture
async def rows(rest_schema: Target) -> AsyncIterator[asyncpg.Connection]:
    """Insert the rows before each test; yield a connection of the project's owner."""
    connection = await asyncpg.connect(rest_schema.db_url)
    try:
        await connection.execute(_ROWS)
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def client(rest_schema: Target, rows: asyncpg.Connection) -> AsyncIterator[AsyncClient]:
    """Yield supabase-py with the secret key."""
    async with open_client(rest_schema.url, rest_schema.secret_key) as client:
        yield client


@pytest.fixture
async def http(rest_schema: Target, rows: asyncpg.Connection) -> AsyncIterator[httpx.AsyncClient]:
    """Yield an HTTP client below /rest/v1 with the secret key."""
    headers = {"apikey": rest_schema.secret_key}
    async with httpx.AsyncClient(
        base_url=f"{rest_schema.url}/rest/v1", headers=headers, timeout=60
    ) as raw:
        yield raw
