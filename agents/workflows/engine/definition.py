"""A workflow: an async function, the type of task that it is for, and that type's params."""

import builtins
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from agents.attachments import AttachmentList, AttachmentParam
from agents.errors import InvalidTask
from agents.tools import ToolFunction
from agents.workflows.engine.errors import WorkflowInvalid
from agents.workflows.engine.values import Again, LastStep, Result
from agents.workflows.params import MAX_CHARACTERS, Params, describe_unused
from agents.workflows.params.step_params import RESPONSE_SCHEMA
from protocol.json_values import explain_first_mistake
from protocol.records import TaskBrief
from protocol.records.memory import NewFact

if TYPE_CHECKING:
    from agents.workflows.engine.run import Run

Ending: TypeAlias = Result | LastStep | Again
"""What a workflow returns."""
WorkflowFunction: TypeAlias = "Callable[[Run], Awaitable[Ending]]"

_P = TypeVar("_P", bound=BaseModel)

ATTACHMENTS: Final = TypeAdapter[list[AttachmentParam]](AttachmentList)
_KEY: Final = re.compile(r"[A-Za-z0-9_.:-]{1,100}", re.ASCII)
PRIORITIES = range(10)
MAX_TYPE_CHARACTERS = 100
_OF_FACTS: Final = {"content", "source", "happened_at"}


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow. Calling it calls its function, for tests and for workflows made of others."""

    type: str
    function: Callable[..., Any]
    params: builtins.type[BaseModel] = Params
    """What a person may write into the task's params."""
    doc: str = field(default="", kw_only=True)

    def __call__(self, run: "Run") -> Any:
        """Return the coroutine of the function."""
        return self.function(run)

    @property
    def file(self) -> str:
        """The file in which it is written."""
        return self.function.__code__.co_filename

    @property
    def module(self) -> str:
        """The module in which it is written."""
        return self.function.__module__

    def check(self, task: TaskBrief) -> BaseModel:
        """Return the task's params. Raises InvalidTask if prompt, priority or params are wrong."""
        if not task.prompt.strip():
            raise InvalidTask(
                "prompt", "prompt is empty; say what you want done, for example: write is_prime(n)."
            )
        if len(task.prompt) > MAX_CHARACTERS:
            raise InvalidTask(
                "prompt",
                f"prompt has {len(task.prompt)} characters; no model takes more than "
                f"{MAX_CHARACTERS}.",
            )
        if task.priority not in PRIORITIES:
            raise InvalidTask(
                "priority",
                f"priority is {task.priority}; it must be from 0 (first) to 9 (last).",
                allowed=map(str, PRIORITIES),
            )
        return read_params(task.params, self.params)

    def list_notes(self, params: JsonValue) -> list[str]:
        """Return a note for each param that is not used."""
        if not isinstance(params, dict) or not issubclass(self.params, Params):
            return []
        return describe_unused(params, self.params)


def workflow(
    type_: str, *, params: type[BaseModel] = Params
) -> Callable[[WorkflowFunction], Workflow]:
    """Make an async function the workflow of a type of task, such as `NIGHTLY_REPORT`."""
    if not type_.strip() or len(type_) > MAX_TYPE_CHARACTERS or not type_.isprintable():
        raise WorkflowInvalid(f"{type_[:MAX_TYPE_CHARACTERS]!r} is no name of a type of task")

    def decorate(function: WorkflowFunction) -> Workflow:
        if not inspect.iscoroutinefunction(function):
            raise WorkflowInvalid(
                f"the workflow {type_} must be written as `async def name(run: Run)`"
            )
        return Workflow(type_, function, params, doc=inspect.getdoc(function) or "")

    return decorate


def read_params(params: JsonValue, model: type[_P]) -> _P:
    """Return params as `model`. Raises InvalidTask."""
    given = {} if params is None else params
    if not isinstance(given, dict):
        raise InvalidTask("params", 'params must be a JSON object, such as {"language": "python"}.')
    # Of the schema, models that forbid what they do not know need not know.
    if RESPONSE_SCHEMA not in model.model_fields:
        given = {name: value for name, value in given.items() if name != RESPONSE_SCHEMA}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise InvalidTask.from_validation("params", error, keys=model.model_fields) from error


def list_mapping(params: JsonValue) -> Mapping[str, JsonValue]:
    """Return params as a mapping; anything else is empty."""
    return params if isinstance(params, dict) else {}


def check_time(name: str, when: datetime) -> None:
    """Raise WorkflowInvalid for a time without a time zone."""
    if when.tzinfo is None:
        raise WorkflowInvalid(f"{name} needs a time with a time zone, such as run.now has")


def check_step_key(key: object) -> str:
    """Return a key of a step or a branch. Raises WorkflowInvalid."""
    if not isinstance(key, str) or _KEY.fullmatch(key) is None or key == "plan":
        raise WorkflowInvalid(
            f"{str(key)[:40]!r} is no key of a step: use up to 100 letters, digits and _.:- "
            "(not `plan`, which is the workflow's own)"
        )
    return key


def check_event_name(name: object) -> str:
    """Return a name of an event. Raises WorkflowInvalid."""
    if not isinstance(name, str) or _KEY.fullmatch(name) is None:
        raise WorkflowInvalid(
            f"{str(name)[:40]!r} is no name of an event: use up to 100 letters, digits and _.:-"
        )
    return name


def list_attachments(
    key: str, given: Sequence[str | Mapping[str, Any]]
) -> list[str | dict[str, Any]]:
    """Return attachments as JSON. Raises WorkflowInvalid."""
    found = [each if isinstance(each, str) else dict(each) for each in given]
    try:
        ATTACHMENTS.validate_python(found)
    except ValidationError as error:
        mistake = explain_first_mistake(error, "attachments")
        raise WorkflowInvalid(f"step {key!r}: {mistake}") from error
    return found


def name_tool(tool: ToolFunction[..., Any] | str) -> str:
    """Return the name of a tool as in `params.tools`. Raises WorkflowInvalid."""
    if isinstance(tool, ToolFunction):
        return f"{tool.module}.{tool.name}"
    given: object = tool
    if not isinstance(given, str) or not given:
        name = getattr(given, "__name__", type(given).__name__)
        raise WorkflowInvalid(
            f"tools are functions with @tool, or names such as 'mcp:SERVER/TOOL'; {name} is none"
        )
    return given


def write_fact(key: str, fact: str | NewFact) -> dict[str, JsonValue]:
    """Return a fact as JSON. Raises WorkflowInvalid."""
    given: object = fact
    if isinstance(given, str):
        return {"content": given}
    if not isinstance(given, NewFact):
        raise WorkflowInvalid(f"a fact of step {key!r} is {type(given).__name__}, no text")
    return given.model_dump(mode="json", exclude_none=True, include=_OF_FACTS)
