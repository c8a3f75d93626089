"""A step of a workflow, before it has a model."""

from dataclasses import dataclass, field
from typing import Any, Final

NOTES: Final = "notes"
"""In a subtask's params: notes about the task's params, for the result."""
DRAFT: Final = "draft"
"""In a subtask's params: its answer is for another subtask, not part of a conversation."""
SYNTHESIZE: Final = "synthesize"
"""In a subtask's params: combine the answers of its dependencies into one."""
ESCALATE_TO: Final = "escalate_to"
"""In a subtask's metadata: the next model if its answer fails a check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """One unit of work. `key` names it inside its plan; `dependencies` are keys of other steps."""

    key: str = "main"
    type: str
    params: dict[str, Any]
    dependencies: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
