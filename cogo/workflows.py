"""For your own workflows: `from cogo.workflows import Result, Run, workflow`."""

from agents.sandbox.report import Report
from agents.tools import ToolFunction, tool
from agents.workflows.engine import (
    Again,
    Answer,
    Approval,
    Branch,
    BudgetSpent,
    DeadlinePassed,
    LastStep,
    NotNeeded,
    OutcomeUnknown,
    Panel,
    PanelMember,
    Result,
    Review,
    Run,
    Step,
    StepFailed,
    TaskOutcome,
    Work,
    Workflow,
    WorkflowInvalid,
    workflow,
)
from agents.workflows.params import CodeParams, Params

__all__ = [
    "Again", "Answer", "Approval", "Branch", "BudgetSpent", "CodeParams", "DeadlinePassed",
    "LastStep", "NotNeeded", "OutcomeUnknown", "Panel", "PanelMember", "Params", "Report",
    "Result", "Review", "Run", "Step", "StepFailed", "TaskOutcome", "ToolFunction", "Work",
    "Workflow", "WorkflowInvalid", "tool", "workflow",
]  # fmt: skip
