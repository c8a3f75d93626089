"""The engine of workflows: a task's workflow is replayed over the record of its steps.

- `definition`: the decorator `workflow`. `run`: what a workflow may ask for. `values`: what it
  gets and returns. `errors`: what it may catch.
- `advance`: one replay, a pure function, and what it answers (`outcomes`).
- `task_data`: the schema that a task has for its result.
- `replay`: coroutines driven by recorded ends; `work`: steps, branches and groups of them.
"""

from agents.workflows.engine.advance import advance
from agents.workflows.engine.definition import Workflow, workflow
from agents.workflows.engine.errors import (
    BudgetSpent,
    DeadlinePassed,
    NotNeeded,
    OutcomeUnknown,
    StepFailed,
    WorkflowInvalid,
)
from agents.workflows.engine.outcomes import (
    Advance,
    DecisionRequest,
    Drift,
    Finished,
    FlowFailed,
    HandedOver,
    NeedsDecisions,
    NeedsOutput,
    Repeats,
    StepRequest,
    Suspended,
)
from agents.workflows.engine.run import Run
from agents.workflows.engine.values import (
    Again,
    Answer,
    Approval,
    LastStep,
    Panel,
    PanelMember,
    Result,
    Review,
    TaskOutcome,
)
from agents.workflows.engine.work import Branch, Step, StepGroup, Work

__all__ = [
    "Advance", "Again", "Answer", "Approval", "Branch", "BudgetSpent", "DeadlinePassed",
    "DecisionRequest", "Drift", "Finished", "FlowFailed", "HandedOver", "LastStep",
    "NeedsDecisions", "NeedsOutput", "NotNeeded", "OutcomeUnknown", "Panel", "PanelMember",
    "Repeats", "Result", "Review", "Run", "Step", "StepFailed", "StepGroup", "StepRequest",
    "Suspended", "TaskOutcome", "Work", "Workflow", "WorkflowInvalid", "advance", "workflow",
]  # fmt: skip
