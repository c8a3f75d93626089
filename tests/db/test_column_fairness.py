"""A backfill leaves room for what people wait for, on executors that are always busy."""

from uuid import UUID

import pytest

from tests.support.sql.agent import Row, insert_task
from tests.support.sql.columns import Columns
from tests.support.sql.flows import answer, hand_over, new_step

pytestmark = pytest.mark.db

LANE = "model-a"
OPEN_TASKS = 20


async def plan_all(columns: Columns) -> list[UUID]:
    """Give the flow of each open task its only step, in the order of the claims."""
    planned = []
    while leases := await columns.agent.claim("cio", limit=1):
        item = hand_over(leases[0], new_step("main", lane=LANE))
        assert await answer(columns.agent, item) == ("ok", None)
        planned.append(leases[0]["task_id"])
    return planned


async def work_one(columns: Columns) -> Row:
    """Do the next step, as an executor with one slot does."""
    [lease] = await columns.agent.claim(LANE, limit=1)
    await columns.agent.complete(lease, output={"text": "an answer"})
    return lease


async def test_a_task_of_a_person_is_next_however_many_rows_wait(columns: Columns) -> None:
    await columns.owner.execute(
        "insert into shop.tickets (body) select 'text ' || i from generate_series(1, 200) i"
    )
    await columns.add(backfill=True, open_tasks=OPEN_TASKS)
    await columns.settle()
    await plan_all(columns)
    for _ in range(3):
        await work_one(columns)
    waiting = len(await columns.open_tasks())

    asked = await insert_task(columns.agent.connection, "a question", type="CHAT")
    await columns.settle()
    planned = await plan_all(columns)
    next_ = await work_one(columns)

    assert waiting == OPEN_TASKS - 3  # no more than these are ever in anybody's way
    assert planned[0] == asked
    assert next_["task_id"] == asked


async def test_an_edit_is_next_before_the_backfill_of_its_column(columns: Columns) -> None:
    await columns.owner.execute(
        "insert into shop.tickets (body) select 'text ' || i from generate_series(1, 50) i"
    )
    await columns.add(backfill=True, open_tasks=OPEN_TASKS)
    await columns.settle()
    await plan_all(columns)
    await columns.owner.execute("insert into shop.tickets (body) values ('new')")
    for _ in range(OPEN_TASKS // 2):  # room for the edit, which is asked for before the others
        await work_one(columns)
    await columns.settle()
    [first, *_] = await plan_all(columns)

    [task] = [each for each in await columns.open_tasks() if each["id"] == first]
    assert '"new"' in task["prompt"]
    assert (await work_one(columns))["task_id"] == first


async def test_owners_take_turns_with_a_backfill(columns: Columns) -> None:
    """Its tasks without an owner are one of all owners, whatever their number."""
    await columns.owner.execute(
        "insert into shop.tickets (body) select 'text ' || i from generate_series(1, 50) i"
    )
    await columns.add(backfill=True, open_tasks=OPEN_TASKS)
    await columns.settle()
    person = UUID(int=7)
    for place in range(5):
        await insert_task(columns.agent.connection, f"{place}", type="CHAT", owner=person)
    await plan_all(columns)

    owners = [(await work_one(columns))["task"]["owner"] for _ in range(10)]

    assert owners.count(str(person)) == 5
