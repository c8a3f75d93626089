"""`cogo adopt`, and what `doctor` and `show` say in a copy."""

import asyncio
import json
from datetime import timedelta
from uuid import uuid4

import pytest

from cogo.doctor.supabase import check_instance
from embedded.state import State
from protocol.ids import utc_now
from protocol.records import NewTask, Task
from protocol.transport.supabase_store import open_store
from tests.integration.cli.conftest import Say

ORIGIN = "acme.supabase.co"


@pytest.fixture
def scheduled(project: State) -> Task:
    """Make the project one that ran elsewhere, with a task of tomorrow; an agent finds this out."""

    async def prepare() -> Task:
        async with open_store(project.url, project.secret_key) as store:
            await store.verify_instance(agent_id="orchestrator-1", host=ORIGIN)
            task = await store.submit_task(
                NewTask(id=uuid4(), prompt="report", run_at=utc_now() + timedelta(days=1))
            )
            found = await store.verify_instance(
                agent_id="orchestrator-2", host="127.0.0.1", is_start=True
            )
            assert not found.is_own
            return task

    return asyncio.run(prepare())


def test_a_copy_is_adopted_only_when_that_is_confirmed(cogo: Say, scheduled: Task) -> None:
    code, out, err = cogo("adopt")
    assert (code, out) == (1, "")
    assert "scheduled tasks that begin at their time: 1" in err
    assert "$0.0000 yesterday" in err
    assert ORIGIN in err
    assert "cogo adopt" in cogo("show", str(scheduled.id))[2]

    code, out, _ = cogo("adopt", "--yes", "--json")

    answer = json.loads(out)
    assert (code, answer["hosts"], answer["is_new"]) == (0, [ORIGIN, "loopback"], True)
    assert answer["before"]["scheduled_tasks"] == 1
    assert "cogo adopt" not in cogo("show", str(scheduled.id))[2]
    assert cogo("adopt")[1].startswith("nothing to do")


async def test_doctor_says_where_the_database_was_adopted(project: State) -> None:
    async with open_store(project.url, project.secret_key) as store:
        first = await check_instance(store, "127.0.0.1")
        await store.verify_instance(agent_id="orchestrator-1", host=ORIGIN)
        known = await check_instance(store, ORIGIN)
        unknown = await check_instance(store, "127.0.0.1")

    assert "first agent" in first.detail
    assert (known.detail, known.fix) == (f"adopted at {ORIGIN}", None)
    assert (unknown.status, unknown.fix) == ("note", "cogo adopt")
