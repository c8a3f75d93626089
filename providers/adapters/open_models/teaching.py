"""Tools in the instructions, for models whose servers take none."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from providers.adapters.open_models.history import write_all_calls
from providers.chat import ChatRequest, JsonObject, NamedTool, Tool
from providers.schemas import complete_parameters, move_schema_to_prompt

_FORMAT: Final = """\
To use a tool, write a block in exactly this format:

<tool_use>
tool_name: NAME
arguments: JSON
</tool_use>

- NAME is the name of one of the tools below.
- JSON is one JSON object that follows the parameters of that tool.
- Write {many}, and nothing after it: the result comes in the next message.
- Never write a result yourself. If you need no tool, answer without a block."""
_MANY: Final = "one block for each call"
_ONE: Final = "one block at most"
_JSON_FORMAT: Final = """\
Call one of the tools below now. Answer with one JSON object and nothing else:

{"tool_name": NAME, "arguments": JSON}

NAME is the name of the tool, JSON an object that follows its parameters."""
_MUST: Final = "Use {} before you answer."
_STOPS: Final = ("<tool_result", "<tool_response")
"""What a model writes that invents the result of its call."""
_MOST_STOPS: Final = 4
"""More are refused by some servers."""
_DEFINITION: Final = re.compile(r"^#/(?:\$defs|definitions)/")
_VALUES: Final = {"integer": 1, "number": 1.5, "boolean": True, "object": {}, "null": None}
_EXAMPLE_DEPTH: Final = 3
_MAX_DEPTH: Final = 100


def teach(request: ChatRequest, *, takes_schemas: bool = True) -> ChatRequest:
    """Return the request with its tools, calls and results as text.

    Where a tool must be called and the server takes schemas, the answer must be the call as JSON.
    """
    choice = request.tool_choice
    tools = [each for each in request.tools if choice in ("auto", "required", NamedTool(each.name))]
    is_forced = bool(tools) and choice != "auto"
    is_single = is_forced or request.parallel_tool_calls is False
    taught = replace(
        request,
        messages=write_all_calls(request.messages),
        tools=(),
        tool_choice="auto",
        parallel_tool_calls=None,
    )
    if not tools:
        return taught
    if is_forced and takes_schemas and request.response_schema is None:
        return replace(
            taught,
            system=_join(request.system, _JSON_FORMAT, _describe(tools)),
            response_schema=build_call_schema(tools),
        )
    parts = [_FORMAT.format(many=_ONE if is_single else _MANY), _describe(tools), _show(tools[0])]
    if is_forced:
        parts.append(_MUST.format(f"the tool {tools[0].name}" if len(tools) == 1 else "a tool"))
    # A schema would forbid the calls, so it can only be an instruction.
    taught = move_schema_to_prompt(taught)
    return replace(
        taught,
        system=_join(taught.system, *parts),
        stop=(*request.stop, *_STOPS[: max(_MOST_STOPS - len(request.stop), 0)]),
    )


def build_call_schema(tools: Sequence[Tool]) -> JsonObject:
    """Return the schema of one call of one of the tools, as JSON."""
    shared: dict[str, Any] = {}
    places = [f"#/anyOf/{number}" for number in range(len(tools))] if len(tools) > 1 else ["#"]
    calls = [
        {
            "type": "object",
            "properties": {
                "tool_name": {"const": tool.name},
                "arguments": _embed(
                    complete_parameters(tool.parameters),
                    _Move(definitions=f"#/$defs/{number}_", place=f"{place}/properties/arguments"),
                    shared,
                ),
            },
            "required": ["tool_name", "arguments"],
            "additionalProperties": False,
        }
        for number, (tool, place) in enumerate(zip(tools, places, strict=True))
    ]
    schema = calls[0] if len(calls) == 1 else {"anyOf": calls}
    return {**schema, "$defs": shared} if shared else schema


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    """Where the parts of a schema are after it became a part of another one, as references."""

    definitions: str
    place: str


def _embed(parameters: JsonObject, move: _Move, shared: dict[str, Any]) -> dict[str, Any]:
    """Return a tool's schema as a part of another one, in which its definitions are shared."""
    schema = dict(parameters)
    for group in ("$defs", "definitions"):
        definitions = schema.pop(group, None)
        for name, each in definitions.items() if isinstance(definitions, Mapping) else ():
            shared[f"{move.definitions.removeprefix('#/$defs/')}{name}"] = _refer(each, move, 0)
    moved: dict[str, Any] = _refer(schema, move, 0)
    return moved


def _refer(node: Any, move: _Move, depth: int) -> Any:
    """Return a part of a schema whose references are to the new places."""
    if depth > _MAX_DEPTH:
        return {}
    if isinstance(node, list):
        return [_refer(each, move, depth + 1) for each in node]
    if not isinstance(node, Mapping):
        return node
    moved = {key: _refer(each, move, depth + 1) for key, each in node.items()}
    reference = moved.get("$ref")
    if isinstance(reference, str) and (reference == "#" or reference.startswith("#/")):
        name = _DEFINITION.match(reference)
        moved["$ref"] = (
            move.place + reference[1:]
            if name is None
            else move.definitions + reference[name.end() :]
        )
    return moved


def _describe(tools: Iterable[Tool]) -> str:
    lines = [
        json.dumps(
            {
                "name": tool.name,
                "description": tool.description,
                "parameters": complete_parameters(tool.parameters),
            },
            ensure_ascii=False,
        )
        for tool in tools
    ]
    return "The tools:\n" + "\n".join(lines)


def _show(tool: Tool) -> str:
    """Return an example of a call."""
    properties, required = tool.parameters.get("properties"), tool.parameters.get("required")
    arguments = {
        name: _invent(each, 0)
        for name, each in (properties.items() if isinstance(properties, Mapping) else ())
        if not isinstance(required, list) or name in required
    }
    written = json.dumps(arguments, ensure_ascii=False)
    return (
        "An example of the format:\n\n"
        f"<tool_use>\ntool_name: {tool.name}\narguments: {written}\n</tool_use>"
    )


def _invent(schema: Any, depth: int) -> Any:
    """Return a value of the type that a schema asks for."""
    if not isinstance(schema, Mapping) or depth > _EXAMPLE_DEPTH:
        return "..."
    for key in ("examples", "enum"):
        if isinstance(values := schema.get(key), list) and values:
            return values[0]
    for key in ("const", "default"):
        if schema.get(key) is not None:
            return schema[key]
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    if kind == "array":
        return [_invent(schema.get("items"), depth + 1)]
    return _VALUES.get(kind if isinstance(kind, str) else "", "...")


def _join(*parts: str | None) -> str:
    return "\n\n".join(each for each in parts if each)
