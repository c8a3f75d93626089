"""Those who ask for values and give them, with their operators and their deaths."""

import asyncio
import random
from typing import Any, Final
from uuid import uuid4

import asyncpg

from tests.chaos.columns.model import answer
from tests.chaos.columns.world import CAPS, Session, World, install
from tests.support.sql.database import Connection

LANE: Final = "model-a"
MAX_USD: Final = 0.01
"""Of one call; it costs half of it or more."""
_GIVE_UP: Final = {"class": "content_filter", "message": "the model does not want to"}
_DEATHS: Final = 0.06
_FAILURES: Final = 0.05
_NONSENSE: Final = 0.06


async def run_columns(world: World, number: int) -> None:
    """Collect, apply and ask, until it is over."""
    dice = world.dice(f"caller {number}")
    async with world.connect(does="runs columns") as session:
        while not world.is_over:
            try:
                row = await call_columns(await session.step(), f"cio-{number}", dice.randint(1, 60))
                world.counts["applied"] += row["applied"]
                world.counts["asked"] += row["asked"]
            except asyncpg.DeadlockDetectedError as error:
                world.note_deadlock(error)
            except Exception as error:
                if not session.is_killed(error):
                    raise
            await asyncio.sleep(dice.random() * 0.02)


async def call_columns(connection: Connection, caller: str, limit: int) -> dict[str, Any]:
    """Call once; it must be this instance's."""
    row = await connection.fetchrow("select * from public.cogo_run_columns($1, $2)", caller, limit)
    assert row is not None
    assert row["standing_still"] is None, row["standing_still"]
    return dict(row)


class Worker:
    """Plans and answers the tasks that it claims, or dies with them; reliable ones pay nothing."""

    def __init__(self, world: World, number: int, *, is_reliable: bool = False) -> None:
        self._world = world
        self._number = number
        self._dice = world.dice(f"worker {number}")
        self._is_reliable = is_reliable
        self._rename()

    def _rename(self) -> None:
        self._id = f"worker-{self._number}-{self._dice.getrandbits(40):x}"

    async def work(self) -> None:
        """Work until it is over."""
        async with self._world.connect(does="works") as session:
            while not self._world.is_over:
                try:
                    worked = await self.step(session)
                except asyncpg.DeadlockDetectedError as error:
                    self._world.note_deadlock(error)
                    worked = False
                except Exception as error:
                    if not session.is_killed(error):
                        raise
                    worked = False
                await asyncio.sleep(0.0 if worked else 0.01)

    async def step(self, session: Session) -> bool:
        """Claim some subtasks and end them; return whether there were any."""
        connection = await session.step()
        leases = await connection.fetch(
            "select * from public.cogo_claim_subtasks($1, $2, $3, 15)",
            self._id, ["cio", LANE], 500 if self._is_reliable else self._dice.randint(1, 12),
        )  # fmt: skip
        plans = [each for each in leases if each["lane"] == "cio"]
        if plans:
            await self._complete(connection, [_plan(each) for each in plans])
        if self._is_reliable:
            asked = [each for each in leases if each["lane"] == LANE]
            done = [_ref(each) | {"output": answer(each["task"])} for each in asked]
            await self._complete(connection, done)
            return bool(leases)
        for lease in leases:
            if lease["lane"] == "cio":
                continue
            if self._dice.random() < _DEATHS:
                if self._dice.random() < 0.7:
                    await self._begin(connection, lease)
                self._world.counts["died"] += 1
                self._rename()  # nobody ends its attempts: their leases run out
                return True
            await self._answer(connection, lease)
        return bool(leases)

    async def _answer(self, connection: Connection, lease: asyncpg.Record) -> None:
        call, begun = await self._begin(connection, lease)
        match begun["answer"]:
            case "ok":
                pass
            case "wait":
                await self._fail(connection, lease, "snooze", begun["detail"], after=1)
                return
            case "stale":
                return
            case _:
                self._world.counts["refused"] += 1
                await self._fail(connection, lease, "give_up", begun["detail"])
                return
        draw = self._dice.random()
        cost = round(MAX_USD * (0.5 + self._dice.random() / 2), 6)
        outcome = "failed" if draw < _FAILURES else "completed"
        await connection.execute(
            "select from public.cogo_end_call($1, $2)",
            self._id,
            call | {"outcome": outcome, "cost_usd": cost, "duration_ms": 5},
        )
        usage = {"model_id": LANE, "provider": "acme", "cost_usd": cost}
        if draw < _FAILURES:
            action = self._dice.choice(["retry", "give_up"])
            await self._fail(connection, lease, action, "a fault", after=1, usage=usage)
            return
        output = answer(lease["task"])
        if draw < _FAILURES + _NONSENSE and "data" in output:
            output["data"] = {"value": 99}  # which the table refuses
            self._world.counts["nonsense"] += 1
        item = _ref(lease) | {"output": output, "usage": usage}
        for _ in range(2 if self._dice.random() < 0.1 else 1):
            await self._complete(connection, [item])
        self._world.counts["answered"] += 1

    async def _begin(
        self, connection: Connection, lease: asyncpg.Record
    ) -> tuple[dict[str, Any], asyncpg.Record]:
        call = {
            "id": str(uuid4()),
            "max_usd": MAX_USD,
            "model_id": LANE,
            "provider": "acme",
            "task_id": str(lease["task_id"]),
            "subtask_id": str(lease["subtask_id"]),
            "attempt": lease["attempt"],
            "owner": lease["task"]["owner"],
        }
        row = await connection.fetchrow(
            "select * from public.cogo_begin_call($1, $2)", self._id, call
        )
        assert row is not None
        return call, row

    async def _complete(self, connection: Connection, items: list[dict[str, Any]]) -> None:
        await connection.execute(
            "select from public.cogo_complete_subtasks($1, $2)", self._id, items
        )

    async def _fail(
        self, connection: Connection, lease: asyncpg.Record, action: str, message: str,
        *, after: float | None = None, usage: dict[str, Any] | None = None,
    ) -> None:  # fmt: skip
        error = {"class": "spend_cap", "message": message} if usage is None else _GIVE_UP
        await connection.execute(
            "select from public.cogo_fail_subtask($1, $2, $3, $4, $5, $6, $7)",
            self._id, lease["subtask_id"], lease["attempt"], error, action, after, usage,
        )  # fmt: skip


def _ref(lease: asyncpg.Record) -> dict[str, Any]:
    return {"subtask_id": str(lease["subtask_id"]), "attempt": lease["attempt"]}


def _plan(lease: asyncpg.Record) -> dict[str, Any]:
    task = lease["task"]
    step = {
        "key": "answer",
        "type": task["type"],
        "lane": LANE,
        "params": task["params"],
        "dependencies": [],
        "max_failures": 2,
    }
    return _ref(lease) | {"plan": {"subtasks": [step]}}


async def operate(world: World) -> None:
    """Pause, change, ask again and move the clock, until it is over."""
    dice = world.dice("operator")
    async with (
        world.connect("postgres", "operates") as owner,
        world.connect(does="operates") as operator,
    ):
        while not world.is_over:
            await asyncio.sleep(dice.random() * 0.05)
            name = dice.choice(list(world.columns))
            try:
                await _operate_once(world, dice, name, owner, operator)
            except asyncpg.DeadlockDetectedError as error:
                world.note_deadlock(error)
            except Exception as error:
                if not (owner.is_killed(error) or operator.is_killed(error)):
                    raise


async def _operate_once(
    world: World, dice: random.Random, name: str, owner: Session, operator: Session
) -> None:
    connection = await operator.step()
    column = world.columns[name]
    draw = dice.random()
    if draw < 0.4:
        # Now and then backwards, and once in a while past midnight.
        world.jump(dice.choice([1, 5, 20, 20, 60, -3, -30, -3600, 3600, 40_000]))
        await connection.execute("select from public.cogo_reap()")
    elif draw < 0.5:
        await connection.execute("select from public.cogo_pause_column($1)", column)
    elif draw < 0.7:
        await connection.execute("select from public.cogo_resume_column($1)", column)
    elif draw < 0.85:
        states = dice.choice([["stale"], ["failed"], ["missing"], ["stale", "failed"]])
        await connection.execute("select from public.cogo_backfill_column($1, $2)", column, states)
    elif draw < 0.93:
        world.marks += 1
        connection = await owner.step()
        await install(world, connection, name, CAPS[name], f"ver{world.marks}")
        world.counts["changed"] += 1
    else:
        await _look_at_caps(world, connection)


async def _look_at_caps(world: World, connection: Connection) -> None:
    over = await connection.fetch(
        "select scope, key, spent_usd, limit_usd from cogo.budgets where spent_usd > limit_usd"
    )
    world.problems += [f"more is spent than a cap allows: {dict(each)}" for each in over]


async def kill(world: World) -> None:
    """End the connections of whoever works, in the midst of statements."""
    dice = world.dice("killer")
    superuser = await asyncpg.connect(world.superuser_url)
    try:
        while not world.is_over:
            await asyncio.sleep(0.1 + dice.random() * 0.4)
            alive = await superuser.fetch(
                "select pid from pg_stat_activity where pid = any ($1) and state = 'active'",
                list(world.backends),
            )
            if alive:
                await superuser.execute(
                    "select pg_terminate_backend($1)", dice.choice(alive)["pid"]
                )
                world.counts["killed"] += 1
    finally:
        superuser.terminate()
