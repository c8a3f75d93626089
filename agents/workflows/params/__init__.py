"""Params: of tasks, which people write (`task_params`), and of subtasks (`step_params`)."""

from agents.workflows.params.task_params import (
    MAX_CHARACTERS,
    MAX_FILES,
    AnalysisParams,
    AutoParams,
    ChatParams,
    CodeParams,
    OptimizationParams,
    Params,
    TargetFile,
    describe_unused,
)

__all__ = [
    "MAX_CHARACTERS", "MAX_FILES", "AnalysisParams", "AutoParams", "ChatParams", "CodeParams",
    "OptimizationParams", "Params", "TargetFile", "describe_unused",
]  # fmt: skip
