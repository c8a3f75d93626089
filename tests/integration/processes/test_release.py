"""The death of an agent is recorded: its leases are released, and it is marked as stopped."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from pydantic import SecretStr

from cogo.config.connection import Connection, connection_from_state
from cogo.supervisor.project_calls import mark_agent_stopped, release_leases
from embedded.state import State
from protocol.records import AgentRecord, ClaimedSubtask, NewTask
from protocol.transport.rpc_client import TRIES
from protocol.transport.supabase_store import open_store
from tests.support.eventually import eventually
from tests.support.servers.proxy import refusing_proxy

PATIENCE = timedelta(seconds=20)


async def test_leases_of_a_dead_agent_are_released_though_the_store_is_away_at_first(
    project: State,
) -> None:
    agent_id = f"executor@{uuid4()}"
    async with open_store(project.url, project.secret_key) as store:
        await store.submit_task(NewTask(prompt="Say it", priority=0))
        [held] = await store.claim_subtasks(
            agent_id=agent_id,
            lanes=["cio"],
            limit=1,
            lease=timedelta(minutes=5),
            request_id=uuid4(),
        )
        assert isinstance(held, ClaimedSubtask)

        async with refusing_proxy(project.url, refused_path="/rest/") as proxy:
            connection = Connection(
                url=proxy.url,
                secret_key=SecretStr(project.secret_key),
                publishable_key=None,
                is_embedded=True,
            )
            async with asyncio.TaskGroup() as group:
                group.create_task(release_leases(connection, agent_id, within=PATIENCE))
                await eventually(lambda: proxy.refused > TRIES)
                proxy.refused_path = "/nothing/"

        [attempt] = await store.fetch_attempts(task_id=held.task_id)
    assert attempt.agent_id == agent_id
    assert attempt.outcome == "reaped"


async def test_a_dead_executor_counts_as_alive_until_others_serve_its_lanes(
    project: State,
) -> None:
    def record(lane: str) -> AgentRecord:
        agent_id = f"executor@{uuid4()}"
        return AgentRecord(id=agent_id, kind="executor", lanes=[lane], capacity=3, version="7")

    connection = connection_from_state(project)
    dead, other, successor = record("a-lane"), record("b-lane"), record("a-lane")
    async with open_store(project.url, project.secret_key) as store:

        async def state(agent_id: str) -> str:
            return {each.id: each.state for each in await store.fetch_agents()}[agent_id]

        await store.record_agent(dead)
        await store.record_agent(other)
        stopping = asyncio.Event()
        stopping.set()  # it looks once
        await mark_agent_stopped(connection, dead.id, stopping=stopping)
        assert await state(dead.id) == "alive"

        await store.record_agent(successor)
        await mark_agent_stopped(connection, dead.id, stopping=asyncio.Event())

        [row] = [each for each in await store.fetch_agents() if each.id == dead.id]
        assert (row.state, row.lanes, row.capacity, row.version) == ("stopped", ["a-lane"], 3, "7")
        assert await state(other.id) == await state(successor.id) == "alive"


async def test_a_dead_orchestrator_is_marked_as_stopped_at_once(project: State) -> None:
    record = AgentRecord(id=f"o@{uuid4()}", kind="orchestrator", lanes=["cio"], capacity=1)
    async with open_store(project.url, project.secret_key) as store:
        await store.record_agent(record)

        await mark_agent_stopped(
            connection_from_state(project), record.id, stopping=asyncio.Event()
        )
        await mark_agent_stopped(
            connection_from_state(project), "unknown", stopping=asyncio.Event()
        )

        [row] = [each for each in await store.fetch_agents() if each.id == record.id]
    assert row.state == "stopped"
