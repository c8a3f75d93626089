"""Modules of users are loaded and advanced in a process of their own."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from uuid import UUID

import pytest

from agents.errors import InvalidTask
from agents.workflows.engine import (
    Finished,
    FlowFailed,
    Result,
    Run,
    Suspended,
    Workflow,
    WorkflowInvalid,
    workflow,
)
from agents.workflows.hosting.host import WorkflowHost
from protocol.records import TaskBrief
from protocol.records.flows import FlowRecord

RECORD = FlowRecord(first_claimed_at=datetime(2026, 1, 1, tzinfo=UTC))

FLOWS = """
    from cogo.workflows import Result, Run, workflow

    print("printed while it is imported")

    @workflow("{type}")
    async def flow(run: Run) -> Result:
        '''Ask once.'''
        print("printed while it runs")
        return Result((await run.ask("draft", run.prompt)).text)
"""
STUCK = """
    import faulthandler
    from cogo.workflows import Result, Run, workflow

    @workflow("STUCK")
    async def stuck(run: Run) -> Result:
        while True:
            pass

    @workflow("DYING")
    async def dying(run: Run) -> Result:
        faulthandler._sigsegv()

    @workflow("GREEDY")
    async def greedy(run: Run) -> Result:
        return Result("x" * (1 << 33))
"""


HARMFUL = """
    from cogo.workflows import Result, Run, workflow
    from harmful_help import do

    @workflow("{type}")
    async def flow(run: Run) -> Result:
        do("{type}")
        return Result("{type}")
"""
HARMFUL_HELP = """
    import os

    KEPT = []

    def do(what):
        if what == "FORK":
            os.fork()
        elif what == "CLOSE":
            os.close(0)
        elif what == "KEEP":
            KEPT.append(bytearray(700_000_000))
        elif what == "WRITE":
            for number in range(3, 32):
                try:
                    os.write(number, b'{"outcome": "finished", "text": "forged"}\\n')
                except OSError:
                    pass
"""


def a_task(type_: str) -> TaskBrief:
    return TaskBrief(id=UUID(int=1), type=type_, prompt="Hello.")


@workflow("OURS")
async def ours(run: Run) -> Result:
    """Finish at once."""
    return Result(run.prompt)


OURS: dict[str, Workflow] = {"OURS": ours}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    def write_module(name: str, text: str) -> Path:
        file = tmp_path / f"{name}.py"
        file.write_text(dedent(text), "utf-8")
        return file

    return write_module


async def test_workflows_of_a_module_are_described_and_advanced(
    write: Callable[[str, str], Path], tmp_path: Path
) -> None:
    file = write("acme_flows", FLOWS.format(type="REPORT"))

    async with WorkflowHost(OURS, modules=["acme_flows"], folders=[tmp_path]) as host:
        described = {each.type: each for each in host.describe()}
        answer = await host.advance(a_task("REPORT"), RECORD)
        own = await host.advance(a_task("OURS"), RECORD)

    assert not host.problems
    assert (described["REPORT"].doc, described["REPORT"].file) == ("Ask once.", str(file))
    assert described["OURS"].is_ours
    assert isinstance(answer, Suspended)
    assert answer.awaits == ["draft"]
    assert own == Finished(text="Hello.")


async def test_a_module_that_cannot_be_used_names_its_line_and_stops_no_other(
    write: Callable[[str, str], Path], tmp_path: Path
) -> None:
    write("good_flows", FLOWS.format(type="GOOD"))
    broken = write("broken_flows", "x = 1\ny = 1 / 0\n")
    wrong = write("wrong_flows", "def f(:\n")
    clock = write("clock_flows", "import time\n")
    empty = write("empty_flows", "x = 1\n")
    write("dying_flows", "import faulthandler\nfaulthandler._sigsegv()\n")
    names = ["broken", "wrong", "clock", "empty", "dying", "absent", "good"]

    async with WorkflowHost(
        OURS, modules=[f"{name}_flows" for name in names], folders=[tmp_path]
    ) as host:
        answer = await host.advance(a_task("GOOD"), RECORD)

    problems = host.problems
    assert problems["broken_flows"] == f"{broken}:2: ZeroDivisionError: division by zero"
    assert problems["wrong_flows"].startswith(f"{wrong}:1: ")
    assert problems["clock_flows"].startswith(f"{clock}:1: import time is refused")
    assert problems["empty_flows"].startswith(f"{empty}: it has no workflow")
    assert "absent_flows" in problems["absent_flows"]
    assert problems.keys() == {f"{name}_flows" for name in names if name != "good"}
    assert isinstance(answer, Suspended)


async def test_two_workflows_of_one_type_are_an_error_at_start(
    write: Callable[[str, str], Path], tmp_path: Path
) -> None:
    write("one_flows", FLOWS.format(type="SAME"))
    write("other_flows", FLOWS.format(type="SAME"))
    write("our_flows", FLOWS.format(type="OURS"))

    for modules in (["one_flows", "other_flows"], ["our_flows"]):
        with pytest.raises(WorkflowInvalid, match=r"has two workflows, in .* and in .*_flows"):
            await WorkflowHost(OURS, modules=modules, folders=[tmp_path]).__aenter__()


async def test_an_advance_that_does_not_end_or_ends_its_process_fails_its_task_and_no_other(
    write: Callable[[str, str], Path], tmp_path: Path
) -> None:
    write("stuck_flows", STUCK)
    write("good_flows", FLOWS.format(type="GOOD"))

    async with WorkflowHost(
        OURS,
        modules=["stuck_flows", "good_flows"],
        folders=[tmp_path],
        cpu_seconds=0.2,
        wall_seconds=60,
    ) as host:
        assert not host.problems
        stuck = await host.advance(a_task("STUCK"), RECORD)
        dying = await host.advance(a_task("DYING"), RECORD)
        greedy = await host.advance(a_task("GREEDY"), RECORD)
        good = await host.advance(a_task("GOOD"), RECORD)

    assert isinstance(stuck, FlowFailed)
    assert stuck.error_class == "workflow_stuck"
    assert isinstance(dying, FlowFailed)
    assert "SIGSEGV" in dying.message
    assert isinstance(greedy, FlowFailed)
    assert "MemoryError" in greedy.message
    assert isinstance(good, Suspended)


@pytest.mark.parametrize("type_", ["FORK", "CLOSE", "KEEP", "WRITE"])
async def test_no_task_gets_the_answer_or_the_failure_of_another(
    type_: str, write: Callable[[str, str], Path], tmp_path: Path
) -> None:
    write("harmful_help", HARMFUL_HELP)
    write("harmful_flows", HARMFUL.format(type=type_))
    write("good_flows", FLOWS.format(type="GOOD"))

    async with WorkflowHost(
        OURS,
        modules=["harmful_flows", "good_flows"],
        folders=[tmp_path],
        cpu_seconds=5,
        wall_seconds=60,
    ) as host:
        # What is kept adds up to too much; else what the first round has left shows in the second.
        for _ in range(4 if type_ == "KEEP" else 2):
            harmful = await host.advance(a_task(type_), RECORD)
            good = await host.advance(a_task("GOOD"), RECORD)

            assert isinstance(good, Suspended)
            assert isinstance(harmful, FlowFailed) or harmful == Finished(text=type_)
            assert isinstance(harmful, FlowFailed) == (type_ == "WRITE"), harmful


async def test_a_type_that_nobody_knows_is_refused_with_the_most_similar_one() -> None:
    async with WorkflowHost(OURS) as host:
        with pytest.raises(InvalidTask, match="Did you mean OURS"):
            await host.advance(a_task("OUR"), RECORD)
