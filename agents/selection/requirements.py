"""What a task needs of a model, read from its type, prompt and params."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)
from pydantic.alias_generators import to_camel

from agents.selection.prompt_features import asks_for_news, detect_scripts, mentions_any

Complexity = Literal["low", "medium", "high"]
Modality = Literal["text", "image", "audio", "video"]

MOST = 10**9
"""Of tokens and calls: more is nobody's need, and no float multiplies it beyond its end."""
MANY_TOOL_CALLS = 5
"""From so many calls that build on each other, one weak answer spoils too many later ones."""

_TASK_TYPES = {
    "GENERATE_CODE": "code-generation",
    "ANALYZE_CODE": "code-analysis",
    "OPTIMIZE_CODE": "code-optimization",
    "CHAT": "general",
}
_DOCUMENTED = frozenset(
    ("complexity", "language", "framework", "taskType", "performanceNeeded", "accuracyNeeded")
)


def _names(name: str) -> AliasChoices:
    return AliasChoices(to_camel(name), name)


class Requirements(BaseModel):
    """What matters for the choice; the names on the wire are those of MODEL_SELECTION_REQUEST.

    The first six are the documented ones and always written; the others only where they say
    something.
    """

    model_config = ConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, serialize_by_alias=True
    )

    complexity: Complexity = "medium"
    language: str = "python"
    framework: str | None = None
    task_type: str = Field(
        default="code-generation",
        validation_alias=_names("task_type"),
        serialization_alias="taskType",
    )
    performance_needed: bool = Field(
        default=False,
        validation_alias=_names("performance_needed"),
        serialization_alias="performanceNeeded",
    )
    accuracy_needed: bool = Field(
        default=True,
        validation_alias=_names("accuracy_needed"),
        serialization_alias="accuracyNeeded",
    )
    input_tokens: int | None = Field(
        default=None,
        ge=0,
        le=MOST,
        validation_alias=_names("input_tokens"),
        serialization_alias="inputTokens",
    )
    """None: estimated from the prompt."""
    output_tokens: int | None = Field(
        default=None,
        ge=0,
        le=MOST,
        validation_alias=_names("output_tokens"),
        serialization_alias="outputTokens",
    )
    """None: what tasks of this type usually take."""
    tool_calls: int = Field(
        default=0,
        ge=0,
        le=MOST,
        validation_alias=_names("tool_calls"),
        serialization_alias="toolCalls",
    )
    """How many calls of tools build on each other."""
    structured_output: bool = Field(
        default=False,
        validation_alias=_names("structured_output"),
        serialization_alias="structuredOutput",
    )
    modalities: tuple[Modality, ...] = ("text",)
    web: bool = False
    """Needs knowledge of current events."""
    natural_languages: tuple[str, ...] = Field(
        default=(),
        validation_alias=_names("natural_languages"),
        serialization_alias="naturalLanguages",
    )
    """Writing systems other than the Latin one, as ISO 15924 codes; the first is the commonest."""

    @property
    def asks_for_accuracy(self) -> bool:
        """Whether somebody said so; by default accuracy is needed, which says little."""
        return self.accuracy_needed and "accuracy_needed" in self.model_fields_set

    @classmethod
    def known_names(cls) -> frozenset[str]:
        """Return the names under which a field may be stated."""
        return frozenset(cls.model_fields) | {to_camel(name) for name in cls.model_fields}

    @property
    def is_code(self) -> bool:
        """Whether the answer is code, or is about code."""
        return self.task_type.startswith("code-") or self.task_type == "specialized-coding"

    @classmethod
    def of(cls, task_type: str, prompt: str, params: Mapping[str, Any]) -> Self:
        """Read a task. What `params.task_requirements` states wins over what the prompt suggests.

        Raises pydantic's ValidationError when what is stated has a wrong shape.
        """
        given = params.get("task_requirements")
        stated = cls.model_validate({} if given is None else given)
        words = prompt.lower()
        kind = _TASK_TYPES.get(task_type, "general")
        found: dict[str, Any] = {
            "complexity": "high" if mentions_any(words, "complex", "advanced") else "medium",
            "performance_needed": mentions_any(words, "performance", "optimize"),
            "task_type": kind,
            "language": _word(params, "language") or "python",
            "framework": _word(params, "framework"),
        }
        if kind == "general" and asks_for_news(words):
            found["web"] = True
        if scripts := detect_scripts(prompt):
            found["natural_languages"] = scripts
        return cls(**found | {name: getattr(stated, name) for name in stated.model_fields_set})

    @model_serializer(mode="wrap")
    def _only_what_says_something(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        fields = type(self).model_fields
        plain = {
            fields[name].serialization_alias or name
            for name in fields
            if getattr(self, name) == fields[name].get_default()
        } - _DOCUMENTED
        return {name: value for name, value in written.items() if to_camel(name) not in plain}


def _word(params: Mapping[str, Any], key: str) -> str | None:
    value = params.get(key)
    return value if isinstance(value, str) else None
