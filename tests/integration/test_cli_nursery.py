"""The nursery forks children that nobody can tell from started ones; without it all goes on."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue

from cogo.supervisor import Child, Keeper, Nursery, Spec, module
from cogo.supervisor.fork_server.adopted import can_adopt
from tests.support.eventually import eventually
from tests.support.processes import is_running

pytestmark = pytest.mark.skipif(not can_adopt(), reason="only Linux since 5.3 has adoption")

PROGRAM = """
import json, os, random, signal, sys, time
hello = sys.stdin.readline().strip()
told = {
    "heard": hello,
    "arguments": sys.argv[1:],
    "name": __name__,
    "imported": "wave" in sys.modules,
    "session": os.getsid(0),
    "parent": os.getppid(),
    "dice": random.random(),
    "handled": [s.name for s in signal.valid_signals() if callable(signal.getsignal(s))],
    "open": sorted(os.readlink(f"/proc/self/fd/{n}").partition(":")[0]
                   for n in range(64) if os.path.lexists(f"/proc/self/fd/{n}")),
    "title": open("/proc/self/cmdline").read().replace(chr(0), " ").strip(),
}
print("said to its log", file=sys.stderr, flush=True)
print(json.dumps(told), flush=True)
if "--end" in sys.argv:
    sys.exit(7)
time.sleep(600)
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spec:
    """A module that tells what it is; it lies where only children find it."""
    (tmp_path / "becoming.py").write_text(PROGRAM)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return Spec(
        name="child",
        arguments=module("becoming", "--id", "1"),
        log=tmp_path / "child.log",
        patience=timedelta(seconds=5),
    )


def nursery_of(home: Path, modules: Sequence[str] = ("wave",)) -> Nursery:
    def spec(door: int, modules: Sequence[str]) -> Spec:
        return Spec(
            name="nursery",
            arguments=module("cogo.supervisor.fork_server.main", str(door), *modules),
            log=home / "nursery.log",
            patience=timedelta(seconds=1),
            descriptors=(door,),
        )

    return Nursery(spec, modules)


@asynccontextmanager
async def running(nursery: Nursery) -> AsyncIterator[Nursery]:
    async with asyncio.TaskGroup() as group:
        nursing = group.create_task(nursery.run())
        yield nursery
        nursing.cancel()


@asynccontextmanager
async def kept(spec: Spec, nursery: Nursery) -> AsyncIterator[Keeper]:
    keeper = Keeper(lambda: spec, greeting=greet, forker=nursery)
    async with running(nursery), asyncio.TaskGroup() as group:
        group.create_task(keeper.run())
        await eventually(keeper.ready.is_set, within=60)
        yield keeper
        keeper.let_go()


async def greet() -> dict[str, JsonValue]:
    return {"hello": "child"}


def reborn(keeper: Keeper, than: int | None) -> Callable[[], bool]:
    return lambda: keeper.ready.is_set() and keeper.pid != than


async def told_by(spec: Spec, nursery: Nursery | None) -> tuple[int, dict[str, JsonValue]]:
    async with Child(spec, forker=nursery) as child:
        child.greet(await greet())
        return child.pid, await child.ready()


async def test_a_forked_child_differs_from_a_started_one_in_its_imports_only(
    program: Spec, tmp_path: Path
) -> None:
    async with running(nursery_of(tmp_path)) as nursery:
        pid, forked = await told_by(program, nursery)
        other, twin = await told_by(program, nursery)
        started_pid, started = await told_by(program, None)

    assert (forked.pop("imported"), started.pop("imported")) == (True, False)
    assert (forked.pop("session"), started.pop("session")) == (pid, started_pid)
    assert len({forked.pop("dice"), twin["dice"], started.pop("dice")}) == 3
    # asyncio gives a socket as standard input, where we give a pipe.
    assert forked.pop("open") == [f"{tmp_path}/child.log", "pipe", "pipe"]
    started.pop("open")
    assert forked == started
    assert forked["parent"] == os.getpid()
    assert forked["heard"] == json.dumps({"hello": "child"})
    assert program.log is not None
    assert program.log.read_text().count("said to its log") == 3
    assert not [each for each in (pid, other) if is_running(each)]


async def test_the_exit_code_of_a_forked_child_is_its_own(program: Spec, tmp_path: Path) -> None:
    ending = replace(program, arguments=(*program.arguments, "--end"))
    async with running(nursery_of(tmp_path)) as nursery, Child(ending, forker=nursery) as child:
        child.greet({})
        assert (await child.ready())["imported"]
        assert await child.wait() == 7


async def test_a_forked_child_that_dies_or_stands_still_is_replaced_by_another(
    program: Spec, tmp_path: Path
) -> None:
    nursery = nursery_of(tmp_path)
    async with kept(program, nursery) as keeper:
        for number in (signal.SIGKILL, signal.SIGSTOP):
            pid = keeper.pid
            assert pid is not None
            os.kill(pid, number)
            await eventually(reborn(keeper, pid), within=60)
            assert keeper.answer["imported"]
            assert not is_running(pid)
        last = keeper.pid

    assert last is not None
    assert not is_running(last)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_what_becomes_of_the_nursery_is_nothing_to_its_children(
    number: signal.Signals, program: Spec, tmp_path: Path
) -> None:
    nursery = nursery_of(tmp_path)
    async with kept(program, nursery) as keeper:
        pid, first = keeper.pid, nursery.pid
        assert pid is not None
        assert first is not None
        os.kill(first, number)
        # Whether it is forked by the next nursery, or started because there is none yet.
        os.kill(pid, signal.SIGKILL)
        await eventually(reborn(keeper, pid), within=60)
        survivor = keeper.pid
        assert survivor is not None

        await eventually(lambda: nursery.pid not in {None, first}, within=60)
        assert not is_running(first)
        assert keeper.pid == survivor
        assert is_running(survivor)
        os.kill(survivor, signal.SIGKILL)
        await eventually(reborn(keeper, survivor), within=60)


async def test_a_nursery_that_learns_forks_what_it_learned_also_after_its_death(
    program: Spec, tmp_path: Path
) -> None:
    async with running(nursery_of(tmp_path, ["json"])) as nursery:
        _, before = await told_by(program, nursery)
        await nursery.learn(["wave"])
        _, after = await told_by(program, nursery)
        first = nursery.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: nursery.pid not in {None, first} and nursery.is_open, within=60)
        _, later = await told_by(program, nursery)

    assert [each["imported"] for each in (before, after, later)] == [False, True, True]


async def test_without_a_nursery_children_are_started(program: Spec, tmp_path: Path) -> None:
    async with running(nursery_of(tmp_path, ["no_such_module"])) as nursery:
        _, told = await told_by(program, nursery)

    assert told["imported"] is False
    assert "no_such_module" in (tmp_path / "nursery.log").read_text()


async def test_a_nursery_in_which_threads_run_forks_nobody(program: Spec, tmp_path: Path) -> None:
    (tmp_path / "busy.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    async with running(nursery_of(tmp_path, ["busy", "wave"])) as nursery:
        _, told = await told_by(program, nursery)

    assert told["imported"] is False


async def test_a_start_that_waits_for_the_nursery_goes_on_when_the_nursery_is_let_go(
    program: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cogo.supervisor.fork_server.client._BIRTH", timedelta(hours=1))
    nursery = nursery_of(tmp_path)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        nursing = group.create_task(nursery.run())
        await eventually(lambda: nursery.is_open, within=60)
        assert nursery.pid is not None
        os.kill(nursery.pid, signal.SIGSTOP)
        starting = group.create_task(told_by(program, nursery))
        await eventually(lambda: nursery._is_asked)
        nursing.cancel()

    assert starting.result()[1]["imported"] is False


async def test_a_nursery_ends_with_its_owner(tmp_path: Path) -> None:
    owner = (
        "import socket, subprocess, sys, time\n"
        "door, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
        "child = subprocess.Popen([sys.executable, '-P', '-m', 'cogo.supervisor.fork_server.main',"
        " str(theirs.fileno()), 'json'], pass_fds=[theirs.fileno()], stdout=subprocess.PIPE)\n"
        "theirs.close(); child.stdout.readline(); print(child.pid, flush=True); time.sleep(600)\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-c", owner, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    nursery = int(await process.stdout.readline())
    assert is_running(nursery)
    process.kill()
    await process.communicate()

    await eventually(lambda: not is_running(nursery), within=30)
