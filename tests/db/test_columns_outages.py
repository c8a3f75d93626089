"""AI columns while no model is to be had."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Final

import pytest

from providers.errors import InvalidRequest, ProviderError, SpendCapReached, SpendingStopped
from tests.support.servers.postgres import ONE_VERSION
from tests.support.sql.agent import Row
from tests.support.sql.columns import Columns, open_columns
from tests.support.sql.database import Database
from tests.support.sql.waits import finish

pytestmark = pytest.mark.db

WAITS: Final = [timedelta(minutes=each) for each in (1, 5, 30, 120, 360)]


@pytest.fixture
async def columns(database: Database) -> AsyncIterator[Columns]:
    async with open_columns(database) as opened:
        yield opened


async def test_an_outage_puts_a_cell_off_longer_each_time_and_fails_it_at_last(
    columns: Columns,
) -> None:
    await columns.add()
    await columns.owner.execute("insert into shop.tickets (body) values ('a')")
    for wait in WAITS:
        await columns.settle()
        [task] = await columns.open_tasks()
        await columns.fail(task["id"], "overloaded")
        await columns.settle()
        [cell] = await columns.cells()
        assert (cell["state"], cell["reason"]) == ("pending", "it did not work")
        await columns.database.jump(wait - timedelta(seconds=1))
        await columns.settle()
        assert await columns.open_tasks() == []
        await columns.database.jump(timedelta(seconds=1))
    await columns.settle()
    [task] = await columns.open_tasks()
    assert task["prompt"].count("it did not work") == 0
    await columns.fail(task["id"], "lease_expired")
    await columns.settle()
    assert await columns.states() == {1: "failed"}
    await columns.owner.execute("update shop.tickets set body = 'b'")
    await columns.settle()
    [task] = await columns.open_tasks()
    await columns.fail(task["id"], "timeout")
    await columns.settle()
    assert await columns.states() == {1: "pending"}


@ONE_VERSION
async def test_while_all_fail_one_task_finds_out_whether_that_is_over(columns: Columns) -> None:
    column_id = await columns.add(open_tasks=12)
    await columns.owner.execute(
        "insert into shop.tickets (body) select n from generate_series(1, 40) n"
    )
    await columns.settle()
    for task in await columns.open_tasks():
        await columns.fail(task["id"], "overloaded")
    await columns.settle()
    for _ in range(2):
        assert await columns.open_tasks() == []
        await columns.database.jump(timedelta(seconds=30))
        await columns.settle()
        [task] = await columns.open_tasks()
        await columns.fail(task["id"], "overloaded")
        await columns.settle()
    await columns.database.jump(timedelta(seconds=30))
    await columns.settle()
    row = await columns.column(column_id)
    assert (row["pending"], row["asked"], row["failed"]) == (40, 1, 0)
    assert row["error"].startswith("the last 14 tasks failed, so one row is asked for every 30")
    assert row["error"].endswith("it did not work")
    [task] = await columns.open_tasks()
    await finish(columns.agent, task["id"], text="back", model_used="m")
    await columns.settle()
    assert (await columns.column(column_id))["error"] is None
    assert len(await columns.open_tasks()) == 12
    for _ in range(4):
        await columns.answer("filled")
    assert set((await columns.states()).values()) == {"done"}  # no cell waits any longer


async def test_rows_that_a_model_refuses_slow_no_other_down(columns: Columns) -> None:
    await columns.add(open_tasks=12)
    await columns.owner.execute(
        "insert into shop.tickets (body) select n from generate_series(1, 24) n"
    )
    await columns.settle()
    for task in await columns.open_tasks():
        await columns.fail(task["id"])
    await columns.settle()
    assert len(await columns.open_tasks()) == 12


async def test_vectors_that_an_outage_has_put_off_stay_together(columns: Columns) -> None:
    await columns.owner.execute("alter table shop.tickets add made real[]")
    await columns.add("made", model="e", params={"embed": True})
    await columns.owner.execute("insert into shop.tickets (body) values ('a'), ('b')")
    await columns.settle()
    [task] = await columns.open_tasks()
    await columns.fail(task["id"], "connection")
    await columns.settle()
    await columns.database.jump(WAITS[0])
    await columns.settle()
    [task] = await columns.open_tasks()
    assert len(task["params"]["input"]) == 2


def list_kinds(kind: type[ProviderError] = ProviderError) -> Iterator[type[ProviderError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from list_kinds(each)


async def ask_whether_it_is_an_outage(columns: Columns, error: Row, *tried: str) -> bool:
    await columns.settle()
    [task] = await columns.open_tasks()
    for each in tried:
        await columns.owner.execute(
            "insert into public.cogo_attempts"
            " (task_id, subtask_id, attempt, lane, agent_id, outcome, error, claimed_at, ended_at)"
            " select $1, s.id, 100, 'm', 'x', 'failed', jsonb_build_object('class', $2::text),"
            " cogo.now(), cogo.now() from cogo.subtasks s where s.task_id = $1",
            task["id"],
            each,
        )
    is_outage: bool = await columns.owner.fetchval(
        "select cogo.is_outage(jsonb_populate_record(t, jsonb_build_object("
        " 'status', 'failed', 'error', $2::jsonb)))"
        " from public.cogo_tasks t where t.id = $1",
        task["id"],
        {"message": ""} | error,
    )
    await columns.owner.execute("delete from public.cogo_attempts where lane = 'm'")
    return is_outage


async def test_what_is_an_outage(columns: Columns) -> None:
    await columns.add()
    await columns.owner.execute("insert into shop.tickets (body) values ('a')")
    for kind in list_kinds():
        found = await ask_whether_it_is_an_outage(columns, {"class": kind.code})
        # What was refused since spending is stopped is released, and never the end of a task.
        is_exempt = kind.code == "call_failed" or kind is SpendingStopped
        assert found or not kind.retryable or is_exempt, kind
        assert not (found and issubclass(kind, InvalidRequest | SpendCapReached)), kind
    no_model = {"class": "no_model"}
    assert await ask_whether_it_is_an_outage(columns, no_model)
    assert await ask_whether_it_is_an_outage(columns, no_model | {"field": "model"}, "overloaded")
    assert not await ask_whether_it_is_an_outage(columns, no_model, "content_filtered")
    assert not await ask_whether_it_is_an_outage(columns, no_model | {"field": "prompt"})
    assert not await ask_whether_it_is_an_outage(columns, {"class": "invalid_task"})
