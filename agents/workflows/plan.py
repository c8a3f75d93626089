"""A step of a workflow, before it has a model."""

from dataclasses import dataclass, field
from typing import Any, Final

NOTES: Final = "notes"
"""In a subtask's params: what the result has to say about the task's params."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One unit of work. `key` names it inside its plan; `dependencies` are keys of other steps."""

    key: str = "main"
    type: str
    params: dict[str, Any]
    dependencies: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
