"""What our own tools have in common."""

from collections.abc import Mapping
from typing import Any, Final, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from agents.tools.host import ToolFailed
from agents.tools.toolbox import OWN, OfferedTool, ToolContext, ToolOutput
from agents.tools.worker import INVALID_ARGUMENTS
from protocol.json_values import explain_first_mistake

A = TypeVar("A", bound="ToolArguments")
MAX_SHOWN: Final = 200
"""Characters of a value that a message repeats."""


class ToolArguments(BaseModel):
    """What a model gives to a tool."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OwnTool(Protocol):
    """A tool that COGO brings."""

    @property
    def offer(self) -> OfferedTool:
        """How models get to know it."""

    async def run(self, arguments: Mapping[str, Any], context: ToolContext) -> ToolOutput:
        """Run it. Raises ToolFailed."""


def describe_own_tool(
    name: str,
    arguments: type[ToolArguments],
    description: str,
    *,
    seconds: float,
    is_idempotent: bool = True,
) -> OfferedTool:
    """Return how models get to know a tool."""
    return OfferedTool(
        name=OWN + name,
        call_name=name,
        description=description,
        parameters=_simplify(arguments.model_json_schema()),
        source="cogo",
        is_idempotent=is_idempotent,
        seconds=seconds,
    )


def parse_tool_arguments(model: type[A], arguments: Mapping[str, Any]) -> A:
    """Return arguments as a model of pydantic. Raises ToolFailed."""
    try:
        return model.model_validate(dict(arguments))
    except ValidationError as error:
        raise ToolFailed(INVALID_ARGUMENTS, explain_first_mistake(error)) from error


def build_error_output(message: str) -> ToolOutput:
    """Return the output of a tool that could not do what it was asked for."""
    return ToolOutput(content=message, is_error=True)


def _simplify(schema: Any) -> Any:
    """Return a schema without the titles that pydantic adds."""
    if isinstance(schema, list):
        return [_simplify(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: value for name, value in schema.items() if name not in {"title", "description"}}
    if isinstance(text := schema.get("description"), str) and schema.get("type") != "object":
        kept["description"] = text
    if isinstance(properties := kept.get("properties"), dict):
        kept["properties"] = {name: _simplify(each) for name, each in properties.items()}
    return {
        name: value if name == "properties" else _simplify(value) for name, value in kept.items()
    }
