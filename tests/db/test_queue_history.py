"""How many subtasks lanes held: samples that the housekeeping takes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from tests.support.sql.agent import Agent, Row, plan_task, step
from tests.support.sql.database import ALICE, Database

pytestmark = pytest.mark.db


async def history(agent: Agent, **asked: Any) -> Row:
    names = ", ".join(f"p_{name} => ${place}" for place, name in enumerate(asked, 1))
    found: Row = await agent.connection.fetchval(
        f"select public.cogo_queue_history({names})",
        *asked.values(),
    )
    return found


def counts(found: Row, lane: str | None, name: str = "queued") -> list[int]:
    return [each[name] for each in found["samples"] if each["lane"] == lane]


async def test_one_sample_a_minute_counts_each_lane_and_all_together(
    database: Database, agent: Agent
) -> None:
    await agent.reap()
    await plan_task(agent)
    await agent.reap()
    await database.jump(timedelta(minutes=1))
    await agent.reap()
    await agent.claim("model-a", lease_seconds=3600)
    await database.jump(timedelta(minutes=1))
    await agent.reap()
    await database.jump(timedelta(seconds=1))

    hour = {"since": database.now - timedelta(hours=1)}
    found = await history(agent, **hour)

    assert found["seconds"] == 60
    assert counts(found, None) == [0, 1, 0]
    assert counts(found, None, "running") == [0, 0, 1]
    assert counts(found, "model-a") == [1, 0]
    assert counts(await history(agent, **hour, lane="model-a"), "model-a") == [1, 0]
    assert {each["lane"] for each in (await history(agent, lane=""))["samples"]} == {None}
    assert found["samples"][0] == {
        "at": "2026-03-01T12:00:00.000Z", "lane": None,
        "queued": 0, "running": 0, "waiting": 0, "delayed": 0, "dead": 0,
    }  # fmt: skip


async def test_a_long_period_shows_the_highest_numbers_of_each_step(
    database: Database, agent: Agent
) -> None:
    at = datetime(2026, 2, 27, 12, tzinfo=UTC)
    await agent.connection.executemany(
        "insert into cogo.queue_samples values ($1, '', $2, 0, 0, 0, $3)",
        [(at + timedelta(minutes=each), each, 9 - each) for each in range(10)],
    )

    found = await history(agent, since=database.now - timedelta(days=3), until=database.now)

    assert found["seconds"] == 720
    assert (counts(found, None), counts(found, None, "dead")) == ([9], [9])


async def test_samples_are_few_and_end_after_a_month(database: Database, agent: Agent) -> None:
    await agent.connection.execute(
        "insert into cogo.queue_samples"
        " select '2026-01-01', n::text, 0, 0, 0, 0, 0 from generate_series(1, 50) n"
    )
    for number in range(25):
        await plan_task(agent, step("code", lane=f"model-{number}"))
    await agent.reap()

    kept = await agent.connection.fetch("select at, lane from cogo.queue_samples")

    assert len(kept) == 21
    assert {row["at"].year for row in kept if row["lane"] == ""} == {2026}
    assert all(row["at"] > database.now - timedelta(days=1) for row in kept)


async def test_a_wrong_period_is_refused_and_users_see_nothing(
    database: Database, agent: Agent
) -> None:
    with pytest.raises(asyncpg.PostgresError) as caught:
        await history(agent, since=database.now, until=database.now)
    assert caught.value.sqlstate == "TQ004"
    alice = await database.connect("authenticated", ALICE)

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await alice.fetchval("select public.cogo_queue_history()")
