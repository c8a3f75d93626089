"""Caps, pauses, versions and backfills of AI columns."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from tests.db.calls import a_call, begin, end
from tests.support.sql.agent import Row
from tests.support.sql.columns import Columns
from tests.support.sql.database import ALICE, NOON
from tests.support.sql.flows import answer, hand_over, new_step
from tests.support.sql.waits import claim_flow

pytestmark = pytest.mark.db


async def lease_step(columns: Columns, task: Row) -> Row:
    """Claim the step of a task that asks a model."""
    flow = await claim_flow(columns.agent, task["id"])
    assert await answer(columns.agent, hand_over(flow, new_step("ask"))) == ("ok", None)
    [lease] = await columns.agent.claim("model-a")
    return lease


async def refuse(columns: Columns, task: Row, usd: float) -> Row:
    """Let a call of a task be refused by a cap, and the task fail of it; return the refusal."""
    lease = await lease_step(columns, task)
    refused = await begin(columns.agent, a_call(lease, usd))
    assert refused["answer"] == "refused"
    error = {"class": "spend_cap", "message": refused["detail"]}
    await columns.agent.fail(lease, "give_up", error=error)
    return refused


async def pay(columns: Columns, task: Row, usd: float) -> Any:
    """Complete a task for this cost; return the cap of the column while 10 cents more are held."""
    lease = await lease_step(columns, task)
    call = a_call(lease, usd + 0.1)
    assert (await begin(columns.agent, call))["answer"] == "ok"
    caps = await columns.owner.fetch("select * from public.cogo_budgets()")
    await end(columns.agent, call, usd)
    await columns.agent.complete(lease, output={"text": "paid"})
    [cap] = [row for row in caps if row["scope"] == "column"]
    return cap


async def test_a_spent_cap_pauses_the_column_tells_once_and_goes_on_tomorrow(
    columns: Columns,
) -> None:
    column_id = await columns.add(max_usd_per_day=1)
    await columns.owner.execute("insert into shop.tickets (body) values ('a'), ('b'), ('c')")
    await columns.settle()
    first, second, third = await columns.open_tasks()
    reserved = await pay(columns, first, 0.8)
    assert (reserved["key"], reserved["reserved_usd"]) == (str(column_id), Decimal("0.9"))
    for task in (second, third):
        refused = await refuse(columns, task, 0.5)
        assert refused["scope"] == "column"
        assert "the cap of the AI column shop.tickets.summary is $1 a day" in refused["detail"]
    await columns.owner.execute("delete from realtime.messages")
    await columns.settle()

    row = await columns.column(column_id)
    midnight = (NOON + timedelta(days=1)).replace(hour=0)
    assert (row["paused_until"], row["pending"], row["done"]) == (midnight, 2, 1)
    assert row["spent_today_usd"] == row["spent_usd"] == Decimal("0.8")
    assert (
        await columns.owner.fetchval(
            "select count(*) from realtime.messages where event = 'COLUMN_PAUSED'"
        )
        == 1
    )
    assert await columns.open_tasks() == []
    await columns.database.jump(timedelta(days=1))
    assert len(await columns.answer("tomorrow")) == 2
    assert (await columns.column(column_id))["paused_reason"] is None


async def test_a_raised_cap_goes_on_at_once(columns: Columns) -> None:
    column_id = await columns.add(max_usd=1)
    await columns.owner.execute("insert into shop.tickets (body) values ('a'), ('b')")
    await columns.settle()
    first, second = await columns.open_tasks()
    await pay(columns, first, 0.8)
    await refuse(columns, second, 0.5)
    await columns.settle()
    row = await columns.column(column_id)
    assert row["paused_until"] is None
    assert "is $1:" in row["paused_reason"]
    assert await columns.open_tasks() == []
    await columns.agent.connection.execute(
        "select from public.cogo_set_budget('column', $1, 'ever', 5)", str(column_id)
    )
    assert len(await columns.answer("now")) == 1


async def test_a_cap_of_one_owner_stops_only_their_rows(columns: Columns) -> None:
    await columns.add(owner_column="author", open_tasks=1)
    await columns.agent.connection.execute(
        "select from public.cogo_set_budget('owner', $1, 'day', 0.1)", str(ALICE)
    )
    await columns.owner.execute(
        "insert into shop.tickets (body, author) values ('a', $1), ('b', $1), ('c', null)", ALICE
    )
    await columns.settle()
    [task] = await columns.open_tasks()
    await refuse(columns, task, 0.5)
    await columns.settle()
    [task] = await columns.open_tasks()
    assert task["owner"] is None
    await columns.answer("other")
    assert await columns.open_tasks() == []
    await columns.database.jump(timedelta(days=1))
    await columns.settle()
    assert len(await columns.open_tasks()) == 1


async def test_a_budget_of_a_row_that_does_not_suffice_fails_it(columns: Columns) -> None:
    await columns.add(max_usd_per_row=0.25)
    await columns.owner.execute("insert into shop.tickets (body) values ('a')")
    await columns.settle()
    [task] = await columns.open_tasks()
    assert task["budget_usd"] == Decimal("0.25")
    assert (await refuse(columns, task, 0.5))["scope"] == "task"
    await columns.settle()
    [cell] = await columns.cells()
    assert cell["state"] == "failed"
    assert "a budget of $0.5" in cell["reason"]
    assert "raise max_usd_per_row, or take a lower params.max_output_tokens" in cell["reason"]


async def test_a_row_that_costs_more_than_the_whole_cap_waits_alone(
    columns: Columns,
) -> None:
    column_id = await columns.add(max_usd_per_day=1)
    await columns.owner.execute("insert into shop.tickets (body) values ('long'), ('short')")
    await columns.settle()
    long, short = await columns.open_tasks()

    refused = await refuse(columns, long, 1.5)
    assert "raise it, or lower params.max_output_tokens" in refused["detail"]
    await columns.settle()

    row = await columns.column(column_id)
    assert (row["pending"], row["paused_until"], row["paused_reason"]) == (2, None, None)
    assert row["error"].startswith("the last task failed: the cap of the AI column")
    await pay(columns, short, 0.1)
    await columns.settle()
    row = await columns.column(column_id)
    assert (row["pending"], row["done"], row["error"]) == (1, 1, None)
    assert await columns.open_tasks() == []
    await columns.database.jump(timedelta(minutes=1))
    assert len(await columns.answer("at last")) == 1


async def test_a_late_report_counts_for_the_cap(columns: Columns) -> None:
    column_id = await columns.add(max_usd_per_day=1)
    await columns.owner.execute("insert into shop.tickets (body) values ('a')")
    await columns.settle()
    [task] = await columns.open_tasks()
    lease = await lease_step(columns, task)
    call = a_call(lease, 0.9)
    await begin(columns.agent, call)
    await columns.agent.release(lease, died=True)
    await columns.owner.execute("delete from public.cogo_tasks where id = $1", task["id"])
    await end(columns.agent, call, 0.7)
    row = await columns.column(column_id)
    assert row["spent_today_usd"] == row["spent_usd"] == Decimal("0.7")
    [budget] = [
        row
        for row in await columns.owner.fetch("select * from public.cogo_budgets()")
        if row["scope"] == "column"
    ]
    assert budget["spent_usd"] == Decimal("0.7")


async def test_a_changed_prompt_makes_values_stale_and_can_be_reverted(columns: Columns) -> None:
    column_id = await columns.add()
    await columns.owner.execute("insert into shop.tickets (body) values ('a'), ('b')")
    await columns.answer("first")
    await columns.add(prompt="Better: {body}")
    await columns.settle()
    assert await columns.states() == {1: "stale", 2: "stale"}
    await columns.owner.execute("update shop.tickets set body = 'c' where id = 2")
    assert len(await columns.answer("second")) == 1
    assert await columns.states() == {1: "stale", 2: "done"}
    reverted = await columns.owner.fetchval(
        "select cogo.revert_ai_column('shop.tickets', 'summary')"
    )
    assert reverted == 1
    assert await columns.states() == {1: "done", 2: "stale"}
    row = await columns.column(column_id)
    assert (row["done"], row["stale"], row["version"]) == (1, 1, 1)
    versions = await columns.agent.connection.fetch(
        "select * from public.cogo_column_versions order by version"
    )
    assert [each["prompt"] for each in versions] == ["Sum up: {body}", "Better: {body}"]

    await columns.database.jump(timedelta(seconds=1))
    assert await backfill(columns, column_id, "stale") == 1
    assert len(await columns.answer("third")) == 1
    assert await columns.states() == {1: "done", 2: "done"}
    with pytest.raises(asyncpg.PostgresError, match="no version 7"):
        await columns.owner.execute("select cogo.revert_ai_column('shop.tickets', 'summary', 7)")


async def backfill(columns: Columns, column_id: Any, *states: str, **fields: Any) -> int:
    """Begin a backfill; return for how many cells."""
    named = "".join(f", {name} => {value}" for name, value in fields.items())
    [row] = await columns.agent.connection.fetch(
        f"select * from public.cogo_backfill_column($1, $2{named})",  # noqa: S608
        column_id,
        list(states),
    )
    return int(row["cells"])


async def test_old_rows_are_filled_after_edits_with_progress(columns: Columns) -> None:
    await columns.owner.execute(
        "insert into shop.tickets (body, summary)"
        " select n, case n when 3 then 'mine' end from generate_series(1, 7) n"
    )
    column_id = await columns.add(open_tasks=2)
    await columns.settle()
    assert await columns.cells() == []
    assert await backfill(columns, column_id, "missing", p_dry_run="true") == 6
    assert await backfill(columns, column_id, "missing", p_limit=5) == 5
    await columns.settle(limit=2)
    row = await columns.column(column_id)
    assert (row["backfill"]["total"], row["backfill"]["done"], row["pending"]) == (5, 0, 5)
    assert [task["priority"] for task in await columns.open_tasks()] == [9, 9]
    await columns.owner.execute("insert into shop.tickets (body) values ('new')")
    await columns.answer("x")
    assert [task["priority"] for task in await columns.open_tasks()] == [5, 9]
    while await columns.open_tasks():
        await columns.answer("x")
    row = await columns.column(column_id)
    assert (row["backfill"]["done"], row["pending"]) == (5, 0)
    assert await columns.values() == {
        1: "x", 2: "x", 3: "mine", 4: "x", 5: "x", 6: "x", 7: None, 8: "x",
    }  # fmt: skip


async def test_failed_and_kept_cells_are_asked_for_when_somebody_wants_it(columns: Columns) -> None:
    column_id = await columns.add()
    await columns.owner.execute(
        "insert into shop.tickets (body, summary) values ('a', null), ('b', 'mine')"
    )
    await columns.settle()
    [task] = await columns.open_tasks()
    await columns.fail(task["id"])
    await columns.settle()
    assert await columns.states() == {1: "failed", 2: "kept"}
    await columns.database.jump(timedelta(seconds=1))
    assert await backfill(columns, column_id, "failed") == 1
    await columns.settle()
    [task] = await columns.open_tasks()
    await columns.fail(task["id"])
    await columns.settle()
    assert await columns.open_tasks() == []  # once, not for ever
    await columns.database.jump(timedelta(seconds=1))
    assert await backfill(columns, column_id, "failed", "kept") == 2
    assert len(await columns.answer("theirs")) == 2
    assert await columns.values() == {1: "theirs", 2: "theirs"}
    with pytest.raises(asyncpg.PostgresError, match="p_states must be"):
        await backfill(columns, column_id, "done")
    with pytest.raises(asyncpg.PostgresError, match="p_states must be"):
        await backfill(columns, column_id, "done", p_dry_run="true")


async def test_an_operator_pauses_and_resumes(columns: Columns) -> None:
    column_id = await columns.add()
    call = columns.agent.connection.execute
    await call("select from public.cogo_pause_column($1, 'too dear')", column_id)
    await columns.owner.execute("insert into shop.tickets (body) values ('a')")
    await columns.settle()
    row = await columns.column(column_id)
    assert (row["pending"], row["asked"], row["paused_reason"]) == (1, 0, "too dear")
    await call("select from public.cogo_resume_column($1)", column_id)
    assert len(await columns.answer("value")) == 1
    with pytest.raises(asyncpg.PostgresError, match="there is no AI column"):
        await call("select from public.cogo_pause_column($1)", ALICE)


async def test_samples_say_what_would_be_submitted_and_write_nothing(columns: Columns) -> None:
    await columns.owner.execute(
        "insert into shop.tickets (body, author, summary) values ('a', $1, 'old'), ('b', $1, null)",
        ALICE,
    )
    before = await columns.owner.fetch(
        "select * from cogo.preview_ai_column("
        "'shop.tickets', 'summary', 'Say {body}', owner_column => 'author', max_usd_per_row => 0.5)"
    )
    assert [(row["key"], row["owner"], row["type"]) for row in before] == [
        ([2], ALICE, "CHAT"),
        ([1], ALICE, "CHAT"),
    ]
    assert all(row["budget_usd"] == Decimal("0.5") for row in before)
    assert await columns.owner.fetchval("select count(*) from cogo.ai_columns") == 0
    column_id = await columns.add(prompt="Say {body}")
    sampled = await columns.agent.connection.fetch(
        "select * from public.cogo_sample_column($1, 1)", column_id
    )
    assert [row["prompt"] for row in sampled] == [before[0]["prompt"]]
    assert await columns.owner.fetchval("select count(*) from public.cogo_tasks") == 0


async def test_a_call_of_a_removed_column_leaves_no_trace(columns: Columns) -> None:
    await columns.add(max_usd_per_row=1)
    await columns.owner.execute("insert into shop.tickets (body) values ('a'), ('b')")
    await columns.settle()
    first, second = await columns.open_tasks()
    await refuse(columns, first, 5)
    lease = await lease_step(columns, second)
    call = a_call(lease, 0.5)
    assert (await begin(columns.agent, call))["answer"] == "ok"
    await columns.owner.execute("select cogo.remove_ai_column('shop.tickets', 'summary')")
    await end(columns.agent, call, 0.5)
    await columns.owner.execute("insert into shop.tickets (body) values ('c')")
    assert await columns.find_traces() == []


async def test_a_refusal_is_forgotten_with_the_last_cell_that_waits(columns: Columns) -> None:
    await columns.add(max_usd_per_row=1)
    await columns.owner.execute("insert into shop.tickets (body) values ('a'), ('b')")
    await columns.settle()
    first, second = await columns.open_tasks()
    for task, is_deleted in ((first, False), (second, True)):
        lease = await lease_step(columns, task)
        assert (await begin(columns.agent, a_call(lease, 5)))["answer"] == "refused"
        await columns.settle()
        assert "refusals" in await columns.find_traces()
        # A cheaper model has answered, or nobody wants the answer any more.
        if is_deleted:
            await columns.owner.execute("delete from shop.tickets where body = 'b'")
        else:
            await columns.agent.complete(lease, output={"text": "cheaper"})
        await columns.settle()
        assert "refusals" not in await columns.find_traces()


async def test_with_overwrite_a_value_is_replaced_when_its_sources_change(columns: Columns) -> None:
    await columns.add(overwrite=True)
    await columns.owner.execute("insert into shop.tickets (body, summary) values ('a', 'mine')")
    await columns.answer("first")
    assert await columns.values() == {1: "first"}
    await columns.owner.execute("update shop.tickets set summary = 'mine' where true")
    assert await columns.answer("not asked") == []
    await columns.owner.execute("update shop.tickets set body = 'b' where true")
    await columns.answer("second")
    assert await columns.values() == {1: "second"}


async def test_a_table_of_another_role_stands_still(columns: Columns) -> None:
    column_id = await columns.add()
    await columns.owner.execute(
        "create role shop_owner; grant shop_owner to postgres;"
        "grant usage, create on schema shop to shop_owner"
    )
    try:
        await columns.owner.execute("alter table shop.tickets owner to shop_owner")
        await columns.owner.execute(
            "set role shop_owner; insert into shop.tickets (body) values ('a'); reset role"
        )
        await columns.settle()
        row = await columns.column(column_id)
        assert "alter table shop.tickets owner to postgres" in row["standing_still"]
        assert await columns.cells() == []
        with pytest.raises(asyncpg.PostgresError, match="belongs to shop_owner"):
            await columns.add()
        await columns.owner.execute("alter table shop.tickets owner to postgres")
        assert len(await columns.answer("value")) == 1
    finally:
        await columns.owner.execute(
            "alter table shop.tickets owner to postgres;"
            "drop owned by shop_owner; drop role shop_owner"
        )
