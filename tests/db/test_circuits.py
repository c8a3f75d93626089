"""Circuits, rates and cached answers in SQL, shared by all executors."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from providers.adapters.http.error_mapping import LONGEST_RETRY_AFTER
from tests.support.sql.agent import Agent, Row, plan_task
from tests.support.sql.database import Database, rows

pytestmark = pytest.mark.db

PLACE = "vendor:model"
SECOND = timedelta(seconds=1)


class Executor:
    """An executor's reports; each has a higher number than the one before."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._report = 0

    async def report(self, *, again: bool = False, **fields: Any) -> dict[str, Row]:
        self._report += not again
        item = {"deployment": PLACE, "model_id": "model", "provider": "vendor"} | fields
        found = await self._agent.connection.fetch(
            "select * from public.cogo_report_calls($1, $2, $3)",
            self._agent.id,
            self._report,
            [item],
        )
        return {row["deployment"]: dict(row) for row in found}

    async def failures(self, count: int, **fields: Any) -> dict[str, Row]:
        error = {"class": "overloaded", "message": "it burns"}
        return await self.report(failed=count, in_a_row=count, error=error, **fields)

    async def try_it(self, trial_id: Any = None) -> Row:
        found = await self._agent.connection.fetchrow(
            "select * from public.cogo_take_trial($1, $2, $3)",
            self._agent.id,
            PLACE,
            trial_id or uuid4(),
        )
        assert found is not None
        return dict(found)

    async def health(self) -> Row:
        [found] = rows(
            await self._agent.connection.fetch("select * from public.cogo_deployments()")
        )
        return found

    async def messages(self) -> list[Row]:
        return [
            row["payload"]["payload"]
            for row in await self._agent.connection.fetch(
                "select payload from realtime.messages where event = 'MODEL_STATUS'"
                " order by inserted_at"
            )
        ]


@pytest.fixture
def first(agent: Agent) -> Executor:
    return Executor(agent)


@pytest.fixture
def second(other_agent: Agent) -> Executor:
    return Executor(other_agent)


async def open_it(database: Database, executor: Executor) -> None:
    await executor.failures(4)
    await database.jump(6 * SECOND)
    assert PLACE in await executor.failures(1)


async def test_failures_in_a_row_open_it_for_everybody(
    database: Database, first: Executor, second: Executor
) -> None:
    await first.failures(3)
    await database.jump(6 * SECOND)

    seen = await second.failures(2)

    assert seen[PLACE]["state"] == "open"
    assert 9 < seen[PLACE]["wait_seconds"] <= 10
    assert await first.report() == seen
    assert not (await first.try_it())["granted"]


async def test_failures_that_came_all_at_once_may_be_one_event(first: Executor) -> None:
    assert await first.failures(10) == {}


async def test_an_answer_between_them_starts_the_row_anew(
    database: Database, first: Executor
) -> None:
    await first.failures(4)
    await database.jump(6 * SECOND)
    await first.report(answered=1, failed=1, in_a_row=0)

    assert await first.failures(4) == {}


async def test_half_of_enough_calls_open_it_and_old_ones_weigh_little(
    database: Database, first: Executor
) -> None:
    await first.report(answered=15, failed=15)
    assert (await first.health())["state"] == "open"

    other: Row = {"deployment": "vendor:other"}
    await first.report(answered=1, failed=15, **other)
    await database.jump(timedelta(minutes=3))
    assert "vendor:other" not in await first.report(answered=3, failed=3, **other)


async def test_one_executors_connections_open_nothing_and_severals_do(
    first: Executor, second: Executor
) -> None:
    assert await first.report(unreachable=50) == {}
    assert (await first.health())["unreachable_for"] == 1

    assert (await second.report(unreachable=3))[PLACE]["state"] == "open"


async def test_one_trial_at_a_time_and_its_answer_closes_it(
    database: Database, first: Executor, second: Executor
) -> None:
    await open_it(database, first)
    await database.jump(11 * SECOND)
    trial = uuid4()

    taken = await first.try_it(trial)

    assert (taken["granted"], taken["state"]) == (True, "half_open")
    assert (await first.try_it(trial))["granted"], "the same question has the same answer"
    assert not (await second.try_it())["granted"]
    assert await second.report(trial="answered", trial_id=str(uuid4())), "it was not their trial"
    assert await first.report(answered=1, trial="answered", trial_id=str(trial)) == {}
    assert (await second.try_it())["state"] == "closed"
    assert [each["status"] for each in await first.messages()] == ["unavailable", "available"]


async def test_a_trial_that_fails_opens_it_for_twice_as_long_up_to_a_minute(
    database: Database, first: Executor
) -> None:
    await open_it(database, first)
    waits = []
    for _ in range(5):
        await database.jump(timedelta(minutes=1))
        trial = uuid4()
        assert (await first.try_it(trial))["granted"]
        seen = await first.failures(1, trial="failed", trial_id=str(trial))
        waits.append(round(seen[PLACE]["wait_seconds"]))

    assert waits == [20, 40, 60, 60, 60]
    assert [each["status"] for each in await first.messages()] == ["unavailable"]


async def test_the_trial_of_a_killed_executor_goes_to_another(
    database: Database, first: Executor, second: Executor
) -> None:
    await open_it(database, first)
    await database.jump(11 * SECOND)
    assert (await first.try_it())["granted"]

    for _ in range(14):
        await database.jump(SECOND)
        assert not (await second.try_it())["granted"]
    await database.jump(2 * SECOND)

    assert (await second.try_it())["granted"]


async def test_reports_keep_a_long_trial(
    database: Database, first: Executor, second: Executor
) -> None:
    await open_it(database, first)
    await database.jump(11 * SECOND)
    trial = uuid4()
    await first.try_it(trial)

    for _ in range(4):
        await database.jump(10 * SECOND)
        await first.report(trial="running", trial_id=str(trial))
        assert not (await second.try_it())["granted"]


async def test_a_trial_without_a_verdict_gives_its_place_away(
    database: Database, first: Executor, second: Executor
) -> None:
    await open_it(database, first)
    await database.jump(11 * SECOND)
    trial = uuid4()
    await first.try_it(trial)

    await first.report(trial="void", trial_id=str(trial))

    assert (await second.try_it())["granted"]


async def test_a_report_that_is_repeated_counts_once(database: Database, first: Executor) -> None:
    await first.failures(3)
    await database.jump(6 * SECOND)
    for _ in range(5):
        await first.report(again=True, failed=3, in_a_row=3)

    assert (await first.health())["state"] == "closed"


async def test_retry_after_is_a_floor_and_no_failure(
    database: Database, first: Executor, second: Executor
) -> None:
    seen = await first.report(retry_after_seconds=30)

    assert (seen[PLACE]["state"], seen[PLACE]["resting"]) == ("closed", True)
    assert (await second.health())["state"] == "resting"
    assert not (await second.try_it())["granted"]
    await second.report(retry_after_seconds=5)
    await database.jump(29 * SECOND)
    assert (await second.health())["wait_seconds"] == 1
    await database.jump(2 * SECOND)
    assert await first.report() == {}


@pytest.mark.parametrize("seconds", [30, 86_399, 198_300, 31_536_000])
async def test_a_deployment_rests_as_long_as_the_work_that_waits_for_it(
    database: Database, agent: Agent, first: Executor, seconds: int
) -> None:
    wait = min(timedelta(seconds=seconds), LONGEST_RETRY_AFTER)
    await plan_task(agent)
    [lease] = await agent.claim("model-a")

    await first.report(retry_after_seconds=seconds)
    answer = await agent.fail(lease, after=seconds)

    assert answer["run_at"] - database.now == wait
    assert (await first.health())["wait_seconds"] == wait.total_seconds()


async def test_health_adds_up_what_living_executors_say(
    database: Database, first: Executor, second: Executor
) -> None:
    await first.report(concurrency=8, running=2, answered=3)
    await database.jump(timedelta(minutes=2))
    await second.report(concurrency=4, running=1, answered=1)

    found = await first.health()

    assert (found["agents"], found["concurrency"], found["running"]) == (1, 4, 1)
    assert 1 < found["answered"] < 2


async def draw(agent: Agent, amount: float = 1, *, rate: int = 60, **also: Any) -> Row:
    draws = [{"bucket": "requests", "amount": amount, "per_minute": rate}]
    draws += [{"bucket": name, "amount": n, "per_minute": 6000} for name, n in also.items()]
    found = await agent.connection.fetchrow(
        "select * from public.cogo_draw($1, $2)", uuid4(), draws
    )
    assert found is not None
    return dict(found)


async def test_a_rate_holds_for_the_whole_fleet_over_any_minute(
    database: Database, agent: Agent, other_agent: Agent
) -> None:
    granted = []
    for _ in range(120):
        pair = [await draw(each, rate=30) for each in (agent, other_agent)]
        granted.append(sum(each["granted"] for each in pair))
        await database.jump(SECOND)

    assert max(sum(granted[at : at + 60]) for at in range(60)) <= 33
    assert sum(granted) >= 60


async def test_draws_at_the_same_time_get_what_there_is_and_no_more(
    database: Database, agent: Agent
) -> None:
    crowd = [Agent(await database.connect(), f"executor-{number}") for number in range(6)]
    async with asyncio.TaskGroup() as group:
        draws = [group.create_task(draw(member, rate=30)) for member in crowd]

    assert sum(each.result()["granted"] for each in draws) == 3


async def test_a_refused_draw_returns_the_wait_and_takes_nothing(agent: Agent) -> None:
    assert (await draw(agent, 6, tokens=100))["granted"]

    refused = await draw(agent, 3, tokens=100)

    assert not refused["granted"]
    assert 2.5 < refused["wait_seconds"] <= 3
    left = await agent.connection.fetchval(
        "select tokens from cogo.buckets where bucket = 'tokens'"
    )
    assert left == 500


async def test_more_than_a_bucket_holds_is_granted_by_a_full_one_and_paid_back(
    database: Database, agent: Agent
) -> None:
    assert (await draw(agent, 30))["granted"]
    await database.jump(20 * SECOND)
    assert not (await draw(agent))["granted"]
    await database.jump(6 * SECOND)
    assert (await draw(agent))["granted"]


async def test_an_excess_draw_is_returned_once(agent: Agent, first: Executor) -> None:
    await draw(agent, 6)
    back = [{"bucket": "requests", "amount": 5, "per_minute": 60}]

    await first.report(given_back=back)
    await first.report(again=True, given_back=back)

    assert (await draw(agent, 5))["granted"]
    assert not (await draw(agent, 1))["granted"]


async def test_a_draw_that_is_repeated_takes_once(agent: Agent) -> None:
    request = uuid4()
    draws = [{"bucket": "requests", "amount": 4, "per_minute": 60}]
    for _ in range(3):
        found = await agent.connection.fetchrow(
            "select * from public.cogo_draw($1, $2)", request, draws
        )
        assert found is not None
        assert found["granted"]


async def test_an_answer_is_kept_until_it_is_stale(database: Database, agent: Agent) -> None:
    async def read() -> Any:
        return await agent.connection.fetchval(
            "select answer from public.cogo_cached_answer('key')"
        )

    assert await read() is None
    await agent.connection.execute(
        "select public.cogo_cache_answer('key', null, 'model', $1, 60)", {"text": "a"}
    )

    assert await read() == {"text": "a"}
    await database.jump(timedelta(seconds=61))
    assert await read() is None
    await agent.reap()
    assert await agent.connection.fetchval("select count(*) from cogo.cached_answers") == 0
