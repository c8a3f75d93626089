"""A copied system spends nothing on what came with it until it is adopted."""

import asyncio
import subprocess
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from protocol.ids import utc_now
from protocol.lifecycle import TaskState
from protocol.records import NewTask
from tests.support.eventually import eventually
from tests.support.servers.postgres import state_directory
from tests.support.servers.system import STATE, System, running_system

SECONDS = 60.0
INSTALL = "select cogo.ai_column('public.notes', 'summary', prompt => 'Sum up: {body}')"


async def submit(system: System, prompt: str, **columns: Any) -> UUID:
    async with system.store() as store:
        task = await store.submit_task(NewTask(id=uuid4(), type="CHAT", prompt=prompt, **columns))
    return task.id


async def execute(system: System, statement: str, *values: object) -> Any:
    """Execute SQL as the owner of the project; return the first value."""
    connection = await asyncpg.connect(system.state.db_url)
    try:
        return await connection.fetchval(statement, *values)
    finally:
        await connection.close()


async def make_due(system: System, task_id: UUID) -> None:
    """Let the time pass until a scheduled task is due."""
    due = "update cogo.subtasks set run_at = now() - interval '1 minute' where task_id = $1"
    await execute(system, due, task_id)


async def count_empty(system: System) -> int:
    """Count the rows whose AI column was not written."""
    return int(await execute(system, "select count(*) from public.notes where summary is null"))


def is_completed(system: System, task_id: UUID) -> Callable[[], Coroutine[Any, Any, bool]]:
    async def ask() -> bool:
        async with system.store() as store:
            return (await store.fetch_task(task_id=task_id)).status is TaskState.COMPLETED

    return ask


async def count_calls(system: System, task_id: UUID) -> int:
    """Count the calls to models in the audit log."""
    count = "select count(*) from public.cogo_calls where task_id = $1"
    return int(await execute(system, count, task_id))


async def count_column_tasks(system: System) -> int:
    """Count the tasks of AI columns."""
    count = "select count(*) from public.cogo_tasks where column_id is not null"
    return int(await execute(system, count))


async def test_a_copy_of_the_data_directory_waits_until_it_is_adopted() -> None:
    with state_directory() as folder:
        home, other = folder / "origin", folder / "copy"
        # Where root runs this, Postgres runs as another user, who has to reach its data.
        (home / STATE).mkdir(parents=True)
        for each in (home, home / STATE):
            each.chmod(0o711)
        with running_system(home) as origin:
            scheduled = await submit(origin, "scheduled", run_at=utc_now() + timedelta(hours=1))
            await execute(origin, "create table public.notes (id int primary key, body text)")
            await execute(origin, "alter table public.notes add summary text")
            await execute(origin, "insert into public.notes values (1, 'old')")
            await execute(origin, INSTALL)
            await execute(origin, "insert into public.notes values (2, 'new')")

            async def is_filled() -> bool:
                return await count_empty(origin) == 1

            await eventually(is_filled, within=SECONDS)  # but for the row without a backfill
            assert "adopted at" in origin.cogo("doctor").stdout
        await asyncio.to_thread(subprocess.run, ["cp", "-a", str(home), str(other)], check=True)

        with running_system(other) as copy:
            await make_due(copy, scheduled)
            await execute(copy, "update public.notes set body = 'other'")
            before = await count_column_tasks(copy)
            new = await submit(copy, "submitted here")
            await eventually(is_completed(copy, new), within=SECONDS)
            assert await count_calls(copy, new) > 0
            assert await count_calls(copy, scheduled) == 0
            assert await count_column_tasks(copy) == before
            shown = copy.cogo("show", str(scheduled))
            assert "cogo adopt" in shown.stderr
            refused = copy.cogo("adopt")
            assert (refused.returncode, "--yes" in refused.stderr) == (1, True)

            adopted = copy.cogo("adopt", "--yes")

            assert adopted.returncode == 0, adopted.stderr
            assert "scheduled tasks that begin at their time: 1" in adopted.stderr
            await eventually(is_completed(copy, scheduled), within=SECONDS)
            assert await count_calls(copy, scheduled) > 0
            assert "public.notes.summary" in adopted.stderr

            async def has_gone_on() -> bool:
                return await count_column_tasks(copy) == before + 2

            await eventually(has_gone_on, within=SECONDS)
