"""Ends of runs from outside: cancellation, the death of the agent, bad jobs."""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from agents.sandbox.choice import open_sandbox
from agents.sandbox.isolation import orphans, supervision
from agents.sandbox.isolation.bubblewrap import Bubblewrap
from agents.sandbox.isolation.uids import find_agent
from agents.sandbox.job import InvalidJob, Job, RunLimits, Sandbox, SandboxBroken
from protocol.records.agents import SandboxChoice
from tests.support.escapes.bait import ROOT
from tests.support.escapes.trial import skip_containers
from tests.support.eventually import eventually

AGENT = """
import asyncio, sys
from agents.sandbox import Job, open_sandbox
from protocol.records.agents import SandboxChoice

async def main():
    sandbox = await open_sandbox(SandboxChoice(sys.argv[2]))
    await sandbox.run(Job(command=["sh", "-c", f"sleep {sys.argv[1]} & exec sleep {sys.argv[1]}"]))

asyncio.run(main())
"""


opened: dict[SandboxChoice, Sandbox | None] = {}
"""Backends whose probe has run."""


@pytest.fixture(params=[each for each in SandboxChoice if each not in {"auto", "off"}])
async def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    skip_containers(request.param)
    if request.param not in opened:
        opened[request.param] = await open_sandbox(request.param)
    if (found := opened[request.param]) is None:
        pytest.skip(f"{request.param} does not work on this machine")
    return found


@pytest.fixture
def marker() -> str:
    """Seconds that no other process sleeps."""
    return f"9{secrets.randbelow(10**9):09d}"


def list_pids(marker: str) -> list[int]:
    found = []
    for each in Path("/proc").iterdir():
        try:
            if each.name.isdigit() and marker.encode() in (each / "cmdline").read_bytes():
                found.append(int(each.name))
        except OSError:
            continue
    return found


def read_name(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/comm").read_bytes()
    except OSError:
        return b""


def start_agent(marker: str, sandbox: Sandbox) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", AGENT, marker, sandbox.name.split()[0]])


def count_open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def sleep_twice(marker: str) -> Sequence[str]:
    return ["sh", "-c", f"sleep {marker} & exec sleep {marker}"]


async def test_cancellation_leaves_nothing(sandbox: Sandbox, marker: str) -> None:
    running = asyncio.get_running_loop().create_task(sandbox.run(Job(command=sleep_twice(marker))))
    await eventually(lambda: len(list_pids(marker)) >= 2)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert list_pids(marker) == []


async def test_cancellation_before_the_start_leaves_nothing(sandbox: Sandbox, marker: str) -> None:
    running = asyncio.get_running_loop().create_task(sandbox.run(Job(command=sleep_twice(marker))))
    await asyncio.sleep(0)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert list_pids(marker) == []


async def test_the_death_of_the_agent_ends_its_runs(sandbox: Sandbox, marker: str) -> None:
    agent = start_agent(marker, sandbox)
    await eventually(lambda: b"sleep" in b"".join(map(read_name, list_pids(marker))))

    agent.kill()
    agent.wait()

    await eventually(lambda: list_pids(marker) == [])


@pytest.mark.parametrize("seen", [1, 2, 3])
async def test_an_agent_that_dies_while_it_starts_a_run_leaves_nothing(
    sandbox: Sandbox, marker: str, seen: int
) -> None:
    agent = start_agent(marker, sandbox)
    await eventually(lambda: len(list_pids(marker)) >= seen, every=0.0005)

    agent.kill()
    agent.wait()

    async def are_ended_by_the_next_agent() -> bool:
        await open_sandbox()
        return list_pids(marker) == []

    await eventually(are_ended_by_the_next_agent)


def count_segments(agent: int) -> int:
    """Count the shared memory of an agent's runs."""
    _, *lines = orphans.SEGMENTS.read_text().splitlines()
    return sum(find_agent(int(line.split()[7])) == agent for line in lines)


async def test_a_run_that_is_killed_leaves_no_shared_memory(sandbox: Sandbox, marker: str) -> None:
    limits = RunLimits(wall_seconds=2)
    running = asyncio.get_running_loop().create_task(
        sandbox.run(Job(command=sleep_twice(marker), limits=limits))
    )
    await eventually(lambda: len(list_pids(marker)) >= 2)
    assert bool(count_segments(os.getpid())) == (os.geteuid() == 0 and sandbox.name == "sandlock")

    assert (await running).hit == "wall"

    assert count_segments(os.getpid()) == 0


async def test_the_next_agent_removes_the_shared_memory_of_one_that_was_killed(
    sandbox: Sandbox, marker: str
) -> None:
    agent = start_agent(marker, sandbox)
    await eventually(lambda: b"sleep" in b"".join(map(read_name, list_pids(marker))))
    agent.kill()
    agent.wait()
    await eventually(lambda: list_pids(marker) == [])

    await open_sandbox(SandboxChoice(sandbox.name.split()[0]))

    assert count_segments(agent.pid) == 0


async def test_runs_at_once_do_not_meet(sandbox: Sandbox) -> None:
    script = "echo $1 > $TMPDIR/mine; echo $1 > here; sleep 0.1; cat $TMPDIR/mine here"
    jobs = [Job(command=["sh", "-c", script, "sh", str(number)]) for number in range(4)]

    outcomes = await asyncio.gather(*map(sandbox.run, jobs))  # noqa: TID251 - all at once

    for number, outcome in enumerate(outcomes):
        assert outcome.stdout.split() == [str(number).encode()] * 2


async def test_files_are_given_and_taken_back(sandbox: Sandbox) -> None:
    script = "cat in/deep/a.txt; mkdir -p out; echo made > out/b.txt; echo no > out/c.bin; exit 3"
    job = Job(
        command=["sh", "-c", script],
        files={"in/deep/a.txt": b"given"},
        environment={"GREETING": "hello"},
        collect=["out/*.txt"],
    )

    outcome = await sandbox.run(job)

    assert (outcome.exit_code, outcome.signal, outcome.hit) == (3, None, None)
    assert outcome.stdout == b"given"
    assert outcome.files == {"out/b.txt": b"made\n"}
    assert outcome.backend == sandbox.name


async def test_a_signal_is_told(sandbox: Sandbox) -> None:
    outcome = await sandbox.run(Job(command=["sh", "-c", "kill -SEGV $$"]))

    assert (outcome.exit_code, outcome.signal) == (None, signal.SIGSEGV)


async def test_a_program_that_is_missing_is_an_outcome(sandbox: Sandbox) -> None:
    outcome = await sandbox.run(Job(command=["no-such-program"]))

    assert outcome.exit_code == 127


@pytest.mark.parametrize(
    "job",
    [
        Job(command=[]),
        Job(command=["sh", "a\0b"]),
        Job(command=["true"], files={"../a": b""}),
        Job(command=["true"], files={"/a": b""}),
        Job(command=["true"], files={"a": b"", "a/b": b""}),
        Job(command=["true"], files={"a/" * 50 + "b": b""}),
        Job(command=["true"], files={"a" * 300: b""}),
        Job(command=["true"], environment={"A=B": ""}),
        Job(command=["true"], environment={"A": "\0"}),
        Job(command=["true"], readable=[Path("/")]),
        Job(command=["true"], readable=[Path("/etc")]),
        Job(command=["true"], readable=[Path("relative")]),
        Job(command=["true"], readable=[Path("/no/such/folder")]),
    ],
)
async def test_jobs_that_cannot_be_run_are_refused(sandbox: Sandbox, job: Job) -> None:
    with pytest.raises(InvalidJob):
        await sandbox.run(job)


async def test_files_larger_than_the_disk_are_told(sandbox: Sandbox) -> None:
    limits = RunLimits(disk_mb=1)

    outcome = await sandbox.run(Job(command=["true"], files={"a": bytes(2 << 20)}, limits=limits))

    assert (outcome.exit_code, outcome.hit) == (None, "disk")


async def test_nothing_is_open_after_a_run(sandbox: Sandbox) -> None:
    await sandbox.run(Job(command=["true"]))
    before = count_open_files()

    for _ in range(3):
        await sandbox.run(Job(command=["true"], files={"a/b": b"c"}, collect=["*"]))

    assert count_open_files() == before


async def test_a_sandbox_that_does_not_start_runs_nothing(tmp_path: Path) -> None:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho no namespaces here >&2\nexit 1\n")
    program.chmod(0o755)

    with pytest.raises(SandboxBroken, match="no namespaces here"):
        await Bubblewrap(program).run(Job(command=["true"]))


SEARCH = """
import asyncio, sys
from agents.sandbox.choice import search_sandbox
from protocol.records.agents import SandboxChoice

search = asyncio.run(search_sandbox(SandboxChoice.BUBBLEWRAP))
print(search.sandbox, "|", search.explain())
"""


async def test_where_nothing_isolates_nothing_is_run_and_the_reason_is_told() -> None:
    """Inside of a sandbox the kernel allows no other."""
    outer = await open_sandbox(SandboxChoice.BUBBLEWRAP)
    if outer is None:
        pytest.skip("bubblewrap does not work on this machine")
    packages = next(each for each in sys.path if each.endswith("site-packages"))
    job = Job(
        command=[f"{sys.base_prefix}/bin/python3.{sys.version_info.minor}", "-c", SEARCH],
        environment={"PYTHONPATH": f"{ROOT}:{packages}", "PYTHONDONTWRITEBYTECODE": "1"},
        readable=[Path(sys.base_prefix), ROOT / "agents", ROOT / "protocol", Path(packages)],
    )

    outcome = await outer.run(job)

    sandbox, _, reason = outcome.stdout.decode().partition(" | ")
    assert sandbox == "None", outcome.stderr
    assert "bubblewrap (" in reason


@pytest.mark.parametrize("delay", [0.0, 1e9])
async def test_a_run_that_waits_for_a_busy_machine_is_not_called_slow(
    sandbox: Sandbox, delay: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "measure_delay", lambda _: delay)
    job = Job(command=["sleep", "60"], limits=RunLimits(wall_seconds=0.2))

    if delay:
        with pytest.raises(SandboxBroken, match="too busy"):
            await sandbox.run(job)
    else:
        assert (await sandbox.run(job)).hit == "wall"
