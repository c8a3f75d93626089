"""Edits of cells of AI columns: which of them judge the answer that had filled the cell."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.sql.columns import Columns
from tests.support.sql.database import ALICE, Connection
from tests.support.sql.flows import answer, hand_over, new_step
from tests.support.sql.outcomes import outcome, selection, used

pytestmark = pytest.mark.db

EDIT = "update shop.tickets set summary = $1 where id = $2"
JUDGED = "select score, source from cogo.judgements where source = 'edit'"


async def fill(columns: Columns, value: str = "Too long", **fields: Any) -> None:
    """Install the column, and have a model fill one row of it."""
    await columns.add(**fields)
    await columns.owner.execute("insert into shop.tickets (body, author) values ('one', $1)", ALICE)
    await answer_cells(columns, value)


async def answer_cells(columns: Columns, value: str, **output: object) -> None:
    """Complete the tasks of the cells that wait, each with this value."""
    await columns.settle()
    for flow in await columns.agent.claim("cio", limit=100):
        step = hand_over(flow, new_step("main"), selections=[selection("main", "model-a")])
        assert await answer(columns.agent, step) == ("ok", None)
    for lease in await columns.agent.claim("model-a", limit=100):
        said = {"text": value, "model_used": "model-a"} | output
        await columns.agent.complete(lease, output=said, usage=used("model-a"))
    await columns.settle()


async def edit(columns: Columns, value: str | None, by: "Connection | None" = None) -> None:
    await (by or columns.owner).execute(EDIT, value, 1)
    await columns.settle()


async def count_edits(columns: Columns) -> int:
    return len(await columns.owner.fetch(JUDGED))


async def sign_in(columns: Columns, role: str) -> Connection:
    """Return a connection of a caller of the REST API, who may edit the table."""
    await columns.owner.execute(f"grant usage on schema shop to {role}")
    await columns.owner.execute(f"grant select, update on shop.tickets to {role}")
    return await columns.database.connect(role, ALICE)


@pytest.mark.parametrize("value", ["Short", None, ""])
async def test_a_persons_value_judges_the_answer_that_it_replaces(
    columns: Columns, value: str | None
) -> None:
    await fill(columns)
    before = await outcome(columns.agent, "model-a")
    await edit(columns, value)
    after = await outcome(columns.agent, "model-a")

    assert (before["judged"], before["answered"]) == (0, 1)
    assert (after["judged"], after["good"]) == (0.9, 0)
    assert after["sources"] == {"edit": 0.9}
    assert await columns.states() == {1: "kept"}


@pytest.mark.parametrize("value", ["too long", " Too  long\n", "TOOLONG"])
async def test_white_space_and_case_are_no_judgement(columns: Columns, value: str) -> None:
    await fill(columns)
    await edit(columns, value)

    assert await count_edits(columns) == 0
    assert await columns.states() == {1: "kept"}


async def test_an_answer_is_judged_once_however_often_its_cell_is_edited(columns: Columns) -> None:
    await fill(columns)
    await edit(columns, "Short")
    await edit(columns, "Shorter")
    first = await outcome(columns.agent, "model-a")
    await columns.database.jump(timedelta(seconds=1))
    await columns.owner.execute(
        "select public.cogo_backfill_column(id, '{kept}') from cogo.ai_columns"
    )
    await answer_cells(columns, "Too long")
    filled = await columns.values()
    await edit(columns, "Short")

    assert filled == {1: "Too long"}
    assert await outcome(columns.agent, "model-a") == first
    assert await count_edits(columns) == 1


async def test_a_value_that_comes_with_other_sources_judges_nothing(columns: Columns) -> None:
    await fill(columns)
    await columns.owner.execute(
        "update shop.tickets set body = 'two', summary = 'Other' where true"
    )
    await columns.settle()

    assert await count_edits(columns) == 0
    assert await columns.states() == {1: "kept"}


async def test_a_value_that_follows_other_sources_judges_nothing(columns: Columns) -> None:
    await fill(columns)
    await columns.owner.execute("update shop.tickets set body = 'two' where true")
    await edit(columns, "Other")

    assert await count_edits(columns) == 0


async def test_a_signed_in_person_judges(columns: Columns) -> None:
    await fill(columns)
    await edit(columns, "Short", await sign_in(columns, "authenticated"))

    assert await count_edits(columns) == 1


@pytest.mark.parametrize("role", ["service_role", "anon"])
async def test_the_secret_key_and_visitors_do_not_judge(columns: Columns, role: str) -> None:
    await fill(columns)
    await edit(columns, "Short", await sign_in(columns, role))

    assert await count_edits(columns) == 0
    assert await columns.states() == {1: "kept"}


async def test_a_job_of_pg_cron_does_not_judge(columns: Columns) -> None:
    await fill(columns)
    await columns.owner.execute("set application_name = 'pg_cron'")
    await edit(columns, "Short")

    assert await count_edits(columns) == 0


async def test_another_trigger_does_not_judge(columns: Columns) -> None:
    await fill(columns)
    await columns.owner.execute(
        """
        create table shop.notes (id bigint);
        create function shop.clear() returns trigger language plpgsql as $$
        begin
          update shop.tickets set summary = 'see the notes' where id = new.id;
          return null;
        end;
        $$;
        create trigger clear after insert on shop.notes
          for each row execute function shop.clear();
        insert into shop.notes values (1);
        """
    )
    await columns.settle()

    assert await columns.states() == {1: "kept"}
    assert await count_edits(columns) == 0


@pytest.mark.parametrize(("rows", "judged"), [(10, 10), (11, 0)])
async def test_a_statement_that_changes_many_rows_is_no_persons(
    columns: Columns, rows: int, judged: int
) -> None:
    await columns.add()
    await columns.owner.execute(
        "insert into shop.tickets (body) select n::text from generate_series(1, $1) n", rows
    )
    await answer_cells(columns, "Too long")
    await columns.owner.execute("update shop.tickets set summary = 'x' || id where true")
    await columns.settle()

    assert set((await columns.states()).values()) == {"kept"}
    assert await count_edits(columns) == judged


async def test_what_nobody_filled_is_not_judged(columns: Columns) -> None:
    await columns.add()
    await columns.owner.execute("insert into shop.tickets (body, summary) values ('one', 'mine')")
    await columns.settle()
    await edit(columns, "better")

    assert await count_edits(columns) == 0


async def test_at_most_fifty_edits_a_day_count_also_of_rows_without_an_owner(
    columns: Columns,
) -> None:
    await columns.add()
    await columns.owner.execute(
        "insert into shop.tickets (body) select n::text from generate_series(1, 55) n"
    )
    await answer_cells(columns, "Too long")
    for number in range(1, 56):
        await columns.owner.execute(EDIT, f"Short {number}", number)
    await columns.settle()

    seen = await outcome(columns.agent, "model-a")
    assert await count_edits(columns) == 55
    assert seen["sources"] == {"edit": 45}


async def test_structured_values_are_compared_as_texts(columns: Columns) -> None:
    await columns.owner.execute("alter table shop.tickets add column score numeric")
    await columns.add("score", "Rate {body}")
    await columns.owner.execute("insert into shop.tickets (body) values ('one'), ('two')")
    await answer_cells(columns, '{"value": 2.5}', data={"value": 2.5})
    await columns.owner.execute("update shop.tickets set score = 3 where id = 1")
    await columns.settle()

    assert await columns.values("score") == {1: 3, 2: 2.5}
    assert await count_edits(columns) == 1
