"""Statements that are sent together: one transaction, whatever ends it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import asyncpg
import pytest
import pytest_asyncio

from embedded.postgres.cluster import Postgres
from embedded.postgres.database import Database, open_database
from embedded.postgres.pipeline import NothingRunError, PipelineConnection, PipelineQuery, Row
from tests.support.eventually import eventually
from tests.support.servers.postgres import state_directory

TABLE = """
drop table if exists public.notes;
create table public.notes (id int primary key deferrable initially deferred)
"""
COUNT = PipelineQuery("select count(*) from public.notes")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def dsn() -> AsyncIterator[str]:
    with state_directory() as directory:
        async with Postgres(Path(directory)) as postgres:
            yield postgres.dsn("supabase_admin")


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    async with open_database(requests_dsn=dsn, admin_dsn=dsn) as database:
        await database.admin.execute(TABLE)
        yield database


@asynccontextmanager
async def borrowed(database: Database) -> AsyncIterator[PipelineConnection]:
    async with database.requests.acquire() as connection:
        yield cast("PipelineConnection", connection).unwrapped


def insert(number: int) -> PipelineQuery:
    return PipelineQuery("insert into public.notes values ($1::text::int)", [str(number)])


async def run(
    connection: PipelineConnection, *queries: PipelineQuery, seconds: float = 30
) -> Row | None:
    return await connection.run_pipeline(queries, seconds=seconds)


async def test_the_first_row_of_the_last_query_is_returned(database: Database) -> None:
    async with borrowed(database) as connection:
        row = await run(
            connection,
            PipelineQuery("select 'other'"),
            PipelineQuery(
                "select $1::text, null, x from unnest($2::text[]) x", ["é", ['"a\\', "b,{}"]]
            ),
        )

        assert row == ["é", None, '"a\\']
        assert (
            await run(connection, PipelineQuery("select 1"), PipelineQuery("select 1 where false"))
            is None
        )


async def test_settings_hold_for_the_later_queries_only(database: Database) -> None:
    async with borrowed(database) as connection:
        settings = PipelineQuery("select set_config('my.name', $1, true)", ["ada"])
        name = PipelineQuery("select current_setting('my.name', true)")

        assert await run(connection, settings, name) == ["ada"]
        assert await run(connection, name) != ["ada"]


async def test_an_error_undoes_the_queries_before_and_skips_those_after(
    database: Database,
) -> None:
    async with borrowed(database) as connection:
        with pytest.raises(asyncpg.DivisionByZeroError) as raised:
            await run(connection, insert(1), PipelineQuery("select 1 / 0"), insert(2))

        assert raised.value.sqlstate == "22012"
        assert await run(connection, COUNT) == ["0"]
        assert not connection.has_open_pipeline


async def test_deferred_constraints_are_checked_before_the_result_is_returned(
    database: Database,
) -> None:
    async with borrowed(database) as connection:
        with pytest.raises(asyncpg.UniqueViolationError):
            await run(connection, insert(1), insert(1), COUNT)

        assert await run(connection, COUNT) == ["0"]


async def test_begin_leaves_a_transaction_open(database: Database) -> None:
    async with borrowed(database) as connection:
        states = []
        for queries in ([PipelineQuery("begin"), insert(1)], [PipelineQuery("rollback")]):
            await run(connection, *queries)
            states.append(connection.has_open_pipeline)

        assert states == [True, False]
        assert await run(connection, COUNT) == ["0"]


async def test_the_connection_serves_asyncpg_in_between(database: Database) -> None:
    async with borrowed(database) as connection:
        for number in range(3):
            await run(connection, insert(number))
            assert await connection.fetchval("select count(*) from public.notes") == number + 1


async def test_more_statements_than_are_kept_can_be_used(database: Database) -> None:
    async with borrowed(database) as connection:
        for number in [*range(130), *range(130)]:
            assert await run(connection, PipelineQuery(f"select {number}")) == [str(number)]

        kept = await run(connection, PipelineQuery("select count(*) from pg_prepared_statements"))
        assert kept is not None
        assert 90 <= int(kept[0] or 0) <= 101


async def test_long_statements_and_results_arrive_whole(database: Database) -> None:
    async with borrowed(database) as connection:
        text = "x" * 3_000_000
        for _ in range(2):
            row = await run(
                connection, PipelineQuery(f"select $1::text /* {'-' * 20_000} */", [text])
            )
            assert row == [text]


async def test_deallocated_statements_are_prepared_again(database: Database) -> None:
    async with borrowed(database) as connection:
        await run(connection, COUNT)
        await connection.execute("deallocate all")
        with pytest.raises(asyncpg.InvalidSQLStatementNameError):
            await run(connection, COUNT)

        assert await run(connection, COUNT) == ["0"]


async def test_a_statement_that_failed_to_parse_is_not_taken_for_prepared(
    database: Database,
) -> None:
    async with borrowed(database) as connection:
        for _ in range(2):
            with pytest.raises(asyncpg.UndefinedTableError):
                await run(
                    connection,
                    PipelineQuery("select 2"),
                    PipelineQuery("select from public.missing"),
                )

        assert await run(connection, PipelineQuery("select 2")) == ["2"]


async def test_text_that_is_not_unicode_is_refused_before_it_is_sent(database: Database) -> None:
    async with borrowed(database) as connection:
        with pytest.raises(asyncpg.DataError):
            await run(connection, PipelineQuery("select $1::text", ["\ud800"]))

        assert await run(connection, COUNT) == ["0"]


async def test_a_timeout_undoes_the_statements(database: Database) -> None:
    async with borrowed(database) as connection:
        pid = connection.get_server_pid()
        with pytest.raises(TimeoutError):
            await run(connection, insert(1), PipelineQuery("select pg_sleep(2)"), seconds=0.2)
        assert connection.is_closed()

    assert await count_when_ended(database, pid) == 0


async def test_a_cancelled_task_undoes_the_statements(database: Database) -> None:
    async with borrowed(database) as connection:
        pid = connection.get_server_pid()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):  # cancels the task
                await run(connection, insert(1), PipelineQuery("select pg_sleep(2)"))

    assert await count_when_ended(database, pid) == 0


async def count_when_ended(database: Database, pid: int) -> int:
    """Return the number of rows when a backend is gone, which may have committed before."""

    async def is_gone() -> bool:
        return not await database.admin.fetchval(
            "select exists (select from pg_stat_activity where pid = $1)", pid
        )

    await eventually(is_gone)
    return int(await database.admin.fetchval("select count(*) from public.notes"))


async def test_a_connection_that_was_ended_while_idle_has_run_nothing(
    database: Database,
) -> None:
    async with borrowed(database) as connection:
        pid = connection.get_server_pid()
        await database.admin.execute("select pg_terminate_backend($1, 5000)", pid)
        with pytest.raises(NothingRunError):
            await run(connection, insert(1))


async def test_a_connection_that_is_ended_during_a_statement_is_not_taken_for_unused(
    database: Database,
) -> None:
    async with borrowed(database) as connection, asyncio.TaskGroup() as group:
        pid = connection.get_server_pid()
        task = group.create_task(fail(connection, insert(1), PipelineQuery("select pg_sleep(30)")))
        await eventually(lambda: is_sleeping(database, pid))
        await database.admin.execute("select pg_terminate_backend($1, 5000)", pid)
        error = await task

        assert not isinstance(error, NothingRunError)
        assert connection.is_closed()


async def fail(connection: PipelineConnection, *queries: PipelineQuery) -> Exception:
    with pytest.raises(asyncpg.ConnectionDoesNotExistError) as raised:
        await run(connection, *queries)
    return raised.value


async def is_sleeping(database: Database, pid: int) -> bool:
    found = await database.admin.fetchval(
        "select wait_event = 'PgSleep' from pg_stat_activity where pid = $1", pid
    )
    return bool(found)
