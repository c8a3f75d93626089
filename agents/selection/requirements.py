"""A task's requirements on a model, derived from its type, prompt and params."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import (
    AliasChoices,
    AliasGenerator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)
from pydantic.alias_generators import to_camel

from agents.attachments import list_file_kinds
from agents.selection.prompt_features import asks_for_news, detect_scripts, mentions_any

Complexity = Literal["low", "medium", "high"]
Modality = Literal["text", "image", "pdf", "audio", "video"]

MAX_STATED = 10**9
"""Maximum tokens and calls that may be stated, so that products remain finite floats."""
MANY_TOOL_CALLS = 5
"""Number of dependent calls from which one weak answer affects too many later ones."""

_TASK_TYPES = {
    "GENERATE_CODE": "code-generation",
    "ANALYZE_CODE": "code-analysis",
    "OPTIMIZE_CODE": "code-optimization",
    "CHAT": "general",
}
_DOCUMENTED = frozenset(
    ("complexity", "language", "framework", "taskType", "performanceNeeded", "accuracyNeeded")
)


def _derive_kind(found: Mapping[str, Any]) -> str:
    kind: str = found.get("task_type", "general")
    return kind


class Requirements(BaseModel):
    """What matters for the choice; on the wire named as in MODEL_SELECTION_REQUEST.

    The first six fields are always written, the others only if they differ from their defaults.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        serialize_by_alias=True,
        alias_generator=AliasGenerator(
            validation_alias=lambda name: AliasChoices(to_camel(name), name),
            serialization_alias=to_camel,
        ),
    )

    complexity: Complexity = "medium"
    language: str = "python"
    framework: str | None = None
    task_type: str = "code-generation"
    kind: str = Field(default_factory=_derive_kind)
    """What the work is, by which outcomes are grouped; by default as the task type says."""
    performance_needed: bool = False
    accuracy_needed: bool = True
    input_tokens: int | None = Field(default=None, ge=0, le=MAX_STATED)
    """None: estimated from the prompt."""
    output_tokens: int | None = Field(default=None, ge=0, le=MAX_STATED)
    """None: the usual number for tasks of this type."""
    tool_calls: int = Field(default=0, ge=0, le=MAX_STATED)
    """How many tool calls depend on each other."""
    forced_tools: bool = False
    """Whether the model must call a tool."""
    structured_output: bool = False
    modalities: tuple[Modality, ...] = ("text",)
    web: bool = False
    """Whether knowledge of current events is needed."""
    web_search: bool = False
    """Whether the vendor must be able to search the web when asked to."""
    natural_languages: tuple[str, ...] = ()
    """Scripts other than Latin, as ISO 15924 codes, the most frequent first."""

    @property
    def asks_for_accuracy(self) -> bool:
        """Whether accuracy was requested explicitly, and not only by default."""
        return self.accuracy_needed and "accuracy_needed" in self.model_fields_set

    @classmethod
    def list_names(cls) -> frozenset[str]:
        """Return the names by which fields may be given."""
        return frozenset(cls.model_fields) | {to_camel(name) for name in cls.model_fields}

    @property
    def is_code(self) -> bool:
        """Whether the answer is code or about code."""
        return self.kind.startswith("code-") or self.kind == "specialized-coding"

    @classmethod
    def from_task(cls, task_type: str, prompt: str, params: Mapping[str, Any]) -> Self:
        """Derive them from a task. `params.task_requirements` overrides what the prompt suggests.

        Raises pydantic's ValidationError if `task_requirements` has a wrong shape.
        """
        given = params.get("task_requirements")
        stated = cls.model_validate({} if given is None else given)
        words = prompt.lower()
        kind = _TASK_TYPES.get(task_type, "general")
        found: dict[str, Any] = {
            "complexity": "high" if mentions_any(words, "complex", "advanced") else "medium",
            "performance_needed": mentions_any(words, "performance", "optimize"),
            "task_type": kind,
            "language": _get_string(params, "language") or "python",
            "framework": _get_string(params, "framework"),
        }
        if kind == "general" and asks_for_news(words):
            found["web"] = True
        if scripts := detect_scripts(prompt):
            found["natural_languages"] = scripts
        found |= {name: getattr(stated, name) for name in stated.model_fields_set}
        if kinds := list_file_kinds(params):
            named = (*found.get("modalities", ("text",)), *sorted(kinds))
            found["modalities"] = tuple(dict.fromkeys(named))
        return cls(**found)

    @model_serializer(mode="wrap")
    def _omit_defaults(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        fields = type(self).model_fields
        defaults = {
            fields[name].serialization_alias or name
            for name in fields
            if getattr(self, name) == fields[name].get_default()
        } - _DOCUMENTED
        if self.kind == self.task_type:
            defaults.add("kind")
        return {name: value for name, value in written.items() if to_camel(name) not in defaults}


def _get_string(params: Mapping[str, Any], key: str) -> str | None:
    value = params.get(key)
    return value if isinstance(value, str) else None
