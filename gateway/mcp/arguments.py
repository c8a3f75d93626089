"""The arguments of the tools, with the JSON schemas that clients show to their models."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeVar
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from protocol.errors import InvalidArgument
from protocol.json_values import JsonObject, explain_mistake
from protocol.records import TaskFilter

WAIT_SECONDS: Final = 50
"""Below the minute after which many clients give up a call."""
MAX_WAIT_SECONDS: Final = 600
_MAX_MISTAKES: Final = 5
_NOISE: Final = frozenset({"title", "default"})
"""Keywords of schemas that cost tokens and say nothing, if the default is null."""

TaskId = Annotated[UUID, Field(description="The id that `submit_task` has returned.")]
Wait = Annotated[
    float,
    Field(
        ge=0,
        le=MAX_WAIT_SECONDS,
        description="Wait at most so long. The task goes on after that: call again.",
    ),
]


class CallArguments(BaseModel):
    """Arguments of a tool."""

    model_config = ConfigDict(extra="forbid")


def _require_zone(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time zone is missing; example: 2026-11-30T08:00:00Z")
    return value


Moment = Annotated[datetime, AfterValidator(_require_zone)]


class SubmitArguments(CallArguments):
    """A task."""

    prompt: str = Field(min_length=1, description="What to do, with all that a model must know.")
    type: str = Field(
        "GENERATE_CODE",
        max_length=255,
        description="The workflow: CHAT (one answer), GENERATE_CODE, ANALYZE_CODE, STRATEGY (a "
        "plan, criticised), DEBATE (three models, then a verdict), COORDINATE (plan, code, tests, "
        "review), AUTO (a model plans the steps), or one that this project has added.",
    )
    params: JsonObject = Field(
        default_factory=dict,
        description='Of the workflow, such as {"language": "python"} or {"sources": ["facts"]}.',
    )
    model: str | None = Field(
        None, max_length=255, description="The id of a model; absent: it is chosen for the task."
    )
    preferences: JsonObject = Field(
        default_factory=dict, description='Such as {"quality": "high"} or {"cost": "low"}.'
    )
    session_id: UUID | None = Field(
        None, description="A conversation that tasks share; any UUID begins one."
    )
    budget_usd: float | None = Field(
        None, ge=0, le=1_000_000, description="The task may not cost more than this."
    )
    priority: int = Field(5, ge=0, le=9, description="0 is first, 9 is last, among your own.")
    deadline: Moment | None = Field(None, description="The task fails if it is not done by then.")
    run_at: Moment | None = Field(None, description="The task begins not before this time.")
    project: str | None = Field(
        None, max_length=100, description="Whose caps and usage it counts towards."
    )
    tags: list[str] = Field(default_factory=list, max_length=20, description="To find it by.")
    idempotency_key: str | None = Field(
        None,
        min_length=1,
        max_length=255,
        description="The same key returns the same task, so that a retry starts no second one.",
    )


class TaskArguments(CallArguments):
    """A task that exists."""

    task_id: TaskId


class WatchArguments(TaskArguments):
    """A task to wait for."""

    timeout_seconds: Wait = WAIT_SECONDS
    until: Literal["question", "end"] = Field(
        "question", description="`question` also returns when a person has to answer something."
    )


class ResultArguments(TaskArguments):
    """A task whose answer is wanted."""

    timeout_seconds: Wait = WAIT_SECONDS
    offset: int = Field(
        0, ge=0, le=2**31, description="`next_offset` of the previous call, for a long answer."
    )


class CancelArguments(TaskArguments):
    """A task to cancel."""

    reason: str | None = Field(None, max_length=1_000)


class TaskListArguments(TaskFilter, CallArguments):
    """Filters and the size of a page of tasks."""

    limit: int = Field(20, ge=1, le=100)
    before: int | None = Field(None, ge=1, le=2**53, description="`next` of the previous page.")
    after: int | None = Field(
        None, ge=0, le=2**53, description="`newer` of a page: the tasks just newer than that one's."
    )

    @field_validator("status", "type", "model", "owner", "project", "tag", mode="before")
    @classmethod
    def _accept_one_value(cls, value: Any) -> Any:
        # Models often write one value where a list of one is asked for.
        return [value] if isinstance(value, str) else [] if value is None else value

    @property
    def wanted(self) -> TaskFilter:
        """The filters alone."""
        return TaskFilter(**self.model_dump(include=set(TaskFilter.model_fields)))


class ModelListArguments(CallArguments):
    """No arguments."""


class ApprovalListArguments(CallArguments):
    """Filters and the size of a page of questions."""

    task_id: UUID | None = Field(None, description="Only questions of this task.")
    limit: int = Field(20, ge=1, le=100)
    before: int | None = Field(None, ge=1, le=2**53, description="`next` of the previous page.")


class AnswerArguments(CallArguments):
    """The answer of a person."""

    approval_id: UUID = Field(description="The id of the question, from `list_approvals`.")
    approved: bool
    comment: str | None = Field(
        None, max_length=10_000, description="For the workflow; also the answer to a text question."
    )


class MemorySearchArguments(CallArguments):
    """A question to long-term memory."""

    query: str = Field(min_length=1, max_length=8_000, description="What to look for.")
    sources: list[str] | None = Field(
        None,
        max_length=100,
        description="Exact sources or `prefix*`; `facts` and `documents` are all of a kind.",
    )
    limit: int = Field(8, ge=1, le=50)
    words: bool = Field(False, description="By words alone, without a call of a model.")


_A = TypeVar("_A", bound=CallArguments)


def read_tool_arguments(kind: type[_A], name: str, arguments: Mapping[str, Any] | None) -> _A:
    """Return the arguments of a tool. Raise InvalidArgument, which names each mistake."""
    try:
        return kind.model_validate(arguments or {})
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_input=False)[:_MAX_MISTAKES]
        known = ", ".join(kind.model_fields) or "none"
        raise InvalidArgument(
            f"{name}: {'; '.join(map(_describe, mistakes))}",
            hint=f"correct the arguments and call it again; it takes: {known}",
        ) from error


def _describe(mistake: Mapping[str, Any]) -> str:
    place = ".".join(str(each)[:100] for each in mistake["loc"])
    if mistake["type"] == "extra_forbidden":
        return f"there is no argument {place}"
    if mistake["type"] == "missing":
        return f"{place} is missing"
    return f"{place}: {explain_mistake(mistake)}"


def build_arguments_schema(kind: type[CallArguments]) -> dict[str, Any]:
    """Return the JSON schema of arguments, short and without references."""
    schema = kind.model_json_schema()
    definitions = schema.pop("$defs", {})
    schema.pop("description", None)
    found: dict[str, Any] = _simplify(schema, definitions)
    found.setdefault("properties", {})
    return found


def _simplify(value: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_simplify(each, definitions) for each in value]
    if not isinstance(value, dict):
        return value
    if isinstance(reference := value.get("$ref"), str):
        inner = {**definitions[reference.rpartition("/")[2]]}
        inner.pop("description", None)  # a docstring, which is for programmers
        value = {**inner, **{key: each for key, each in value.items() if key != "$ref"}}
    choices = value.get("anyOf")
    if isinstance(choices, list):
        some = [each for each in choices if each != {"type": "null"}]
        if len(some) == 1:
            rest = {key: each for key, each in value.items() if key != "anyOf"}
            return _simplify({**some[0], **rest}, definitions)
    return {
        key: _simplify_properties(each, definitions)
        if key == "properties"
        else _simplify(each, definitions)
        for key, each in value.items()
        if not (key in _NOISE and (each is None or key == "title"))
    }


def _simplify_properties(value: Any, definitions: Mapping[str, Any]) -> Any:
    return {name: _simplify(each, definitions) for name, each in value.items()}
