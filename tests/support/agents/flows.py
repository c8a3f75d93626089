"""Flows of tasks, run by the real CIO for executors that serve some models."""

from collections.abc import Sequence
from typing import Any

from agents.orchestrator.cio import Cio
from agents.orchestrator.flows.output_cache import StepOutputs
from agents.orchestrator.flows.runner import FlowRunner
from agents.orchestrator.lane_registry import LaneRegistry
from agents.selection.evidence.knowledge import NOTHING_KNOWN, Knowledge
from agents.workflows.engine import Workflow
from agents.workflows.hosting.host import WorkflowHost
from agents.workflows.registry import WORKFLOWS
from protocol.ids import utc_now
from protocol.lifecycle import SubtaskState
from protocol.records import AgentRecord, ClaimedSubtask, Completion, NewStep, Suspension
from protocol.records.flows import FlowRecord, Fork, StepRecord
from providers.catalogue.catalogue import Catalogue
from tests.support.agents.fake_store import FakeStore
from tests.support.agents.subtasks import a_plan

CATALOGUE = Catalogue.load()
LANES = ["claude-haiku-4-5", "claude-sonnet-5-5", "gpt-6.1-sol"]


def an_executor(lanes: Sequence[str] = LANES, **fields: Any) -> AgentRecord:
    """Return a running executor."""
    row = {"id": "executor", "kind": "executor", "lanes": list(lanes), "capacity": 1}
    return AgentRecord.model_validate(row | {"silent_ms": 0} | fields)


def a_runner(
    *executors: AgentRecord, store: FakeStore | None = None, knowledge: Knowledge = NOTHING_KNOWN
) -> FlowRunner:
    """Build the work of an orchestrator; without executors none is known to it."""

    async def serve_nothing() -> Sequence[str]:
        return []

    registry = LaneRegistry(store=FakeStore(others=[*executors]), own=serve_nothing)
    cio = Cio(catalogue=CATALOGUE, registry=registry, knowledge=lambda: knowledge)
    return FlowRunner(cio=cio, workflows=WorkflowHost(WORKFLOWS), outputs=store or FakeStore())


async def handle(
    claimed: ClaimedSubtask, lanes: Sequence[str] = LANES, **options: Any
) -> Completion:
    """Return how an orchestrator ends an attempt."""
    return await a_runner(an_executor(lanes), **options).handle(claimed)


async def begin(lanes: Sequence[str] = LANES, **task: Any) -> NewStep:
    """Return the first step of a task."""
    completion = await handle(a_plan(task), lanes)
    if completion.hand_over is not None:
        return completion.hand_over.step
    assert completion.suspend is not None
    return completion.suspend.steps[0]


def run_of(
    flow: Workflow,
    *executors: AgentRecord,
    outputs: StepOutputs | None = None,
    knowledge: Knowledge = NOTHING_KNOWN,
) -> FlowRunner:
    async def serve_nothing() -> Sequence[str]:
        return []

    known = executors or (an_executor(),)
    registry = LaneRegistry(store=FakeStore(others=[*known]), own=serve_nothing)
    return FlowRunner(
        cio=Cio(catalogue=CATALOGUE, registry=registry, knowledge=lambda: knowledge),
        workflows=WorkflowHost({flow.type: flow}),
        outputs=outputs or FakeStore(),
    )


def claim(
    *steps: StepRecord, decisions: Any = None, fork: Fork | None = None, **task: Any
) -> ClaimedSubtask:
    record = FlowRecord(
        steps=list(steps), decisions=decisions or {}, first_claimed_at=utc_now(), fork=fork
    )
    return a_plan({"type": "TEST"} | task, kind="flow", flow=record)


def ended(key: str, end_no: int = 1, **fields: Any) -> StepRecord:
    output = {"text": f"the text of {key}"}
    row = {"key": key, "kind": "ask", "status": SubtaskState.COMPLETED, "end_no": end_no}
    return StepRecord.model_validate(row | {"output": output, "attempt": 1} | fields)


async def suspended(runner: FlowRunner, claimed: ClaimedSubtask) -> Suspension:
    completion = await runner.handle(claimed)
    assert completion.suspend is not None, completion
    return completion.suspend
