"""Flows under a state machine: whatever happens in whatever order, the record only grows."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

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
from tests.support.sql.agent import Agent, Row, insert_task, ref, step
from tests.support.sql.database import Database, empty
from tests.support.sql.flows import hand_over, new_step, suspend
from tests.support.sql.turns import (
    answer_question,
    approvals,
    new_turn,
    question,
    read_turns,
    store,
    wait,
)

pytestmark = [pytest.mark.db, ONE_VERSION]

_T = TypeVar("_T")

LANES = ("cio", "model-a", "sandbox:python", "tools:shop")
WHICH = st.integers(min_value=0, max_value=1000)
KINDS = st.lists(st.sampled_from(["ask", "check", "call", "event", "failed"]), max_size=3)
WAITS = st.sampled_from(["all", "any"])
OLD = st.sets(WHICH, max_size=2)
ACTIONS = st.lists(
    st.sampled_from(["go on", "go on", "go on", "ask", "fail", "keep"]), min_size=2, max_size=6
)
FAILED = {"class": "no_model", "message": "no model can do it"}


class Flows(RuleBasedStateMachine):
    """Two agents, a user and a clock. Flows ask for steps, wait, hand over and finish."""

    cluster: Cluster
    name: str

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self.stack = AsyncExitStack()
        self.tasks: list[UUID] = []
        self.leases: list[tuple[Agent, Row]] = []
        self.seen: dict[UUID, dict[str, tuple[int, str]]] = {}
        self.number = 0

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return self.runner.run(work)

    @initialize()
    def open(self) -> None:
        self.run(empty(self.cluster.dsn("supabase_admin", self.name)))
        self.database = Database(self.cluster.dsn("postgres", self.name), self.stack)
        self.agents = [
            Agent(self.run(self.database.connect()), f"agent-{number}") for number in range(2)
        ]
        self.person = self.run(self.database.connect())
        self.tasks.append(self.run(insert_task(self.person)))

    @rule(has_deadline=st.booleans())
    def insert(self, has_deadline: bool) -> None:
        deadline = self.database.now + timedelta(seconds=300) if has_deadline else None
        self.tasks.append(self.run(insert_task(self.person, deadline=deadline)))

    @rule(which=WHICH, limit=st.integers(min_value=1, max_value=3))
    def claim(self, which: int, limit: int) -> None:
        agent = self.agents[which % 2]
        for lease in self.run(agent.claim(*LANES, limit=limit)):
            self.leases.append((agent, lease))
            if lease["kind"] == "flow":
                self.compare_record(lease)

    @rule(which=WHICH, actions=ACTIONS, kinds=KINDS, wait=WAITS, old=OLD, cancel=st.booleans())
    def work(
        self,
        *,
        which: int,
        actions: list[str],
        kinds: list[str],
        wait: str,
        old: set[int],
        cancel: bool,
    ) -> None:
        """Claim, and end most attempts as a workflow and its executors do."""
        before = len(self.leases)
        self.claim(which, len(actions))
        for (agent, lease), action in zip(self.leases[before:], actions, strict=False):
            if action == "fail":
                self.run(agent.fail(lease, "give_up", error=FAILED))
            elif action == "go on" and lease["kind"] == "flow":
                self.suspend_lease(agent, lease, ["ask", *kinds], wait, old, cancel=cancel)
            elif action == "ask" and lease["lane"] != "cio":
                self.ask_in_lease(agent, lease, {"c1", "c2"})
            elif action == "go on" and lease["lane"] != "cio":
                assert self.run(agent.complete(lease)) == "ok"

    def pick(self, which: int, *kinds: str) -> tuple[Agent, Row]:
        """Return a recent lease, if possible of these kinds."""
        found = [each for each in self.leases if each[1]["kind"] in kinds] or self.leases
        return found[-1 - which % min(3, len(found))]

    def compare_record(self, lease: Row) -> None:
        """Check that an end that a replay has seen is still there, under the same number."""
        ends = {
            each["key"]: (each["end_no"], each["status"])
            for each in lease["flow"].get("steps", [])
            if each["end_no"] is not None
        }
        numbers = [number for number, _ in ends.values()]
        assert len(numbers) == len(set(numbers))
        assert self.seen.get(lease["task_id"], {}).items() <= ends.items()
        self.seen[lease["task_id"]] = ends

    @precondition(lambda self: self.leases)
    @rule(which=WHICH, kinds=KINDS, wait=WAITS, old=OLD, cancel=st.booleans())
    def suspend(self, which: int, kinds: list[str], wait: str, old: set[int], cancel: bool) -> None:
        agent, lease = self.pick(which, "flow")
        self.suspend_lease(agent, lease, kinds, wait, old, cancel=cancel)

    def suspend_lease(
        self,
        agent: Agent,
        lease: Row,
        kinds: list[str],
        wait: str,
        old: set[int],
        *,
        cancel: bool,
    ) -> None:
        steps = [self.make_step(kind) for kind in kinds]
        known = [each["key"] for each in (lease["flow"] or {}).get("steps", [])]
        awaits = sorted({known[number % len(known)] for number in old} if known else set())
        losers = [key for key in known if key not in awaits] if cancel else []
        item = suspend(lease, *steps, *awaits, wait=wait, cancel=losers)
        answer = self.run(agent.complete_all([item, item]))
        expected = {"ok", "duplicate", "stale", "closed"}
        if lease["kind"] != "flow" or not (steps or awaits):
            expected |= {"invalid"}
        assert {each["answer"] for each in answer} <= expected
        if answer[0]["answer"] == "ok":
            assert answer[1]["answer"] == "duplicate"

    def make_step(self, kind: str) -> Row:
        self.number += 1
        key = f"s{self.number}"
        if kind == "failed":
            return new_step(key, lane="wait", error=FAILED)
        return new_step(key, kind, params={"name": key}, max_failures=2)

    @precondition(lambda self: self.leases)
    @rule(which=WHICH, end=st.sampled_from(["output", "hand_over", "plan"]))
    def complete(self, which: int, end: str) -> None:
        agent, lease = self.pick(which)
        is_flow = lease["kind"] == "flow"
        item = ref(lease) | {"output": {"text": lease["key"]}}
        if end == "hand_over" and is_flow:
            item = hand_over(lease, self.make_step("ask"))
        elif end == "plan" and is_flow:
            item |= {"plan": {"subtasks": [step("only")]}}
        elif lease["lane"] == "cio" and not is_flow:
            item |= {"route": {"lane": "model-a"}}
        [answer] = self.run(agent.complete_all([item]))
        assert answer["answer"] in {"ok", "duplicate", "stale", "closed"}

    @precondition(lambda self: self.leases)
    @rule(
        which=WHICH,
        action=st.sampled_from(["retry", "reroute", "give_up", "snooze"]),
        names_step=st.booleans(),
    )
    def fail(self, which: int, action: str, names_step: bool) -> None:
        agent, lease = self.pick(which)
        error = dict(FAILED)
        dead = [each["key"] for each in (lease["flow"] or {}).get("steps", []) if "error" in each]
        if names_step and dead:
            error["step"] = dead[-1]
        self.run(agent.fail(lease, action, error=error, usage={"cost_usd": 0.5}))

    @precondition(lambda self: self.leases)
    @rule(which=WHICH, calls=st.sets(st.sampled_from(["c1", "c2", "c3"]), min_size=1))
    def ask_about_calls(self, which: int, calls: set[str]) -> None:
        agent, lease = self.pick(which, "ask", "call")
        if lease["lane"] != "cio":
            self.ask_in_lease(agent, lease, calls)

    def ask_in_lease(self, agent: Agent, lease: Row, calls: set[str]) -> None:
        stored = self.run(store(agent, lease, new_turn(self.run(count_turns(agent, lease)) + 1)))
        assert stored[0] in {"ok", "stale", "cancel"}
        answer, _ = self.run(wait(agent, lease, *map(question, sorted(calls))))
        assert (answer == "ok") <= (stored[0] == "ok")
        assert answer in {"ok", "duplicate", "stale", "closed"}

    @rule(which=WHICH, approved=st.booleans())
    def answer_call(self, which: int, approved: bool) -> None:
        found = [each for each in self.run(approvals(self.person)) if is_open(each)]
        if found:
            self.run(answer_question(self.person, found[which % len(found)], approved))

    @precondition(lambda self: self.leases)
    @rule(which=WHICH, died=st.booleans())
    def release(self, which: int, died: bool) -> None:
        agent, lease = self.pick(which)
        self.run(agent.release(lease, died=died))

    @rule(seconds=st.sampled_from([1, 10, 40, 700]))
    def wait(self, seconds: int) -> None:
        self.run(self.database.jump(timedelta(seconds=seconds)))

    @rule()
    def reap(self) -> None:
        self.run(self.agents[0].reap())

    @rule(is_success=st.booleans())
    def end_event(self, is_success: bool) -> None:
        self.run(self.end_events(None if is_success else FAILED))

    async def end_events(self, error: Row | None) -> None:
        async with self.person.transaction():
            ids = await self.person.fetchval(
                "select array_agg(id) from cogo.subtasks where kind = 'event'"
            )
            await self.person.execute("select cogo.lock_tasks($1)", ids or [])
            outputs: list[Row] = [{}] * len(ids or [])
            errors = [error] * len(ids or [])
            statement = "select cogo.end_waiting_steps($1, $2, $3)"
            await self.person.execute(statement, ids or [], outputs, errors)

    @precondition(lambda self: self.tasks)
    @rule(which=WHICH, verb=st.sampled_from(["cancel", "pause", "resume", "redrive"]))
    def steer(self, which: int, verb: str) -> None:
        task_id = self.tasks[which % len(self.tasks)]
        failed = "select status = 'failed' from public.cogo_tasks where id = $1"
        if verb == "redrive" and self.run(self.person.fetchval(failed, task_id)):
            # Only now may the record lose ends: those of the steps that are done again.
            self.seen.pop(task_id, None)
        self.run(self.call(f"cogo_{verb}_task", task_id))

    @rule()
    def redrive_dead_letter(self) -> None:
        dead = (
            "select s.id, s.task_id, t.status from cogo.subtasks s"
            "  join public.cogo_tasks t on t.id = s.task_id"
            " where s.dead_at is not null order by s.seq limit 1"
        )
        if row := self.run(self.person.fetchrow(dead)):
            if row["status"] == "failed":
                self.seen.pop(row["task_id"], None)
            self.run(self.call("cogo_redrive_subtask", row["id"]))

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
        for task_id in self.tasks:
            await self.call("cogo_resume_task", task_id)
        agent = self.agents[0]
        for _ in range(30):
            await self.database.jump(timedelta(seconds=400))
            await agent.reap()
            await self.end_events(None)
            for asked in filter(is_open, await approvals(self.person)):
                await answer_question(self.person, asked)
            for lease in await agent.claim(*LANES):
                route = {"route": {"lane": "model-a"}}
                is_rerouted = lease["lane"] == "cio" and lease["kind"] != "flow"
                assert await agent.complete(lease, **(route if is_rerouted else {})) == "ok"
        still_open = "select id, status from public.cogo_tasks where finished_at is null"
        assert await self.person.fetch(still_open) == []
        assert await broken_laws(self.person) == []


def is_open(approval: Row) -> bool:
    """Return whether a question waits for an answer."""
    return approval["answered_at"] is None and approval["withdrawn_at"] is None


async def count_turns(agent: Agent, lease: Row) -> int:
    """Return how many turns are stored."""
    return len(await read_turns(agent, lease))


def test_the_record_of_a_flow_holds_whatever_happens_in_whatever_order(
    cluster: Cluster, migrated: str
) -> None:
    machine = type("Flows", (Flows,), {"cluster": cluster, "name": migrated})

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
