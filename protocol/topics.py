"""The topics of messages."""

from typing import Final
from uuid import UUID

TASKS: Final = "cogo-tasks"
"""New and cancelled tasks, for orchestrators."""
SUBTASKS: Final = "cogo-subtasks"
"""Stamped and cancelled subtasks, for executors."""
RESULTS: Final = "cogo-results"
"""All results, for operators and dashboards."""
APPROVALS: Final = "cogo-approvals"
"""With `:` and a person's id: the questions that ask this person by name."""
MODEL_SELECTION: Final = "model-selection"
"""Requests for model selections, and their answers."""
SELECTION_TARGET: Final = "cogo-model-selection"
"""The `target` of messages on MODEL_SELECTION."""
ALL: Final = (TASKS, SUBTASKS, RESULTS, MODEL_SELECTION)


def result_topic(task_id: UUID) -> str:
    """Return the topic of one task, with its progress and results for its owner."""
    return f"{RESULTS}:{task_id}"
