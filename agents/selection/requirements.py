"""A task's requirements on a model, derived from its type, prompt and params."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, Self

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
from agents.selection.kinds.classifier import CODE_KINDS, Classification, classify
from agents.selection.kinds.languages import list_languages
from agents.selection.kinds.sample import take_sample
from agents.selection.kinds.scripts import detect_scripts
from protocol.tool_names import WEB_SEARCH

Complexity = Literal["low", "medium", "high"]
Modality = Literal["text", "image", "pdf", "audio", "video"]

MAX_STATED = 10**9
"""Maximum tokens and calls that may be stated, so that products remain finite floats."""
MAX_NAME_CHARACTERS = 200
"""Maximum characters of a name: of a kind of work, a language and the like."""
MAX_LISTED = 50
MANY_TOOL_CALLS = 5
"""Number of dependent calls from which one weak answer affects too many later ones."""
MANY_TOOLS = 10
"""Number of offered tools from which their choice is work of its own."""

Name = Annotated[str, Field(max_length=MAX_NAME_CHARACTERS)]

_TASK_TYPES = {
    "GENERATE_CODE": "code-generation",
    "ANALYZE_CODE": "code-analysis",
    "OPTIMIZE_CODE": "code-optimization",
    "CHAT": "general",
}
TYPES_OF_WORK = ("specialized-coding", *_TASK_TYPES.values())
"""The types that are derived; `params.task_requirements` may state others."""
_OPEN_KINDS = frozenset({"general", "chat", "tools"})
"""Kinds that what comes with a text decides."""
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
    language: Name = "python"
    framework: Name | None = None
    task_type: Name = "code-generation"
    kind: Name = Field(default_factory=_derive_kind)
    """What the work is, by which outcomes are grouped; by default as the task type says."""
    kind_confidence: float | None = Field(default=None, ge=0, le=1)
    """Probability of the kind that was read from the text; None: it was stated."""
    performance_needed: bool = False
    accuracy_needed: bool = True
    input_tokens: int | None = Field(default=None, ge=0, le=MAX_STATED)
    """None: estimated from the prompt."""
    output_tokens: int | None = Field(default=None, ge=0, le=MAX_STATED)
    """None: the usual number for tasks of this type."""
    tool_calls: int = Field(default=0, ge=0, le=MAX_STATED)
    """How many tool calls depend on each other."""
    offered_tools: int = Field(default=0, ge=0, le=MAX_STATED)
    """How many tools the model may choose from."""
    forced_tools: bool = False
    """Whether the model must call a tool."""
    structured_output: bool = False
    modalities: tuple[Modality, ...] = Field(default=("text",), max_length=MAX_LISTED)
    web: bool = False
    """Whether knowledge of current events is needed."""
    web_search: bool = False
    """Whether the vendor must be able to search the web when asked to."""
    natural_languages: tuple[Name, ...] = Field(default=(), max_length=MAX_LISTED)
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
        return _is_about_code(self.kind)

    @classmethod
    def from_task(cls, task_type: str, prompt: str, params: Mapping[str, Any]) -> Self:
        """Derive them from a task. `params.task_requirements` overrides what the prompt suggests.

        Raises pydantic's ValidationError if `task_requirements` has a wrong shape.
        """
        given = params.get("task_requirements")
        stated = cls.model_validate({} if given is None else given)
        text = find_request(prompt, params)
        read = classify(text)
        found: dict[str, Any] = {
            "task_type": _TASK_TYPES.get(task_type, "general"),
            "language": _get_string(params, "language"),
            "framework": _get_string(params, "framework"),
        }
        files = list_file_kinds(params)
        if "task_type" in stated.model_fields_set:
            found["task_type"] = stated.task_type
        if "kind" in stated.model_fields_set:
            found["kind"] = stated.kind
        elif "task_type" in stated.model_fields_set or found["task_type"] != "general":
            found["kind"] = found["task_type"]
        else:
            found |= _read_kind(read, params)
        is_code = _is_about_code(found["kind"])
        found |= _read_code(read) if is_code else _read_other(found["kind"])
        found["language"] = found["language"] or _pick_language(text, is_code=is_code)
        if scripts := detect_scripts(text):
            found["natural_languages"] = scripts
        found |= {name: getattr(stated, name) for name in stated.model_fields_set}
        if files:
            named = (*found.get("modalities", ("text",)), *sorted(files))
            found["modalities"] = tuple(dict.fromkeys(named))
        return cls(**found)

    @model_serializer(mode="wrap")
    def _omit_defaults(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        omitted = {
            written_as
            for name, alias, default in self._list_defaults()
            if getattr(self, name) == default and alias not in _DOCUMENTED
            for written_as in (name, alias)
        }
        if self.kind == self.task_type:
            omitted.add("kind")
        return {name: value for name, value in written.items() if name not in omitted}

    @classmethod
    @cache
    def _list_defaults(cls) -> tuple[tuple[str, str, Any], ...]:
        """Return name, alias and default of each field; records are written for every choice."""
        return tuple(
            (name, field.serialization_alias or name, field.get_default())
            for name, field in cls.model_fields.items()
        )


def _is_about_code(kind: str) -> bool:
    return kind in CODE_KINDS or kind == "specialized-coding"


def find_request(prompt: str, params: Mapping[str, Any]) -> str:
    """Return the text that says what is wanted: in a conversation the user's last one."""
    turn = _find_last_turn(params)
    content = turn.get("content")
    return content if isinstance(content, str) and content.strip() else prompt


def _find_last_turn(params: Mapping[str, Any]) -> Mapping[str, Any]:
    stated = params.get("messages")
    turns: list[Any] = stated if isinstance(stated, list) else []
    for turn in reversed(turns):
        if isinstance(turn, Mapping) and turn.get("role") == "user":
            return turn
    return {}


def _read_kind(read: Classification, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the kind, and what it needs, by the text and by what comes with it."""
    files = list_file_kinds({**params, "messages": [_find_last_turn(params)]})
    kind, confidence = read.kind, read.confidence
    is_open = kind in _OPEN_KINDS
    if "image" in files and kind not in CODE_KINDS:
        kind, confidence = "vision", 1.0
    elif files and (is_open or kind == "vision"):
        kind, confidence = "summary", 1.0
    elif is_open and _offers_tools(params):
        kind, confidence = "tools", 1.0
    return {"kind": kind, "kind_confidence": confidence, "web": kind == "web"}


def _offers_tools(params: Mapping[str, Any]) -> bool:
    tools = params.get("tools")
    listed = tools if isinstance(tools, list) else ()
    return bool(params.get("client_tools")) or any(each != WEB_SEARCH for each in listed)


def _read_code(read: Classification) -> dict[str, Any]:
    return {"complexity": read.difficulty, "performance_needed": read.is_fast}


def _read_other(kind: str) -> dict[str, Any]:
    return {"complexity": "low" if kind == "chat" else "medium"}


def _pick_language(text: str, *, is_code: bool) -> str:
    languages = list_languages(take_sample(text)) if is_code else ()
    return languages[0] if languages else "python"


def _get_string(params: Mapping[str, Any], key: str) -> str | None:
    value = params.get(key)
    return value[:MAX_NAME_CHARACTERS] if isinstance(value, str) else None
