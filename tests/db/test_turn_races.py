"""Turns, waits and answers that meet others at the same moment."""

import asyncio
from collections.abc import Awaitable

import asyncpg
import pytest

from tests.db.laws import broken_laws
from tests.support.sql.agent import Agent, Row, plan_task, ref
from tests.support.sql.database import Database
from tests.support.sql.turns import (
    answer_question,
    approvals,
    ask,
    hand_over_step,
    new_turn,
    question,
    read_turns,
    store,
    wait,
)

pytestmark = pytest.mark.db

ROUNDS = 8


async def all_of(*works: Awaitable[object]) -> list[object]:
    """Do all at the same time; None for what was refused because another one was first."""

    async def attempt(work: Awaitable[object]) -> object:
        try:
            return await work
        except asyncpg.PostgresError as error:
            assert error.sqlstate in {"TQ002", "TQ003"}, error
            return None

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(attempt(work)) for work in works]
    return [task.result() for task in tasks]


async def test_the_last_of_answers_at_the_same_moment_queues_it_once(
    database: Database, agent: Agent
) -> None:
    people = [await database.connect() for _ in range(3)]
    for _ in range(ROUNDS):
        lease = await ask(agent, "c1", "c2", "c3")
        asked = [row for row in await approvals(agent.connection) if row["answered_at"] is None]

        await all_of(*(answer_question(who, row) for who, row in zip(people, asked, strict=True)))

        [again] = await agent.claim("model-a")
        assert [turn["seq"] for turn in await read_turns(agent, lease)] == [1, 2, 3, 4]
        assert await agent.complete(again) == "ok"
    assert await broken_laws(agent.connection) == []


@pytest.mark.parametrize("verb", ["cancel", "pause"])
async def test_an_answer_and_a_person_who_steers_the_task(
    database: Database, agent: Agent, verb: str
) -> None:
    one, other = await database.connect(), await database.connect()
    for _ in range(ROUNDS):
        lease = await ask(agent, "c1")
        asked = (await approvals(agent.connection))[-1]

        await all_of(
            answer_question(one, asked),
            other.execute(f"select from public.cogo_{verb}_task($1)", lease["task_id"]),
        )

        assert await broken_laws(agent.connection) == []
        assert await agent.claim("model-a") == []


async def test_a_wait_and_a_cancellation(database: Database, agent: Agent) -> None:
    person = await database.connect()
    for _ in range(ROUNDS):
        task_id = await hand_over_step(agent)
        [lease] = await agent.claim("model-a")

        answered, _ = await all_of(
            wait(agent, lease, question("c1")),
            person.execute("select from public.cogo_cancel_task($1)", task_id),
        )

        assert answered in {("ok", None), ("closed", None)}
        assert await broken_laws(agent.connection) == []


async def test_a_stalled_holder_stores_nothing_after_its_successor(
    database: Database, agent: Agent, other_agent: Agent
) -> None:
    stalled = Agent(await database.connect(), agent.id)
    await plan_task(agent)
    for number in range(ROUNDS):
        [lease] = await agent.claim("model-a")

        async def take_over(lease: Row = lease) -> None:
            await agent.release(lease)
            # A claim passes by what the other one locks at that moment.
            while not (claimed := await other_agent.claim("model-a")):
                pass
            [mine] = claimed
            turns = [new_turn(mine["turns"] + 1)]
            assert await store(other_agent, mine, *turns) == ("ok", None)
            await other_agent.release(mine)

        answered, _ = await all_of(
            store(stalled, lease, new_turn(lease["turns"] + 1, late=number)), take_over()
        )

        assert answered in {("ok", None), ("stale", None)}
    [last] = await agent.claim("model-a")
    turns = await read_turns(agent, last)
    assert [each["attempt"] for each in turns] == sorted(each["attempt"] for each in turns)
    assert await broken_laws(agent.connection) == []


async def test_the_same_turns_twice_at_the_same_moment(database: Database, agent: Agent) -> None:
    double = Agent(await database.connect(), agent.id)
    await plan_task(agent)
    [lease] = await agent.claim("model-a")
    for seq in range(1, ROUNDS + 1):
        answers = await all_of(
            store(agent, lease, new_turn(seq)), store(double, lease, new_turn(seq))
        )

        assert answers == [("ok", None), ("ok", None)]
    assert len(await read_turns(agent, lease)) == ROUNDS


async def test_a_turn_of_a_task_that_is_deleted(database: Database, agent: Agent) -> None:
    person = await database.connect()
    for _ in range(ROUNDS):
        await plan_task(agent)
        [lease] = await agent.claim("model-a")

        answered, _ = await all_of(
            store(agent, lease, new_turn(1)),
            person.execute("delete from public.cogo_tasks where id = $1", lease["task_id"]),
        )

        assert answered in {("ok", None), ("stale", None)}
        assert await agent.connection.fetchval("select count(*) from cogo.turns") == 0


async def test_stores_and_ends_of_many_subtasks_do_not_wait_for_each_other_for_ever(
    database: Database, agent: Agent
) -> None:
    double = Agent(await database.connect(), agent.id)
    for _ in range(6):
        await plan_task(agent)
    leases = await agent.claim("model-a")
    items = [ref(lease) | {"turns": [new_turn(1)]} for lease in leases]

    async def store_all() -> None:
        await double.connection.fetch(
            "select * from public.cogo_store_turns($1, $2)", agent.id, items[::-1]
        )

    await all_of(store_all(), agent.complete_all([ref(lease) | {"output": {}} for lease in leases]))

    assert await broken_laws(agent.connection) == []
