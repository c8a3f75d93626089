import asyncio
from uuid import uuid4

import asyncpg
import pytest

from tests.support.eventually import eventually
from tests.support.sql.agent import Agent, insert_task, plan_task, ref
from tests.support.sql.database import Database

pytestmark = pytest.mark.db


async def test_no_subtask_is_leased_twice_and_no_claim_exceeds_its_limit(
    database: Database, agent: Agent
) -> None:
    for _ in range(20):
        await plan_task(agent)
    crowd = [Agent(await database.connect(), f"executor-{number}") for number in range(6)]
    won: list[str] = []

    async def work(member: Agent) -> None:
        while leases := await member.claim("model-a", limit=2):
            assert len(leases) <= 2
            won.extend(str(lease["subtask_id"]) for lease in leases)

    async with asyncio.TaskGroup() as group:
        for member in crowd:
            group.create_task(work(member))
    # A claim passes by what another one holds at that moment; the next poll takes it.
    await work(agent)

    assert len(won) == len(set(won)) == 20


async def test_the_limit_of_a_lane_holds_when_all_claim_at_once(
    database: Database, agent: Agent
) -> None:
    await agent.connection.execute(
        "insert into cogo.lanes (lane, max_running) values ('model-a', 5)"
    )
    for _ in range(20):
        await plan_task(agent)
    crowd = [Agent(await database.connect(), f"executor-{number}") for number in range(6)]

    async with asyncio.TaskGroup() as group:
        claims = [group.create_task(member.claim("model-a", limit=3)) for member in crowd]

    assert sum(len(claim.result()) for claim in claims) == 5
    assert await agent.claim("model-a") == []


async def test_a_claim_waits_for_nobody(database: Database, agent: Agent) -> None:
    busy = await plan_task(agent)
    free = await plan_task(agent)
    blocker = await database.connect("postgres")

    async with blocker.transaction():
        await blocker.execute("select from public.cogo_tasks where id = $1 for no key update", busy)
        async with asyncio.timeout(25):
            leases = await agent.claim("model-a")

    assert [lease["task_id"] for lease in leases] == [free]
    assert [lease["task_id"] for lease in await agent.claim("model-a")] == [busy]


async def test_an_extension_waits_for_nobody(database: Database, agent: Agent) -> None:
    await plan_task(agent)
    [lease] = await agent.claim("model-a")
    blocker = await database.connect("postgres")

    async with blocker.transaction():
        await blocker.execute("select from cogo.subtasks for no key update")
        async with asyncio.timeout(25):
            assert await agent.extend(lease) == ["ok"]


async def test_a_task_referenced_by_an_open_insert_can_be_claimed(
    database: Database, agent: Agent
) -> None:
    task_id = await insert_task(agent.connection)
    other = await database.connect("postgres")

    async with other.transaction():
        await other.execute(
            "insert into public.cogo_model_selections (task_id) values ($1)", task_id
        )
        assert len(await agent.claim("cio")) == 1


async def test_a_completion_and_a_cancellation_at_once_leave_one_winner(
    database: Database, agent: Agent
) -> None:
    other = await database.connect()
    for _ in range(10):
        task_id = await plan_task(agent)
        [lease] = await agent.claim("model-a")

        async def cancel(task_id: object = task_id) -> str:
            try:
                await other.fetch("select * from public.cogo_cancel_task($1)", task_id)
            except asyncpg.PostgresError as error:
                return str(error.sqlstate)
            return "cancelled"

        async with asyncio.TaskGroup() as group:
            completed = group.create_task(agent.complete(lease))
            cancelled = group.create_task(cancel())

        assert (completed.result(), cancelled.result()) in [
            ("ok", "TQ003"),
            ("closed", "cancelled"),
        ]


async def test_a_batch_takes_the_older_task_first_whatever_its_own_order(
    database: Database, agent: Agent
) -> None:
    older = await plan_task(agent)
    newer = await plan_task(agent)
    items = [ref(lease) | {"output": {}} for lease in await agent.claim("model-a")]
    blocker = await database.connect("postgres")
    watcher = await database.connect("postgres")
    lock = "select from public.cogo_tasks where id = $1 for no key update nowait"

    async with asyncio.TaskGroup() as group, blocker.transaction():
        await blocker.execute(lock, older)
        batch = group.create_task(agent.complete_all(items[::-1]))
        await eventually(
            lambda: watcher.fetchval("select exists (select from pg_locks where not granted)")
        )
        # Waiting for the older one, it holds nothing that another batch could wait for.
        await watcher.execute(lock, newer)

    assert [answer["answer"] for answer in batch.result()] == ["ok", "ok"]


async def test_a_repetition_waits_for_the_claim_that_it_repeats(
    database: Database, agent: Agent
) -> None:
    await plan_task(agent)
    await plan_task(agent)
    again = Agent(await database.connect())
    watcher = await database.connect("postgres")
    request_id = uuid4()

    async with asyncio.TaskGroup() as group:
        transaction = agent.connection.transaction()
        await transaction.start()
        first = await agent.claim("model-a", limit=1, request_id=request_id)
        repetition = group.create_task(again.claim("model-a", limit=1, request_id=request_id))
        await eventually(
            lambda: watcher.fetchval(
                "select exists (select from pg_locks where locktype = 'advisory' and not granted)"
            )
        )
        await transaction.commit()

    assert repetition.result() == first


async def test_only_one_reaper_works_at_a_time(
    database: Database, agent: Agent, other_agent: Agent
) -> None:
    await plan_task(agent)
    [lease] = await agent.claim("model-a")
    await agent.fail(lease, after=0.001)
    transaction = agent.connection.transaction()
    await transaction.start()
    await agent.reap()

    assert await other_agent.reap() == {"reaped": 0, "dead": 0, "promoted": 0, "cancelled": 0}
    await transaction.rollback()
