"""A process that dies or is stopped is replaced at once."""

import asyncio
import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from cogo.supervisor.child import Spec
from cogo.supervisor.restart import RestartingChild
from tests.support.eventually import eventually
from tests.support.processes import is_running

PROGRAM = """
import json, sys, time
print(json.dumps({"heard": sys.stdin.readline().strip()}), flush=True)
print("said to its log", file=sys.stderr, flush=True)
time.sleep(60)
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spec:
    """Write a module that reports what it received, where only the child finds it."""
    (tmp_path / "becoming.py").write_text(PROGRAM)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return Spec(
        name="child",
        arguments=("-P", "-m", "becoming", "--id", "1"),
        log=tmp_path / "child.log",
        patience=timedelta(seconds=5),
    )


async def send_bootstrap() -> str:
    return "hello"


async def test_a_restart_does_not_wait_for_what_is_done_after_a_death(program: Spec) -> None:
    handled = asyncio.Event()

    async def handle(_: Spec) -> None:
        await handled.wait()

    process = RestartingChild(lambda _: program, bootstrap=send_bootstrap, on_death=handle)
    async with asyncio.TaskGroup() as group:
        group.create_task(process.run())
        await eventually(process.ready.is_set, within=20)
        first = process.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: process.ready.is_set() and process.pid != first, within=20)
        process.stop()
        handled.set()


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="macOS before Python 3.13 cannot tell")
async def test_a_stopped_process_is_replaced(program: Spec) -> None:
    dead: list[Spec] = []

    async def note(spec: Spec) -> None:
        dead.append(spec)

    process = RestartingChild(lambda _: program, bootstrap=send_bootstrap, on_death=note)
    async with asyncio.TaskGroup() as group:
        group.create_task(process.run())
        await eventually(process.ready.is_set, within=20)
        first = process.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        await eventually(lambda: process.ready.is_set() and process.pid != first, within=20)
        process.stop()

    assert dead == [program]
    assert not is_running(first)


async def test_a_process_that_keeps_dying_is_restarted_after_longer_pauses(
    program: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaths: list[int] = []

    def note(failures: int, *, first: float, longest: float) -> float:
        deaths.append(failures)
        return 0.0

    monkeypatch.setattr("cogo.supervisor.restart.compute_backoff", note)
    monkeypatch.setattr("cogo.supervisor.restart._HEALTHY_AFTER", timedelta(hours=1))
    process = RestartingChild(lambda _: program, bootstrap=send_bootstrap)

    async def kill() -> None:
        await eventually(process.ready.is_set, within=20)
        before = len(deaths)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        await eventually(lambda: len(deaths) > before, within=20)

    async with asyncio.TaskGroup() as group:
        group.create_task(process.run())
        for _ in range(3):
            await kill()
        process.stop()

    assert deaths == [1, 2, 3]
