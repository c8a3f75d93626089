"""Workflows of users, in their own process, on a real database with simulated vendors."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from agents.workflows.hosting.host import WorkflowHost
from agents.workflows.registry import WORKFLOWS
from protocol.lifecycle import SubtaskState, TaskState

if TYPE_CHECKING:
    from tests.integration.agents.conftest import Fleet

OpenFleet = Callable[[], AbstractAsyncContextManager["Fleet"]]

FLOWS = """
import faulthandler

from cogo.workflows import Answer, Result, Run, workflow


async def write(run: Run, times: int) -> Answer:
    for _ in range(times):
        answer = await run.ask("draft", run.prompt)
    return answer


@workflow("RACE")
async def race(run: Run) -> Result:
    branch, answer = await run.first(
        run.branch("quick", write(run, 1)), run.branch("slow", write(run, 40))
    )
    return Result(answer.text, output={"branch": branch.key})


@workflow("STUCK")
async def stuck(run: Run) -> Result:
    await run.ask("draft", run.prompt)
    while True:
        pass


@workflow("DYING")
async def dying(run: Run) -> Result:
    await run.ask("draft", run.prompt)
    faulthandler._sigsegv()
"""


async def test_workflows_of_users_run_and_those_that_hang_or_die_harm_no_other(
    fleet: OpenFleet, tmp_path: Path
) -> None:
    (tmp_path / "users_flows.py").write_text(FLOWS, "utf-8")
    host = WorkflowHost(
        WORKFLOWS, modules=["users_flows"], folders=[tmp_path], cpu_seconds=0.2, wall_seconds=30
    )
    async with host, fleet() as agents:
        assert not host.problems
        await agents.executor("e-1")
        await agents.orchestrator(workflows=host)
        tasks = [
            await agents.submit("Tabs or spaces?", type=type_)
            for type_ in ("STUCK", "RACE", "DYING", "CHAT", "UNKNOWN")
        ]
        stuck, race, dying, chat, unknown = [await agents.ended(each.id) for each in tasks]
        steps = await agents.store.fetch_subtasks(task_id=race.id)

    assert chat.status is TaskState.COMPLETED
    assert race.status is TaskState.COMPLETED, race.error
    assert race.result is not None
    assert race.result["branch"] == "quick"
    slow = [each for each in steps if each.key.startswith("slow/")]
    assert slow
    assert slow[-1].status in {SubtaskState.CANCELLED, SubtaskState.COMPLETED}
    for task in (stuck, dying):
        assert task.status is TaskState.FAILED
        assert task.error is not None
        assert task.error["class"] == "workflow_stuck"
    assert unknown.error is not None
    assert "RACE" in unknown.error["message"]
