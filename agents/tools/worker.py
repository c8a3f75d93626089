"""The requests that the process of users' tools answers."""

import asyncio
import inspect
import json
import traceback
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json, to_jsonable_python

from agents.tools.definition import ArgumentsInvalid, ToolFunction
from agents.tools.loading import ToolDescription, ToolsRefused, load_tools
from protocol.errors import OutOfRange
from protocol.json_values import make_storable

MAX_RESULT_BYTES: Final = 1024 * 1024
MAX_MESSAGE_CHARACTERS: Final = 2_000

TOOL_FAILED: Final = "tool_failed"
INVALID_ARGUMENTS: Final = "invalid_arguments"
UNKNOWN_TOOL: Final = "unknown_tool"


class ToolsLoaded(BaseModel):
    """The tools of a module, or why it cannot be used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tools: list[ToolDescription] = []
    problem: str | None = None


class ToolWorker:
    """Loads modules and runs their functions, one at a time."""

    def __init__(self) -> None:
        self._tools: dict[tuple[str, str], ToolFunction[..., Any]] = {}
        self._runner: asyncio.Runner | None = None

    def answer(self, line: bytes) -> bytes:
        """Return the answer to a line of JSON, as JSON without a line break."""
        request = json.loads(line)
        if "load" in request:
            return to_json(self.load(request["load"]))
        return to_json(self.call(request["module"], request["call"], request["arguments"]))

    def load(self, module: str) -> ToolsLoaded:
        """Import a module and keep its tools."""
        try:
            tools = load_tools(module)
        except ToolsRefused as error:
            return ToolsLoaded(problem=str(error))
        self._tools.update({(each.module, each.name): each for each in tools})
        return ToolsLoaded(tools=[ToolDescription.describe(each) for each in tools])

    def call(self, module: str, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Run a tool; return `{"value"}`, or `{"error": {"class", "message"}}`."""
        tool = self._tools.get((module, name))
        if tool is None:
            return _build_error(UNKNOWN_TOOL, f"{module} has no tool {name}")
        try:
            given = tool.read_arguments(arguments)
        except ArgumentsInvalid as error:
            return _build_error(INVALID_ARGUMENTS, str(error))
        try:
            value = self._run(tool, given)
        except BaseException as error:  # noqa: BLE001 - whatever a user's function raises
            traceback.print_exception(error)
            text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            return _build_error(TOOL_FAILED, text)
        return _build_value(tool, value)

    def _run(self, tool: ToolFunction[..., Any], arguments: dict[str, Any]) -> Any:
        value = tool.function(**arguments)
        if not inspect.iscoroutine(value):
            return value
        # One loop for all calls, so that clients that a module keeps can be used again.
        self._runner = self._runner or asyncio.Runner()
        return self._runner.run(value)


def _build_value(tool: ToolFunction[..., Any], value: Any) -> dict[str, Any]:
    """Return the answer with a result, or the error that it cannot be stored."""
    try:
        stored = make_storable(to_jsonable_python(value))
        size = len(to_json(stored))
    except (ValueError, RecursionError, OutOfRange) as error:
        problem = f"{tool.name} has run, but its result is no JSON: {error}"
        return _build_error(TOOL_FAILED, problem)
    if size > MAX_RESULT_BYTES:
        problem = f"{tool.name} has run, but its result has {size} bytes of JSON, more than "
        return _build_error(TOOL_FAILED, f"{problem}{MAX_RESULT_BYTES}")
    return {"value": stored}


def _build_error(error_class: str, message: str) -> dict[str, Any]:
    return {"error": {"class": error_class, "message": message[:MAX_MESSAGE_CHARACTERS]}}
