"""A stopped system finishes what it has begun, and keeps the rest for its next start."""

import signal
from pathlib import Path

import pytest

from protocol.lifecycle import SubtaskState, TaskState
from protocol.transport.supabase_store import open_store
from tests.e2e.tasks import ended, executor_of, outcomes, submitted
from tests.support.servers.command_line import cogo_up
from tests.support.servers.embedded import embedded_server
from tests.support.servers.project import migrate
from tests.support.servers.system import running_system

pytestmark = pytest.mark.e2e


async def test_a_stop_in_mid_stream_finishes_the_answer_and_keeps_what_waits(
    tmp_path: Path,
) -> None:
    with running_system(tmp_path, "--capacity", "1") as system:
        async with system.store() as store:
            first = await submitted(store, "Write fibonacci to the end", priority=0)
            await executor_of(store, first.id)
            waiting = [await submitted(store, f"Say {n}", type="CHAT") for n in range(3)]

        assert system.up.stop(signal.SIGTERM) == 0

    with running_system(tmp_path) as system:
        async with system.store() as store:
            done = await store.fetch_task(task_id=first.id)
            assert done.status is TaskState.COMPLETED
            assert await outcomes(store, first.id) == ["completed"]

            for each in waiting:
                task = await ended(store, each.id)
                assert task.status is TaskState.COMPLETED, task.error
                assert (await outcomes(store, each.id))[-1] == "completed"
                assert (await outcomes(store, each.id)).count("completed") == 1


async def test_a_second_request_to_stop_gives_the_work_back_at_once(tmp_path: Path) -> None:
    with embedded_server(tmp_path / "server") as state:
        await migrate(state)
        async with open_store(state.url, state.secret_key) as store:
            with cogo_up(
                "--simulate",
                home=tmp_path,
                SUPABASE_URL=state.url,
                SUPABASE_SECRET_KEY=state.secret_key,
            ) as fleet:
                task = await submitted(store, "Say it to the end [[fault:stall after=5]]")
                await executor_of(store, task.id)

                fleet.process.send_signal(signal.SIGINT)
                assert fleet.stop(signal.SIGTERM, within=19) == 0  # the grace is 20

            assert await outcomes(store, task.id) == ["released"]
            [subtask] = [each for each in await store.fetch_subtasks(task_id=task.id) if each.sink]
            assert subtask.status is SubtaskState.QUEUED
            assert (subtask.failures, subtask.reaps) == (0, 0)
