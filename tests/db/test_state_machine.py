import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, TypeVar

import asyncpg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.db.laws import broken_laws
from tests.support.servers.postgres import ONE_VERSION, Cluster
from tests.support.sql.agent import Agent, Row, insert_task, step
from tests.support.sql.database import Database, empty

pytestmark = [pytest.mark.db, ONE_VERSION]

_T = TypeVar("_T")

LANES = ("cio", "model-a", "model-b")
WHICH = st.integers(min_value=0, max_value=1000)
GROWING = {"root", "left", "right", "first", "ask"}
"""Keys of subtasks that are no sink, and so may add others."""
DIAMOND = (step("root"), step("left", "root"), step("right", "root"), step("end", "left", "right"))
PLANS = st.sampled_from(
    [
        (step("only", max_failures=2),),
        (step("first"), step("second", "first", lane="model-b")),
        DIAMOND,
        (
            step("root"),
            step("left", "root", on_failure="continue", max_failures=1),
            step("end", "left"),
        ),
        (step("ask", needs_approval=True), step("answer", "ask")),
    ]
)


class Fleet(RuleBasedStateMachine):
    """Two agents, a user and a clock, which act in any order."""

    cluster: Cluster
    name: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self.stack = AsyncExitStack()
        self.tasks: list[object] = []
        self.leases: list[tuple[Agent, Row]] = []
        self.latest: dict[object, int] = {}
        self.limits: dict[str, int] = {}
        self.paused: set[str] = set()
        self.added = 0

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return self.runner.run(work)

    @initialize()
    def open(self) -> None:
        self.run(empty(self.cluster.dsn("supabase_admin", self.name)))
        self.database = Database(self.cluster.dsn("postgres", self.name), self.stack)
        self.agents = [
            Agent(self.run(self.database.connect()), f"executor-{number}") for number in range(2)
        ]
        self.person = self.run(self.database.connect())

    @rule()
    def insert(self) -> None:
        self.tasks.append(self.run(insert_task(self.person)))

    @rule(which=WHICH, limit=st.integers(min_value=1, max_value=3))
    def claim(self, which: int, limit: int) -> None:
        agent = self.agents[which % 2]
        leases = self.run(agent.claim(*LANES, limit=limit))
        self.run(self.check_limits({lease["lane"] for lease in leases}))
        for lease in leases:
            # The token only grows, and each is handed out once.
            assert lease["attempt"] == self.latest.get(lease["subtask_id"], 0) + 1
            self.latest[lease["subtask_id"]] = lease["attempt"]
            self.leases.append((agent, lease))

    @precondition(lambda self: self.leases)
    @rule(which=WHICH, plan=PLANS)
    def complete(self, which: int, plan: tuple[Row, ...]) -> None:
        agent, lease = self.leases[which % len(self.leases)]
        answer = self.run(agent.complete(lease, **outcome_of(lease, plan)))
        assert answer in {"ok", "duplicate", "stale", "closed"}
        if answer == "ok":
            assert lease["attempt"] == self.latest[lease["subtask_id"]]
            assert self.run(agent.complete(lease, **outcome_of(lease, plan))) == "duplicate"

    @precondition(lambda self: self.leases)
    @rule(which=WHICH)
    def grow(self, which: int) -> None:
        agent, lease = self.leases[which % len(self.leases)]
        if lease["key"] in GROWING and lease["lane"] != "cio":
            self.added += 1
            more = [step(f"more-{self.added}"), step(f"most-{self.added}", f"more-{self.added}")]
            answer = self.run(agent.complete(lease, subtasks=more))
            assert answer in {"ok", "duplicate", "stale", "closed"}

    @rule(
        whose=st.sampled_from(["model-a", "model-b", "owner"]),
        running=st.sampled_from([-1, 0, 1, 2]),
        paused=st.booleans(),
    )
    def limit(self, whose: str, running: int, paused: bool) -> None:
        self.run(self.set_limit(whose, running, paused=paused))
        self.limits[whose] = running
        (self.paused.add if paused else self.paused.discard)(whose)

    async def set_limit(self, whose: str, running: int, *, paused: bool) -> None:
        function = "cogo_set_owner(null::uuid," if whose == "owner" else f"cogo_set_lane('{whose}',"
        call = f"select from public.{function} $1, $2)"
        await self.person.execute(call, paused, running)

    async def check_limits(self, lanes: set[str]) -> None:
        """Check that a claim that took from these lanes left nothing that limits allow."""
        assert not lanes & self.paused
        assert not (lanes and "owner" in self.paused)
        count = "select count(*) from cogo.subtasks where status = 'running' and lane = any ($1)"
        for whose, limit in self.limits.items():
            limited = {"model-a", "model-b"} if whose == "owner" else {whose}
            if limit >= 0 and lanes & limited:
                assert await self.person.fetchval(count, list(limited)) <= limit

    @rule()
    def redrive_dead_letter(self) -> None:
        dead = "select id from cogo.subtasks where dead_at is not null order by seq limit 1"
        if subtask_id := self.run(self.person.fetchval(dead)):
            for _ in range(2):  # the second call finds it at work, and leaves it there
                self.run(self.call("cogo_redrive_subtask", subtask_id))

    @precondition(lambda self: self.leases)
    @rule(
        which=WHICH,
        action=st.sampled_from(["retry", "reroute", "give_up", "snooze"]),
        usage=st.sampled_from([None, {"cost_usd": 0.5}, {"cost_usd": None}]),
    )
    def fail(self, which: int, action: str, usage: Row | None) -> None:
        agent, lease = self.leases[which % len(self.leases)]
        answer = self.run(agent.fail(lease, action, usage=usage))
        if answer["answer"] == "ok":
            assert lease["attempt"] == self.latest[lease["subtask_id"]]

    @precondition(lambda self: self.leases)
    @rule(which=WHICH, died=st.booleans())
    def release(self, which: int, died: bool) -> None:
        agent, lease = self.leases[which % len(self.leases)]
        if self.run(agent.release(lease, died=died)) == ["ok"]:
            assert lease["attempt"] == self.latest[lease["subtask_id"]]

    @precondition(lambda self: self.leases)
    @rule(which=WHICH)
    def extend(self, which: int) -> None:
        agent, lease = self.leases[which % len(self.leases)]
        if self.run(agent.extend(lease, content="so far")) == ["ok"]:
            assert lease["attempt"] == self.latest[lease["subtask_id"]]

    @rule(seconds=st.sampled_from([1, 10, 20, 400]))
    def wait(self, seconds: int) -> None:
        self.run(self.database.jump(timedelta(seconds=seconds)))

    @rule()
    def reap(self) -> None:
        self.run(self.agents[0].reap())

    @precondition(lambda self: self.tasks)
    @rule(which=WHICH, verb=st.sampled_from(["cancel", "pause", "resume", "redrive"]))
    def steer(self, which: int, verb: str) -> None:
        self.run(self.call(f"cogo_{verb}_task", self.tasks[which % len(self.tasks)]))

    @rule()
    def approve(self) -> None:
        waiting = "select id from public.cogo_subtasks where status = 'waiting' limit 1"
        if subtask_id := self.run(self.person.fetchval(waiting)):
            self.run(self.call("cogo_approve_subtask", subtask_id))

    async def call(self, function: str, row_id: object) -> None:
        try:
            await self.person.execute(f"select from public.{function}($1)", row_id)
        except asyncpg.PostgresError as error:
            assert error.sqlstate == "TQ003"

    @invariant()
    def laws(self) -> None:
        if hasattr(self, "person"):
            assert self.run(broken_laws(self.person)) == []

    def teardown(self) -> None:
        try:
            if hasattr(self, "person"):
                self.run(self.finish())
        finally:
            self.run(self.stack.aclose())
            self.runner.close()

    async def finish(self) -> None:
        """Left alone with one diligent agent, every task comes to its end."""
        for whose in self.limits:
            await self.set_limit(whose, -1, paused=False)
        for task_id in self.tasks:
            await self.call("cogo_resume_task", task_id)
        agent = self.agents[0]
        for _ in range(50):
            await self.database.jump(timedelta(seconds=400))
            await agent.reap()
            waiting = "select id from public.cogo_subtasks where status = 'waiting'"
            for row in await self.person.fetch(waiting):
                await self.call("cogo_approve_subtask", row["id"])
            for lease in await agent.claim(*LANES):
                assert await agent.complete(lease, **outcome_of(lease, DIAMOND)) == "ok"
        still_open = "select id, status from public.cogo_tasks where finished_at is null"
        assert await self.person.fetch(still_open) == []
        assert await broken_laws(self.person) == []


def outcome_of(lease: Row, plan: tuple[Row, ...]) -> Row:
    """Return the output that completes a lease of this kind."""
    if lease["type"] == "PLAN":
        return {"plan": {"subtasks": list(plan)}}
    if lease["lane"] == "cio":
        return {"route": {"lane": "model-b"}}
    return {"output": {"text": lease["key"]}, "usage": {"cost_usd": 0.25, "input_tokens": 1}}


def test_the_laws_hold_whatever_happens_in_whatever_order(cluster: Cluster, migrated: str) -> None:
    machine = type("Fleet", (Fleet,), {"cluster": cluster, "name": migrated})

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
