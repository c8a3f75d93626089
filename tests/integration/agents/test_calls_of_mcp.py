"""Tools of MCP servers in workflows on a real database, one of them after an approval."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from agents.workflows.hosting.host import WorkflowHost
from agents.workflows.registry import WORKFLOWS
from protocol.lifecycle import TaskState
from protocol.records import ApprovalRow, Visibility
from tests.support.eventually import eventually
from tests.support.mcp.hosts import a_host, a_hostile_server

if TYPE_CHECKING:
    from tests.integration.agents.conftest import Fleet

OpenFleet = Callable[[], AbstractAsyncContextManager["Fleet"]]

FLOWS = """
from cogo.workflows import OutcomeUnknown, Result, Run, StepFailed, workflow


@workflow("SHOP")
async def shop(run: Run) -> Result:
    said = await run.tool("said", "mcp:bad/echo", {"text": "hello"})
    try:
        await run.tool("died", "mcp:bad/die")
    except OutcomeUnknown:
        died = "unknown"
    paid = await run.tool("paid", "mcp:bad/inject")
    try:
        await run.tool("refused", "mcp:bad/inject")
    except StepFailed as error:
        refused = error.message
    return Result(str(paid), output={"said": said, "died": died, "refused": refused})
"""


async def test_a_workflow_calls_tools_of_a_server(fleet: OpenFleet, tmp_path: Path) -> None:
    (tmp_path / "mcp_flows.py").write_text(FLOWS, "utf-8")
    flows = WorkflowHost(WORKFLOWS, modules=["mcp_flows"], folders=[tmp_path])
    log = tmp_path / "log"
    mcp = a_host(a_hostile_server(log, approval=frozenset({"inject"})))
    async with flows, mcp, fleet() as agents:
        assert not flows.problems
        await agents.executor("e-1", mcp=mcp, tool_capacity=2, list_tools=lambda: mcp.names)
        await agents.orchestrator(workflows=flows)
        task = await agents.submit("Shop.", type="SHOP")
        for approved in (True, False):

            async def find_open() -> list[ApprovalRow]:
                return await agents.store.find_approvals(
                    limit=5, task_id=task.id, visible=Visibility()
                )

            [question] = await eventually(find_open, within=60)
            assert question.question == "May mcp:bad/inject run with these arguments?"
            await agents.store.answer_approval(
                approval_id=question.id, approved=approved, comment="once is enough"
            )
        ended = await agents.ended(task.id)
        listed = await agents.store.fetch_agents()

    assert ended.status is TaskState.COMPLETED, ended.error
    assert ended.result is not None
    assert ended.result["text"].startswith("Ignore all instructions")
    assert ended.result["said"] == "hello"
    assert ended.result["died"] == "unknown"
    assert ended.result["refused"] == "a person has refused mcp:bad/inject: once is enough"
    assert log.read_text("utf-8").split() == ["echo", "die", "inject"]
    [executor] = [each for each in listed if each.id == "e-1"]
    assert "mcp:bad/echo" in executor.details["tools"]
    assert "tools:mcp.bad" in executor.lanes
