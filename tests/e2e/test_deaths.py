"""Processes that die and stall at the worst moment; every task is answered once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from protocol.lifecycle import TaskState
from protocol.messages import MessageType
from protocol.records import AgentRecord, NewTask
from protocol.topics import result_topic
from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.tasks import (
    HOLD,
    attempts,
    ended,
    executor_of,
    outcomes,
    running_agents,
    submitted,
)
from tests.e2e.watcher import watching
from tests.support.eventually import eventually
from tests.support.processes import is_running
from tests.support.servers.command_line import environment
from tests.support.servers.system import STATE, System, running_system

pytestmark = pytest.mark.e2e

LEASE_SECONDS = 15


def process_of(agent: AgentRecord) -> int:
    assert agent.pid is not None
    return agent.pid


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Hold a process still while the block runs."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_an_executor_killed_in_mid_stream_loses_nothing_and_doubles_nothing(
    system: System, store: SupabaseStore
) -> None:
    task_id = uuid4()
    async with watching(system.state, result_topic(task_id)) as watcher:
        async with httpx.AsyncClient(
            base_url=system.state.url, headers=system.headers, timeout=60
        ) as http:
            row = {
                "id": str(task_id),
                "prompt": f"Write fibonacci for the killed {HOLD}",
                "params": {"verify": "off"},
            }
            (await http.post("/rest/v1/cogo_tasks", json=row)).raise_for_status()
        await watcher.until(MessageType.SUBTASK_PROGRESS)
        executor = await executor_of(store, task_id)

        os.kill(process_of(executor), signal.SIGKILL)
        killed_at = time.monotonic()
        await eventually(lambda: watcher.progress()[-1].attempt > 1, within=30)
        print(f"heard again {time.monotonic() - killed_at:.2f} s after kill -9")
        await watcher.until(MessageType.TASK_RESULT)

    task = await ended(store, task_id)
    assert task.status is TaskState.COMPLETED
    assert task.result is not None
    assert await outcomes(store, task_id) == ["reaped", "completed"]
    first = [piece for piece in watcher.progress() if piece.attempt == 1]
    later = [piece for piece in watcher.progress() if piece.attempt > 1]
    assert first
    assert later[0].offset == 0
    assert "".join(piece.delta for piece in later) == task.result["text"]
    assert len(watcher.of(MessageType.SUBTASK_RESULT)) == 1
    assert len(watcher.of(MessageType.TASK_RESULT)) == 1


async def test_an_orchestrator_killed_among_its_plans_loses_none(
    system: System, store: SupabaseStore
) -> None:
    [(_, orchestrator)] = await eventually(lambda: running_agents(store, "orchestrator"))
    before = [await submitted(store, f"Say before {n}", type="CHAT") for n in range(5)]
    os.kill(orchestrator, signal.SIGKILL)
    after = [await submitted(store, f"Say after {n}", type="CHAT") for n in range(5)]

    for each in [*before, *after]:
        task = await ended(store, each.id)
        assert task.status is TaskState.COMPLETED, task.error
        assert await outcomes(store, task.id) == ["completed"]
        plans = [each for each in await store.fetch_attempts(task_id=task.id) if each.lane == "cio"]
        assert [plan.outcome for plan in plans].count("completed") == 1


async def test_an_executor_that_stands_still_is_replaced_before_its_lease_has_ended(
    system: System, store: SupabaseStore
) -> None:
    prompt, params = f"Write fibonacci for the frozen {HOLD}", {"verify": "off"}
    asked = NewTask(id=uuid4(), prompt=prompt, params=params)
    assert asked.id is not None
    async with watching(system.state, result_topic(asked.id)) as watcher:
        task = await store.submit_task(asked)
        # Stopped sooner it has asked nobody yet, and the second attempt meets the fault.
        await watcher.until(MessageType.SUBTASK_PROGRESS)
        executor = await executor_of(store, task.id)

        os.kill(process_of(executor), signal.SIGSTOP)
        ended_task = await ended(store, task.id)

    assert ended_task.status is TaskState.COMPLETED
    assert await outcomes(store, task.id) == ["reaped", "completed"]
    [first, _] = await attempts(store, task.id)
    assert first.error is not None
    assert first.error["class"] == "worker_died"
    await eventually(lambda: not is_running(process_of(executor)), within=5)


async def test_an_executor_that_stood_still_past_its_lease_changes_nothing_when_it_goes_on(
    tmp_path: Path,
) -> None:
    # Nobody watches over these two: they were not started by `cogo up`.
    with running_system(tmp_path, "--executors", "0") as system, ExitStack() as executors:
        pids = [executors.enter_context(lone_executor(system, each)) for each in ("one", "two")]
        async with system.store() as store:
            # The first answer is late but good: the stalled executor finds it whole when it wakes.
            prompt = "Say hello to the late [[fault:slow-headers=2 times=1]]"
            task_id = (await store.submit_task(NewTask(prompt=prompt, type="CHAT"))).id
            stalled = await executor_of(store, task_id)
            assert stalled.pid in pids
            with stopped(process_of(stalled)):
                task = await ended(store, task_id, within=LEASE_SECONDS + 20)
                finished = await outcomes(store, task_id)

            await eventually(lambda: gave_up(system, stalled, task_id), within=15)
            assert finished == ["reaped", "completed"]
            assert await outcomes(store, task_id) == finished
            assert await store.fetch_task(task_id=task_id) == task
            assert task.status is TaskState.COMPLETED


@contextmanager
def lone_executor(system: System, name: str) -> Iterator[int]:
    """Run `cogo serve executor` until the block ends; give its process id."""
    arguments = ("serve", "executor", "--id", f"{name}@here")
    simulator = ("--simulator-url", system.simulator_url)
    with (
        (system.home / STATE / "logs" / f"{name}.log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-P", "-m", "cogo", *arguments, *simulator],
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=system.home,
            env=environment(system.home),
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline()
        yield process.pid
        process.send_signal(signal.SIGTERM)


def gave_up(system: System, agent: AgentRecord, task_id: UUID) -> bool:
    """Return whether the agent has logged that its lease was lost."""
    signs = ("the lease was lost", '"stale"')
    about = [line for line in system.log_of(agent.id) if str(task_id) in line]
    return any(sign in line for line in about for sign in signs)
