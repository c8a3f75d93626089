"""Where things are said."""

from typing import Final
from uuid import UUID

TASKS: Final = "cogo-tasks"
"""Orchestrators hear of new and cancelled tasks."""
SUBTASKS: Final = "cogo-subtasks"
"""Executors hear of stamped and cancelled subtasks."""
RESULTS: Final = "cogo-results"
"""Operators and dashboards hear of every result."""
MODEL_SELECTION: Final = "model-selection"
"""Which model for what: questions and answers."""
SELECTION_TARGET: Final = "cogo-model-selection"
"""The `target` of messages on MODEL_SELECTION."""
ALL: Final = (TASKS, SUBTASKS, RESULTS, MODEL_SELECTION)


def result_topic(task_id: UUID) -> str:
    """Give the topic of one task: its owner hears progress and results there."""
    return f"{RESULTS}:{task_id}"
