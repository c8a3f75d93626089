"""What a task needs of a model, read from its type, prompt and params."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

Complexity = Literal["low", "medium", "high"]

_TASK_TYPES = {
    "GENERATE_CODE": "code-generation",
    "ANALYZE_CODE": "code-analysis",
    "OPTIMIZE_CODE": "code-optimization",
    "CHAT": "general",
}


class Requirements(BaseModel):
    """The documented requirements; the names on the wire are those of MODEL_SELECTION_REQUEST."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    complexity: Complexity = "medium"
    language: str = "python"
    framework: str | None = None
    task_type: str = Field(
        default="code-generation",
        validation_alias=AliasChoices("taskType", "task_type"),
        serialization_alias="taskType",
    )
    performance_needed: bool = Field(
        default=False,
        validation_alias=AliasChoices("performanceNeeded", "performance_needed"),
        serialization_alias="performanceNeeded",
    )
    accuracy_needed: bool = Field(
        default=True,
        validation_alias=AliasChoices("accuracyNeeded", "accuracy_needed"),
        serialization_alias="accuracyNeeded",
    )

    @classmethod
    def of(cls, task_type: str, prompt: str, params: Mapping[str, Any]) -> Self:
        """Read a task. What `params.task_requirements` states wins over what the prompt suggests.

        Raises pydantic's ValidationError when what is stated has a wrong shape.
        """
        given = params.get("task_requirements")
        stated = cls.model_validate({} if given is None else given)
        words = prompt.lower()
        found = {
            "complexity": "high" if _mentions(words, "complex", "advanced") else "medium",
            "performance_needed": _mentions(words, "performance", "optimize"),
            "task_type": _TASK_TYPES.get(task_type, "general"),
            "language": _word(params, "language") or "python",
            "framework": _word(params, "framework"),
        }
        return cls(**found | stated.model_dump(exclude_unset=True))


def _word(params: Mapping[str, Any], key: str) -> str | None:
    value = params.get(key)
    return value if isinstance(value, str) else None


def _mentions(prompt: str, *words: str) -> bool:
    return any(word in prompt for word in words)
