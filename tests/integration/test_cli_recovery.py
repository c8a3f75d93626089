"""A process that dies or stands still is replaced at once."""

import asyncio
import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from cogo.supervisor import Keeper, Spec
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
    """A module that says what it heard; it lies where only the child finds it."""
    (tmp_path / "becoming.py").write_text(PROGRAM)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return Spec(
        name="child",
        arguments=("-P", "-m", "becoming", "--id", "1"),
        log=tmp_path / "child.log",
        patience=timedelta(seconds=5),
    )


async def greet() -> dict[str, str]:
    return {"hello": "child"}


async def test_the_next_life_does_not_wait_for_the_mourning_of_the_last(program: Spec) -> None:
    mourned = asyncio.Event()

    async def mourn(_: Spec) -> None:
        await mourned.wait()

    keeper = Keeper(lambda: program, greeting=greet, on_death=mourn)
    async with asyncio.TaskGroup() as group:
        group.create_task(keeper.run())
        await eventually(keeper.ready.is_set, within=20)
        first = keeper.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: keeper.ready.is_set() and keeper.pid != first, within=20)
        keeper.let_go()
        mourned.set()


@pytest.mark.skipif(not hasattr(os, "waitid"), reason="macOS before Python 3.13 cannot tell")
async def test_a_process_that_stands_still_is_replaced(program: Spec) -> None:
    dead: list[Spec] = []

    async def note(spec: Spec) -> None:
        dead.append(spec)

    keeper = Keeper(lambda: program, greeting=greet, on_death=note)
    async with asyncio.TaskGroup() as group:
        group.create_task(keeper.run())
        await eventually(keeper.ready.is_set, within=20)
        first = keeper.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        await eventually(lambda: keeper.ready.is_set() and keeper.pid != first, within=20)
        keeper.let_go()

    assert dead == [program]
    assert not is_running(first)
