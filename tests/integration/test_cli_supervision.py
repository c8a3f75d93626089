"""Child processes are kept alive, and gone when nobody wants them any more."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue

from cogo.errors import AlreadyRunning, ChildFailed
from cogo.supervisor import Child, Keeper, Spec, hold_lock, set_long_logs_aside
from cogo.supervisor.logfiles import LONG_BYTES
from tests.support.eventually import eventually
from tests.support.processes import is_running

READY = "import json, sys, time; print(json.dumps({'ok': 1}), flush=True);"


def a_spec(tmp_path: Path, program: str, *, patience: float = 5) -> Spec:
    return Spec(
        name="child",
        arguments=("-P", "-c", program),
        log=tmp_path / "child.log",
        patience=timedelta(seconds=patience),
    )


async def test_a_child_that_ends_before_it_is_ready_gives_its_last_words(tmp_path: Path) -> None:
    spec = a_spec(tmp_path, "import sys; sys.exit('port 1 is taken')")

    with pytest.raises(ChildFailed, match="port 1 is taken"):
        async with Child(spec) as child:
            await child.ready()


async def test_the_block_ends_a_child_that_ignores_the_request(tmp_path: Path) -> None:
    deaf = (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + READY + "time.sleep(60)"
    )

    async with Child(a_spec(tmp_path, deaf, patience=0.2)) as child:
        await child.ready()

    assert not is_running(child.pid)


async def test_a_chatty_child_does_not_hang_on_a_full_pipe(tmp_path: Path) -> None:
    chatty = READY + "print('x' * 1_000_000)"

    async with Child(a_spec(tmp_path, chatty)) as child, asyncio.timeout(60):
        await child.ready()

        assert await child.wait() == 0


async def test_the_greeting_reaches_the_child_and_is_not_in_its_arguments(tmp_path: Path) -> None:
    echo = "import json, sys; print(json.dumps({'got': sys.stdin.readline()}), flush=True)"

    async with Child(a_spec(tmp_path, echo)) as child:
        child.greet({"key": "a-secret"})
        answer = await child.ready()

    assert answer == {"got": '{"key": "a-secret"}\n'}


async def test_a_child_that_dies_is_started_again_after_its_death_was_handled(
    tmp_path: Path,
) -> None:
    dead: list[Spec] = []

    async def note(spec: Spec) -> None:
        dead.append(spec)

    keeper = Keeper(lambda: a_spec(tmp_path, READY + "time.sleep(60)"), on_death=note)
    async with asyncio.TaskGroup() as group:
        group.create_task(keeper.run())
        await eventually(keeper.ready.is_set)
        first = keeper.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)

        await eventually(lambda: dead)
        await eventually(lambda: keeper.ready.is_set() and keeper.pid != first)
        second = keeper.pid
        keeper.let_go()

    assert len(dead) == 1
    assert second not in {None, first}
    assert not is_running(second or 0)


async def test_cancelling_the_keeper_while_it_waits_for_a_greeting_leaves_nothing(
    tmp_path: Path,
) -> None:
    asked = asyncio.Event()

    async def never() -> Mapping[str, JsonValue]:
        asked.set()
        await asyncio.Event().wait()
        return {}

    keeper = Keeper(lambda: a_spec(tmp_path, "import sys; sys.stdin.readline()"), greeting=never)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(keeper.run())
        await asked.wait()
        pid = keeper.pid
        task.cancel()

    assert pid is not None
    assert not is_running(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's signal exists on Linux only")
async def test_a_tethered_child_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    child = "from cogo.process.run_with_parent import main; main()"
    parent = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-P', '-c', {child!r}, 'http.server', '0',"
        " '--bind', '127.0.0.1'], stdin=subprocess.PIPE, start_new_session=True)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(  # noqa: ASYNC220 - it only starts
        [sys.executable, "-P", "-c", parent],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=tmp_path,
    ) as process:
        assert process.stdout is not None
        orphan = int(process.stdout.readline())
        assert is_running(orphan)
        process.kill()

    await eventually(lambda: not is_running(orphan), within=5)


def test_a_second_lock_on_one_directory_says_who_holds_it(tmp_path: Path) -> None:
    with (
        hold_lock(tmp_path),
        pytest.raises(AlreadyRunning, match=str(os.getpid())),
        hold_lock(tmp_path),
    ):
        pytest.fail("both hold it")

    with hold_lock(tmp_path):
        assert (tmp_path / "up.lock").exists()


def test_a_long_log_is_set_aside_and_a_short_one_stays(tmp_path: Path) -> None:
    (tmp_path / "long.log").write_bytes(b"x" * (LONG_BYTES + 1))
    (tmp_path / "short.log").write_bytes(b"x")

    set_long_logs_aside(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["long.old", "short.log"]
