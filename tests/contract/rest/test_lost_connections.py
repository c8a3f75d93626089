"""Requests during the loss of the database get an error, and later ones are answered."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from embedded.keys import Keys
from embedded.postgres.database import Database, open_database
from embedded.rest.app import rest_routes
from tests.support.eventually import eventually
from tests.support.servers.postgres import Cluster

KEYS = Keys(
    publishable="sb_publishable_a",
    secret="sb_secret_b",
    jwt_secret="c" * 40,
    legacy_anon="d",
    legacy_service_role="e",
)
_SLOW = """
create function public.slow() returns integer language sql volatile
  as 'select 1 from pg_sleep(60)';
create function public.backend() returns integer language sql volatile
  as 'select pg_backend_pid()';
create table public.things (id integer primary key);
grant select on public.things to service_role;
"""
_CUT = """
select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
 where usename = 'authenticator' and datname = current_database()
"""
_RUNNING = """
select exists (select from pg_stat_activity where usename = 'authenticator'
                  and datname = current_database() and state = 'active' and query like '%slow%')
"""


@pytest.fixture
def name(cluster: Cluster) -> Iterator[str]:
    name = cluster.create()
    yield name
    cluster.drop(name)


@pytest.fixture
async def database(cluster: Cluster, name: str) -> AsyncIterator[Database]:
    async with open_database(
        requests_dsn=cluster.dsn("authenticator", name),
        admin_dsn=cluster.dsn("supabase_admin", name),
    ) as database:
        await database.admin.execute(_SLOW)
        yield database


@pytest.fixture
async def http(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=[Mount("/rest/v1", routes=rest_routes(database, KEYS))])
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://rest/rest/v1",
        headers={"apikey": KEYS.secret},
        timeout=20,
    ) as client:
        yield client


async def statuses(http: httpx.AsyncClient, count: int) -> set[int]:
    """Return the statuses of simultaneous requests."""
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(http.get("/things")) for _ in range(count)]
    return {each.result().status_code for each in asked}


async def test_a_request_with_a_lost_connection_gets_a_503(
    http: httpx.AsyncClient, database: Database
) -> None:
    async with asyncio.TaskGroup() as group:
        slow = group.create_task(http.post("/rpc/slow", json={}))

        async def runs() -> bool:
            return bool(await database.admin.fetchval(_RUNNING))

        await eventually(runs)
        await database.admin.execute(_CUT)

    answer = slow.result()
    assert answer.status_code == 503
    assert answer.json()["code"] in {"57P01", "PGRST001"}
    assert await statuses(http, 1) == {200}


async def test_requests_after_all_connections_were_lost_are_answered(
    http: httpx.AsyncClient, database: Database
) -> None:
    assert await statuses(http, 30) == {200}

    cut = await database.admin.fetchval(_CUT)

    assert cut > 2
    assert await statuses(http, 30) <= {200, 503}

    async def are_answered() -> bool:
        return await statuses(http, 30) == {200}

    await eventually(are_answered)


async def test_requests_that_follow_closely_use_one_connection(http: httpx.AsyncClient) -> None:
    backends = {(await http.post("/rpc/backend", json={})).text for _ in range(5)}

    assert len(backends) == 1


async def test_a_connection_that_no_request_needs_is_ended(
    http: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedded.postgres.database.IDLE_SECONDS", 0.1)
    first = int((await http.post("/rpc/backend", json={})).text)
    asked = "select exists (select from pg_stat_activity where pid = $1)"

    async def is_ended() -> bool:
        return not await database.admin.fetchval(asked, first)

    await eventually(is_ended)
    assert int((await http.post("/rpc/backend", json={})).text) != first


async def test_whoever_waits_for_a_connection_gets_one_that_is_given_back(
    http: httpx.AsyncClient, database: Database
) -> None:
    """No request keeps it, though fewer than allowed are kept."""
    count = database.requests.get_max_size()
    proxies = [await database.kept.take(seconds=5) for _ in range(count)]

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(database.kept.take(seconds=5))
        await asyncio.sleep(0)
        await database.kept.give_back(proxies[0], proxies[0].unwrapped)
        proxies[0] = await waiting
    for each in proxies:
        await database.kept.give_back(each, each.unwrapped)

    assert await statuses(http, count) == {200}
