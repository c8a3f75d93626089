"""A process that dies or stands still is replaced at once, from a spare when there is one."""

import asyncio
import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from cogo.supervision import Child, Keeper, Spares, Spec
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


def spare_spec(tmp_path: Path) -> Spec:
    return Spec(
        name="spare",
        arguments=("-P", "-m", "cogo.spare", "json"),
        log=tmp_path / "spare.log",
        patience=timedelta(seconds=5),
    )


async def greet() -> dict[str, str]:
    return {"hello": "child"}


async def test_the_next_life_is_the_spare_with_its_own_log_and_greeting(
    program: Spec, tmp_path: Path
) -> None:
    spares = Spares(lambda: spare_spec(tmp_path))
    keeper = Keeper(lambda: program, greeting=greet, spares=spares)

    async with asyncio.TaskGroup() as group:
        filling = group.create_task(spares.run())
        group.create_task(keeper.run())
        await eventually(lambda: keeper.ready.is_set() and spares.is_warm, within=20)
        spare = spares._warm
        assert spare is not None
        assert keeper.pid is not None
        assert keeper.pid != spare.pid
        os.kill(keeper.pid, signal.SIGKILL)
        await eventually(lambda: keeper.ready.is_set() and keeper.pid == spare.pid, within=20)
        await eventually(lambda: program.log and program.log.read_text().count("said") == 2)
        answer = keeper.answer
        keeper.let_go()
        filling.cancel()

    assert answer == {"heard": '{"hello": "child"}'}
    assert not is_running(spare.pid)


async def test_a_spare_that_nobody_took_ends_with_its_owner(tmp_path: Path) -> None:
    spares = Spares(lambda: spare_spec(tmp_path))

    async with asyncio.TaskGroup() as group:
        filling = group.create_task(spares.run())
        await eventually(lambda: spares.is_warm, within=20)
        assert spares._warm is not None
        pid = spares._warm.pid
        filling.cancel()

    assert not is_running(pid)
    assert not spares.is_warm


async def test_a_spare_that_is_told_nothing_more_leaves_in_peace(tmp_path: Path) -> None:
    async with Child(spare_spec(tmp_path)) as child:
        await child.ready()
        assert child._process.stdin is not None
        child._process.stdin.close()

        assert await child.wait() == 0


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
