"""Leases of a dead agent are released, also during an outage."""

import asyncio
from datetime import timedelta
from uuid import uuid4

from pydantic import SecretStr

from cogo.config.connection import Connection
from cogo.supervisor.project_calls import release_leases
from embedded.state import State
from protocol.records import ClaimedSubtask, NewTask
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
