"""Make attempts to get out of a sandbox, and find what got out.

Run as a program it makes those of one kind as whoever runs it, in the backend that it is given, and
prints what got out as JSON.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import pytest

from agents.sandbox.choice import CONTAINERS, search_sandbox
from agents.sandbox.containers import ContainerSandbox
from agents.sandbox.isolation import supervision
from agents.sandbox.job import Job, Outcome, Sandbox
from protocol.records.agents import SandboxChoice
from tests.support.escapes.attempt import ESCAPED, HELD, PRELUDE, Attempt
from tests.support.escapes.bait import Bait, lay_bait
from tests.support.escapes.kernel import RIGHTS
from tests.support.escapes.outside import FILES, NETWORK, OTHERS
from tests.support.escapes.resources import RESOURCES

KINDS: Final[Mapping[str, tuple[Attempt, ...]]] = {
    "network": NETWORK,
    "files": FILES,
    "others": OTHERS,
    "rights": RIGHTS,
    "resources": RESOURCES,
}
AT_ONCE: Final = 4
LOWERED: Final = {"MAX_FILES": 1_000, "CROWDED_SECONDS": 0.3}
ENDS_CONTAINER: Final = "killing what watches"
"""A program in a container may kill the script that started it, which ends its own run only."""


def skip_containers(choice: SandboxChoice) -> None:
    """Skip a test of containers, which take minutes together, unless it is asked for."""
    is_asked = bool(os.environ.get("COGO_TEST_CONTAINERS"))  # noqa: TID251 - a switch of tests
    if choice in CONTAINERS and not is_asked:
        pytest.skip(f"set COGO_TEST_CONTAINERS=1 to test {choice}, which takes minutes")


async def make_attempt(sandbox: Sandbox, attempt: Attempt, bait: Bait) -> list[str]:
    """Run the program of an attempt, and return what got out, or what is not known."""
    job = Job(
        command=[str(bait.python), "-I", "program.py"],
        files={"program.py": (PRELUDE + attempt.program).encode()},
        environment={"BAIT": bait.text},
        limits=attempt.limits,
        readable=bait.readable,
        collect=attempt.collect,
    )
    outcome = await sandbox.run(job)
    if attempt.name == ENDS_CONTAINER and isinstance(sandbox, ContainerSandbox):
        return []
    return _find_escapes(attempt, outcome, bait)


def _find_escapes(attempt: Attempt, outcome: Outcome, bait: Bait) -> list[str]:
    printed = outcome.stdout.decode(errors="replace")
    found = [line for line in printed.splitlines() if ESCAPED in line]
    if attempt.hit and outcome.hit not in attempt.hit:
        found.append(f"no limit of {attempt.hit} ended it, but {_describe(outcome)}")
    if not attempt.hit and HELD not in printed:
        found.append(f"it did not try everything: {_describe(outcome)}")
    if outcome.seconds > attempt.limits.wall_seconds + 30:
        found.append(f"it took {outcome.seconds} s")
    kept = attempt.limits.output_bytes + 100
    if max(len(outcome.stdout), len(outcome.stderr)) > kept:
        found.append("more output was kept than its limit")
    collected = set(outcome.files) - {"program.py"}
    if any(bait.token.encode() in content for content in outcome.files.values()):
        found.append("a file from outside was collected")
    if collected and attempt.name != "endless folders":
        found.append(f"collected {sorted(collected)}")
    return found


def _describe(outcome: Outcome) -> str:
    end = outcome.stderr.decode(errors="replace")[-400:]
    return f"exit code {outcome.exit_code}, signal {outcome.signal}, hit {outcome.hit}: {end}"


async def make_attempts(choice: SandboxChoice, kind: str) -> list[str] | None:
    """Return what got out in the attempts of one kind, or None where the backend does not work."""
    search = await search_sandbox(choice)
    sandbox = search.sandbox
    if sandbox is None:
        print(search.explain(), file=sys.stderr)
        return None
    found: list[str] = []
    turn = asyncio.Semaphore(AT_ONCE)
    with lay_bait() as bait, _lower_limits():

        async def make(attempt: Attempt) -> None:
            async with turn:
                escapes = await make_attempt(sandbox, attempt, bait)
            found.extend(f"{attempt.name}: {each}" for each in escapes)

        async with asyncio.TaskGroup() as group:
            for each in KINDS[kind]:
                group.create_task(make(each))
        if bait.is_process_left():  # when all have ended, as each may have such a process
            found.append("a process stayed behind")
    return found


@contextmanager
def _lower_limits() -> Iterator[None]:
    """Lower the limits that no job can set, so that attempts to pass them are short."""
    names = vars(supervision)
    before = {name: names[name] for name in LOWERED}
    names.update(LOWERED)
    try:
        yield
    finally:
        names.update(before)


if __name__ == "__main__":
    got_out = asyncio.run(make_attempts(SandboxChoice(sys.argv[1]), sys.argv[2]))
    print(json.dumps({"uid": os.getuid(), "found": got_out}))
