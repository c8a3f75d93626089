"""The summary of a long session, from the database's wish to what the next model reads."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from uuid import uuid4

import asyncpg

from protocol.lifecycle import TaskState
from tests.integration.agents.conftest import Fleet
from tests.support.eventually import eventually

OpenFleet = Callable[[], AbstractAsyncContextManager[Fleet]]

_SAY = """
with session as (insert into public.cogo_sessions (id) values ($1) on conflict do nothing)
insert into public.cogo_messages (session_id, role, content)
select $1, r.role, r.role || ' ' || n || repeat(' and so on', 350)
  from generate_series(1, 8) n, unnest(array['user', 'assistant']) with ordinality as r (role, nth)
 order by n, r.nth
"""


async def test_a_long_session_gets_a_summary_by_a_task_that_is_gone_afterwards(
    fleet: OpenFleet,
) -> None:
    session_id = uuid4()

    async with fleet() as agents:
        connection = await asyncpg.connect(agents.server.db_url)
        await connection.execute(_SAY, session_id)
        await agents.executor("e-1")
        await agents.orchestrator()

        async def has_summary() -> str | None:
            await agents.store.run_memory(agent_id="cio-1", embedding_model=None, limit=10)
            page = await agents.store.read_session(owner=None, session_id=session_id, limit=1)
            return page.summary.content if page and page.summary else None

        summary = await eventually(has_summary, within=30, every=0.2)
        left = await connection.fetchval(
            "select count(*) from public.cogo_tasks where follow_up = 'summary'"
        )
        await connection.close()
        task = await agents.submit("Goodbye", type="CHAT", session_id=session_id)
        assert (await agents.ended(task.id)).status is TaskState.COMPLETED

    assert summary
    assert left == 0
