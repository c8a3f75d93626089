"""Hostile rows of one person, which neither break reads nor delay others."""

import json
from collections.abc import Mapping
from random import Random
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.orchestrator.cio import Cio
from agents.orchestrator.flows.runner import FlowRunner
from agents.orchestrator.lane_registry import LaneRegistry
from agents.runtime.attempt import WorkFailed
from agents.workflows.hosting.host import WorkflowHost
from agents.workflows.registry import WORKFLOWS
from protocol.ids import utc_now
from protocol.lifecycle import TaskState
from protocol.records import AgentRecord, ClaimedSubtask, Subtask, Task
from protocol.transport.rpc_client import parse_claims, parse_rows
from providers.catalogue.catalogue import Catalogue
from tests.support.agents.fake_store import FakeStore
from tests.support.hostile_rows.rows import hostile_row, row_text
from tests.support.sql.agent import Agent, insert_task, ref
from tests.support.sql.database import ALICE, BOB, Connection, Database

pytestmark = pytest.mark.db

CATALOGUE = Catalogue.load()
LANE = "claude-sonnet-5-5"
REFUSED = ("TQ007", "TQ008", "TQ009", "22", "23", "54")
"""By the walls, or by Postgres: what is no value of the column, is taken, or is too deep."""


async def own() -> list[str]:
    return [LANE]


def a_runner() -> FlowRunner:
    executor = AgentRecord(
        id="e", kind="executor", lanes=[LANE], capacity=1, heartbeat_at=utc_now(), silent_ms=0
    )
    registry = LaneRegistry(store=FakeStore(others=[executor]), own=own)
    cio = Cio(catalogue=CATALOGUE, registry=registry)
    return FlowRunner(cio=cio, workflows=WorkflowHost(WORKFLOWS), outputs=FakeStore())


async def insert(connection: Connection, row: Mapping[str, str]) -> None:
    """Insert as the REST API does: the columns that the JSON names, as Postgres reads them."""
    columns = ", ".join(row)
    await connection.execute(
        f"insert into public.cogo_tasks ({columns}) select {columns}"  # noqa: S608 - our own names
        " from jsonb_populate_record(null::public.cogo_tasks, $1::text::jsonb)",
        row_text(row),
    )


async def as_json(connection: Connection, query: str, *arguments: object) -> Any:
    """Read rows as the REST API gives them."""
    text = f"select coalesce(json_agg(r), '[]')::text from ({query}) r"  # noqa: S608
    return json.loads(await connection.fetchval(text, *arguments))


async def plan(agent: Agent, runner: FlowRunner) -> None:
    """Claim all that there is to plan, and record what the orchestrator makes of it."""
    query = "select * from public.cogo_claim_subtasks($1, '{cio}', 100)"
    for claim in parse_claims(await as_json(agent.connection, query, agent.id)):
        lease = claim.ref.model_dump(mode="json")
        assert isinstance(claim, ClaimedSubtask), "nothing unreadable comes past the wall"
        try:
            done = await runner.handle(claim)
        except WorkFailed as failed:
            error = failed.failure.error.model_dump(mode="json", by_alias=True, exclude_none=True)
            assert error["class"] != "internal"
            await agent.fail(lease, "give_up", error=error)
        else:
            item = done.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"ref"})
            [answer] = await agent.complete_all([lease | item])
            assert answer["answer"] == "ok", answer


@pytest.fixture
async def alice(database: Database) -> Connection:
    return await database.connect("authenticated", ALICE)


@pytest.fixture
async def bob(database: Database) -> Connection:
    return await database.connect("authenticated", BOB)


@given(chance=st.randoms(use_true_random=False))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_a_hostile_row_hides_nothing_and_delays_nobody(
    agent: Agent, alice: Connection, bob: Connection, chance: Random
) -> None:
    try:
        await insert(alice, hostile_row(chance))
    except asyncpg.PostgresError as error:
        assert str(error.sqlstate).startswith(REFUSED), error
    innocent = await insert_task(bob)

    await plan(agent, a_runner())
    leases = {lease["task_id"]: lease for lease in await agent.claim(LANE)}
    assert await agent.complete(ref(leases[innocent])) == "ok"

    newest = " order by seq desc limit 2"
    tasks = parse_rows(Task, await as_json(bob, f"table public.cogo_tasks{newest}"))
    lists = await as_json(agent.connection, f"table public.cogo_task_previews{newest}")
    subtasks = await as_json(agent.connection, f"table public.cogo_subtasks{newest}")
    assert {each.id: each.status for each in tasks}[innocent] is TaskState.COMPLETED
    assert not any(each.unreadable for each in parse_rows(Task, lists))
    assert not any(each.unreadable for each in parse_rows(Subtask, subtasks))
