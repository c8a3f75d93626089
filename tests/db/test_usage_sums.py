"""Sums of usage by hour, which must agree with the calls themselves whatever happens to them."""

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from tests.db.calls import a_call, begin, end
from tests.support.sql.agent import Agent, Row, insert_task, plan_task
from tests.support.sql.database import ALICE, BOB, Connection, Database

pytestmark = pytest.mark.db

KEYS: Final = ("model", "provider", "provider_model", "owner", "type", "project", "tag")
ZONES: Final = ("UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/New_York")
NOBODY: Final = UUID(int=0)
OPERATORS: Final[Row] = {
    "owner": None, "every_owner": True, "projects": [], "only_project": None,
}  # fmt: skip


async def sum_all(connection: Connection) -> None:
    """Sum all hours that are over, as an orchestrator does."""
    for _ in range(4):  # the steps after which nothing can be missed
        while await connection.fetchval("select cogo.sum_hours(50)"):
            pass


async def usage(connection: Connection, **asked: Any) -> list[Row]:
    names = ", ".join(f"p_{name} => ${place}" for place, name in enumerate(asked, 1))
    found: Row = await connection.fetchval(f"select public.cogo_usage({names})", *asked.values())
    return list(found["rows"])


async def usage_of_calls(connection: Connection, **asked: Any) -> list[Row]:
    """Answer from the calls alone."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("delete from cogo.usage_clock where true")
        await connection.execute("delete from cogo.usage_sums where true")
        return await usage(connection, **asked)
    finally:
        await transaction.rollback()


class History:
    """Calls that begin, end late, are lost, reported again, changed and deleted."""

    def __init__(self, database: Database, agent: Agent, seed: int) -> None:
        self.database = database
        self.agent = agent
        self.random = random.Random(seed)  # noqa: S311
        self.open: list[Row] = []
        self.tasks: list[UUID] = []
        self.owner: Connection | None = None

    async def take_step(self) -> None:
        steps: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (30, self.begin), (30, self.end), (6, self.end_unknown), (8, self.wait), (4, self.reap),
            (2, self.correct), (2, self.delete_task), (2, self.prune), (1, self.forget),
            (2, self.set_clock_back), (10, self.sum),
        ]  # fmt: skip
        [step] = self.random.choices([each for _, each in steps], [weight for weight, _ in steps])
        await step()

    async def begin(self) -> None:
        if not self.tasks or self.random.random() < 0.4:
            self.tasks.append(
                await insert_task(
                    self.agent.connection,
                    type=self.random.choice(["CHAT", "TRANSLATE"]),
                    owner=self.random.choice([ALICE, BOB, None]),
                    project=self.random.choice(["web", "shop", None]),
                    tags=self.random.sample(["a", "b", "c"], self.random.randrange(3)),
                )
            )
        call = self._build_call(self.random.choice([*self.tasks, None]))
        if (await begin(self.agent, call))["answer"] == "ok":
            self.open.append(call)

    def _build_call(self, task_id: UUID | None) -> Row:
        pick = self.random.choice
        return a_call(usd=1) | {
            "task_id": task_id and str(task_id), "owner": pick([str(ALICE), str(BOB), None]),
            "model_id": pick(["model-a", "model-b"]), "provider": pick(["acme", "globex"]),
            "provider_model": pick(["large", None]), "simulated": self.random.random() < 0.1,
        }  # fmt: skip

    async def end(self) -> None:
        if self.open:
            await self._end(self.open.pop(self.random.randrange(len(self.open))))

    async def end_unknown(self) -> None:
        """Report a call that nobody has begun; it tells how long it took."""
        await self._end(self._build_call(None), duration_ms=self.random.randrange(30_000_000))

    async def _end(self, call: Row, **fields: Any) -> None:
        pick, number = self.random.choice, self.random.randrange
        used = {
            "first_token_ms": pick([None, number(9), number(5000)]), "input_tokens": number(99),
            "output_tokens": pick([None, number(99)]), "cached_tokens": number(9),
        }  # fmt: skip
        cost = pick([None, 0, number(1000) / 1000])
        await end(self.agent, call | used | fields, cost, pick(["completed", "failed", "cached"]))

    async def wait(self) -> None:
        await self.database.jump(timedelta(minutes=self.random.choice([1, 20, 61, 300, 1500])))

    async def set_clock_back(self) -> None:
        await self.database.jump(timedelta(minutes=-self.random.choice([5, 90, 240])))

    async def reap(self) -> None:
        """Lose a call with its attempt; it may be reported later."""
        await plan_task(self.agent)
        leases = await self.agent.claim("model-a")
        for lease in leases:
            call = a_call(lease)
            await begin(self.agent, call)
            self.open.append(call)
        await self.database.jump(timedelta(minutes=5))
        await self.agent.reap()

    async def correct(self) -> None:
        await self._change(
            "update public.cogo_calls"
            " set cost_usd = 7, started_at = started_at - interval '2 hours' where id in"
            " (select id from public.cogo_calls order by md5(id::text || $1) limit 2)",
            str(self.random.random()),
        )

    async def prune(self) -> None:
        await self._change(
            "delete from public.cogo_calls where (id, outcome) in"
            " (select id, outcome from public.cogo_calls order by started_at limit 3)"
        )

    async def delete_task(self) -> None:
        if self.tasks:
            gone = self.tasks.pop(self.random.randrange(len(self.tasks)))
            await self._change("delete from public.cogo_tasks where id = $1", gone)

    async def forget(self) -> None:
        await self._change("select cogo.forget_owner_of_records($1, 5)", BOB)

    async def _change(self, statement: str, *values: Any) -> None:
        if self.owner is None:
            self.owner = await self.database.connect("postgres")
        await self.owner.execute(statement, *values)

    async def sum(self) -> None:
        await self.agent.connection.fetchval(
            "select cogo.sum_hours($1)", self.random.choice([1, 9])
        )


@pytest.mark.parametrize("seed", range(3))
async def test_sums_agree_with_the_calls_whatever_happens(
    database: Database, agent: Agent, seed: int
) -> None:
    history = History(database, agent, seed)
    asked_of = random.Random(seed)  # noqa: S311
    end_of_all = database.now + timedelta(days=20)
    for _ in range(12):
        for _ in range(25):
            await history.take_step()
        for _ in range(8):
            asked: dict[str, Any] = {
                "since": database.now - timedelta(hours=asked_of.randrange(1, 700), minutes=7),
                "until": asked_of.choice([database.now, end_of_all]),
                "bucket": asked_of.choice(["hour", "day", "month", "all"]),
                "by": asked_of.choice(
                    [[], *([key] for key in KEYS), *map(list, combinations(KEYS, 2))]
                ),
                "zone": asked_of.choice(ZONES),
                "figures": asked_of.choice([["tasks", "latencies"], ["latencies"], []]),
                "visible": asked_of.choice([
                    OPERATORS, OPERATORS | {"only_project": "web"},
                    {"owner": str(ALICE), "every_owner": False, "projects": ["shop"]},
                    {"owner": None, "every_owner": False, "projects": []},
                ]),
            }  # fmt: skip
            filters = {"owner": ALICE, "project": "", "model": "model-a", "provider": "acme"}
            if asked_of.random() < 0.4:
                name = asked_of.choice(list(filters))
                asked[name] = filters[name]
            if asked["bucket"] == "hour":
                asked["until"] = asked["since"] + timedelta(days=20)
            found = await usage(agent.connection, **asked)
            assert found == await usage_of_calls(agent.connection, **asked), asked


async def test_members_and_owners_get_the_same_from_sums_as_from_calls(
    database: Database, agent: Agent
) -> None:
    history = History(database, agent, 7)
    for _ in range(120):
        await history.take_step()
    await agent.connection.execute(
        "select public.cogo_set_project_member('web', $1, 'viewer')", ALICE
    )
    asked = {"since": datetime(2026, 1, 1, tzinfo=UTC), "until": database.now, "bucket": "day"}
    await database.jump(timedelta(hours=5))
    alice = await database.connect("authenticated", ALICE)
    by_calls, by_sums = [], []
    for keys in ([], ["model"], ["project"], ["owner", "model"], ["type"]):
        await agent.connection.execute("delete from cogo.usage_clock where true")
        await agent.connection.execute("delete from cogo.usage_sums where true")
        by_calls.append(await usage(alice, **asked, by=keys))
        await sum_all(agent.connection)
        assert await agent.connection.fetchval("select count(*) from cogo.usage_sums") > 0
        by_sums.append(await usage(alice, **asked, by=keys))

    assert by_sums == by_calls
    assert by_sums[0]


async def test_questions_about_whole_hours_read_no_call(database: Database, agent: Agent) -> None:
    call = a_call(task_id=str(uuid4()))
    await begin(agent, call)
    await end(agent, call, 1)
    await database.jump(timedelta(hours=3))
    await sum_all(agent.connection)

    spans = await agent.connection.fetchval(
        "select spans from cogo.split_usage($1, $2, 'day', 'UTC', '{model}')",
        datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, 13, tzinfo=UTC),
    )  # fmt: skip
    stored = await agent.connection.fetchval("select count(*) from cogo.usage_sums")

    assert [(each.lower.hour, each.upper.hour) for each in spans] == [(0, 12)]
    assert stored == 6


async def test_a_call_that_is_written_while_hours_are_summed_is_not_missed(
    database: Database, agent: Agent
) -> None:
    first, late = a_call(), a_call()
    for each in (first, late):
        await begin(agent, each)
    await end(agent, first, 1)
    await database.jump(timedelta(hours=3))
    writer = await database.connect("service_role")
    await writer.execute("begin")
    await writer.fetchval(
        "select booked from public.cogo_end_call($1, $2)",
        agent.id, late | {"outcome": "completed", "cost_usd": 2},
    )  # fmt: skip
    await sum_all(agent.connection)
    asked = {"until": database.now, "bucket": "all"}
    assert [row["cost_usd"] for row in await usage(agent.connection, **asked)] == [1]

    await writer.execute("commit")

    assert [row["cost_usd"] for row in await usage(agent.connection, **asked)] == [3]
    await sum_all(agent.connection)
    assert [row["cost_usd"] for row in await usage(agent.connection, **asked)] == [3]
    assert await agent.connection.fetchval("select count(*) from cogo.usage_changes") == 0


async def test_nothing_is_left_of_an_owner_in_sums(database: Database, agent: Agent) -> None:
    task_id = await insert_task(agent.connection, owner=ALICE)
    call = a_call(task_id=str(task_id), owner=str(ALICE))
    await begin(agent, call)
    await end(agent, call, 1)
    await database.jump(timedelta(hours=3))
    await sum_all(agent.connection)
    stored = "select count(*) from cogo.usage_sums s where s::text ~ $1"
    assert await agent.connection.fetchval(stored, f"{ALICE}|{task_id}") > 0

    await agent.connection.execute("select cogo.forget_owner_of_records($1, 5)", ALICE)

    assert await agent.connection.fetchval(stored, f"{ALICE}|{task_id}") == 0


async def test_percentiles_are_nine_per_cent_off_at_most(agent: Agent) -> None:
    numbers = random.Random(5)  # noqa: S311
    spent = [round(numbers.lognormvariate(7, 1.5)) for _ in range(300)]
    await agent.connection.executemany(
        "insert into public.cogo_calls (id, outcome, agent_id, model_id, provider, started_at,"
        " ended_at, duration_ms)"
        " values ($1, 'completed', 'a', 'm', 'p', cogo.now(), cogo.now(), $2)",
        [(uuid4(), each) for each in spent],
    )
    exact = await agent.connection.fetchval(
        "select percentile_cont(array[0.5, 0.95]) within group (order by duration_ms)"
        " from public.cogo_calls"
    )
    until = await agent.connection.fetchval("select cogo.now() + interval '1 second'")

    [row] = await usage(agent.connection, until=until)

    assert [row["duration_ms_p50"], row["duration_ms_p95"]] == pytest.approx(exact, rel=0.09)
