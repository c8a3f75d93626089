"""`alter role authenticator set pgrst...` changes the Data API after `notify pgrst`."""

from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from tests.support.eventually import eventually

_NAMES = ("db_aggregates_enabled", "db_max_rows", "db_pre_request")


class Authenticator:
    """Restore the settings of the role that PostgREST reads."""

    def __init__(self, owner: asyncpg.Connection) -> None:
        self._owner = owner

    async def set(self, name: str, value: str) -> None:
        await self._owner.execute(f"alter role authenticator set pgrst.{name} = '{value}'")
        await self._owner.execute("notify pgrst, 'reload config'")

    async def reset(self) -> None:
        for name in _NAMES:
            await self._owner.execute(f"alter role authenticator reset pgrst.{name}")
        await self._owner.execute("notify pgrst, 'reload config'")


@pytest.fixture
async def authenticator(
    rows: asyncpg.Connection, http: httpx.AsyncClient
) -> AsyncIterator[Authenticator]:
    role = Authenticator(rows)
    try:
        yield role
    finally:
        await role.reset()

        async def is_back() -> bool:
            answer = await http.get("/rest_widgets?select=count()")
            return answer.status_code == 400

        await eventually(is_back)


async def test_aggregates_can_be_enabled(
    authenticator: Authenticator, http: httpx.AsyncClient
) -> None:
    async def read(select: str) -> object:
        return (await http.get(f"/rest_widgets?select={select}")).json()

    async def is_on() -> bool:
        return isinstance(await read("count()"), list)

    refused = await read("count()")
    await authenticator.set("db_aggregates_enabled", "true")
    await eventually(is_on)

    assert isinstance(refused, dict)
    assert refused["code"] == "PGRST123"
    assert await read("count()") == [{"count": 3}]
    assert await read("n:count(),price.sum()::int,id.max()") == [{"n": 3, "sum": 31, "max": 3}]
    assert await read("parent_id,id.min()&order=parent_id") == [
        {"parent_id": 1, "min": 2},
        {"parent_id": None, "min": 1},
    ]
    assert await read("rest_makers(name),count()&maker_id=not.is.null") == [
        {"rest_makers": {"name": "acme"}, "count": 2}
    ]
    makers = await http.get("/rest_makers?select=name,rest_widgets(price.avg()::int)&id=eq.1")
    assert makers.json() == [{"name": "acme", "rest_widgets": [{"avg": 12}]}]
    spread = await http.get("/rest_makers?select=name,...rest_widgets(price.avg())")
    assert (spread.status_code, spread.json()["code"]) == (400, "PGRST127")


async def test_the_rows_of_a_response_can_be_limited(
    authenticator: Authenticator, http: httpx.AsyncClient
) -> None:
    async def is_limited() -> bool:
        return len((await http.get("/rest_widgets?limit=3")).json()) == 2

    await authenticator.set("db_max_rows", "2")

    await eventually(is_limited)


async def test_a_function_can_refuse_each_request(
    authenticator: Authenticator, http: httpx.AsyncClient, rows: asyncpg.Connection
) -> None:
    await rows.execute(
        """
        create or replace function public.rest_check() returns void language plpgsql as $$
        begin
          if current_setting('request.headers')::json ->> 'x-barred' is not null then
            raise sqlstate 'PT402' using message = 'pay first';
          end if;
        end $$;
        """
    )

    async def is_refused() -> bool:
        answer = await http.get("/rest_labels", headers={"X-Barred": "yes"})
        return (answer.status_code, answer.json()) == (
            402,
            {"code": "PT402", "message": "pay first", "details": None, "hint": None},
        )

    await authenticator.set("db_pre_request", "public.rest_check")

    await eventually(is_refused)
    assert (await http.get("/rest_labels")).status_code == 200
