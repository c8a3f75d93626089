"""Child processes are restarted while wanted, and gone afterwards."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from cogo.config.lock import hold_lock
from cogo.errors import AlreadyRunning, ChildFailed
from cogo.supervisor.child import Child, Spec
from cogo.supervisor.logfiles import LONG_BYTES, prepare_logs
from cogo.supervisor.restart import RestartingChild
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


async def test_a_child_that_ends_before_it_is_ready_reports_its_last_line(tmp_path: Path) -> None:
    spec = a_spec(tmp_path, "import sys; sys.exit('port 1 is taken')")

    with pytest.raises(ChildFailed, match="port 1 is taken"):
        async with Child(spec) as child:
            await child.wait_ready()


async def test_the_block_ends_a_child_that_ignores_the_request(tmp_path: Path) -> None:
    deaf = (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + READY + "time.sleep(60)"
    )

    async with Child(a_spec(tmp_path, deaf, patience=0.2)) as child:
        await child.wait_ready()

    assert not is_running(child.pid)


async def test_a_chatty_child_does_not_hang_on_a_full_pipe(tmp_path: Path) -> None:
    chatty = READY + "print('x' * 1_000_000)"

    async with Child(a_spec(tmp_path, chatty)) as child, asyncio.timeout(60):
        await child.wait_ready()

        assert await child.wait() == 0


async def test_a_line_reaches_the_child_and_is_not_in_its_arguments(tmp_path: Path) -> None:
    echo = "import json, sys; print(json.dumps({'got': sys.stdin.readline()}), flush=True)"

    async with Child(a_spec(tmp_path, echo)) as child:
        child.send_line("a-secret")
        answer = await child.wait_ready()

    assert answer == {"got": "a-secret\n"}


async def test_a_child_that_dies_is_started_again_after_its_death_was_handled(
    tmp_path: Path,
) -> None:
    dead: list[Spec] = []

    async def note(spec: Spec) -> None:
        dead.append(spec)

    process = RestartingChild(lambda _: a_spec(tmp_path, READY + "time.sleep(60)"), on_death=note)
    async with asyncio.TaskGroup() as group:
        group.create_task(process.run())
        await eventually(process.ready.is_set)
        first = process.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)

        await eventually(lambda: dead)
        await eventually(lambda: process.ready.is_set() and process.pid != first)
        second = process.pid
        process.stop()

    assert len(dead) == 1
    assert second not in {None, first}
    assert not is_running(second or 0)


async def test_a_death_is_logged_with_the_last_line_of_this_run(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = []
    begun = tmp_path / "begun"
    # Ready at the first start; later it ends before that, once without a word.
    program = (
        "import pathlib, sys\n"
        f"begun = pathlib.Path({str(begun)!r})\n"
        "starts = begun.stat().st_size if begun.exists() else 0\n"
        "begun.write_text('x' * (starts + 1))\n"
        "if starts == 0: print('{}', flush=True)\n"
        "sys.exit(['cogo: the port is taken', 3, 'the disk is full'][min(starts, 2)])\n"
    )
    process = RestartingChild(lambda _: a_spec(tmp_path, program))
    handler = logger.add(lambda line: lines.append(line.record["extra"]), level="WARNING")
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(process.run())
            await eventually(lambda: len(lines) >= 3)
            process.stop()
    finally:
        logger.remove(handler)

    assert [(line["code"], line.get("reason")) for line in lines[:3]] == [
        (1, "the port is taken"),
        (3, None),
        (1, "the disk is full"),
    ]


async def test_cancelling_a_start_that_waits_for_its_bootstrap_leaves_nothing(
    tmp_path: Path,
) -> None:
    asked = asyncio.Event()

    async def never() -> str:
        asked.set()
        await asyncio.Event().wait()
        return ""

    process = RestartingChild(
        lambda _: a_spec(tmp_path, "import sys; sys.stdin.readline()"), bootstrap=never
    )
    async with asyncio.TaskGroup() as group:
        task = group.create_task(process.run())
        await asked.wait()
        pid = process.pid
        task.cancel()

    assert pid is not None
    assert not is_running(pid)


async def test_a_child_that_watches_its_parent_does_not_outlive_a_killed_parent(
    tmp_path: Path,
) -> None:
    child = "from cogo.process.parent_watch import main; main()"
    parent = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-P', '-c', {child!r}, 'http.server', '0',"
        " '--bind', '127.0.0.1'], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,"
        " start_new_session=True)\n"
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


async def test_a_parent_that_is_gone_cancels_at_once(tmp_path: Path) -> None:
    program = (
        "import asyncio\n"
        "from cogo.process.parent_watch import watch_parent\n"
        "from cogo.process.shutdown import shut_down_on_signals\n"
        "async def main():\n"
        "    with shut_down_on_signals() as shutdown:\n"
        "        watch_parent()\n"
        "        await shutdown.drain.wait()\n"
        "        await shutdown.cancel.wait()\n"
        "asyncio.run(main())\n"
    )
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", program), stdin=asyncio.subprocess.PIPE
    )
    assert child.stdin is not None
    child.stdin.close()

    async with asyncio.timeout(60):
        assert await child.wait() == 0


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
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "long.log").write_bytes(b"x" * (LONG_BYTES + 1))
    (logs / "short.log").write_bytes(b"x")

    prepare_logs(tmp_path)

    assert sorted(path.name for path in logs.iterdir()) == ["long.old", "short.log"]
