"""Text mode: tools that the instructions describe, since the server takes none."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from pydantic import JsonValue

from simulator.request import CompletionRequest, RequestedTool

_DECODER: Final = json.JSONDecoder()
_TAUGHT: Final = "<tool_use>"
"""What instructions with tools contain: the format in which a call is to be written."""
_SCHEMAS: Final = ("parameters", "input_schema")


def find_taught_tools(request: CompletionRequest) -> tuple[RequestedTool, ...]:
    """Return the tools that the instructions describe as JSON, with the format of a call."""
    context = request.conversation.context
    if _TAUGHT not in context:
        return ()
    tools: dict[str, RequestedTool] = {}
    for value in _iter_values(context):
        for tool in _iter_tools(value):
            tools.setdefault(tool.name, tool)
    return tuple(tools.values())


def take_schema_as_tools(request: CompletionRequest) -> CompletionRequest | None:
    """Return the request as one that must call a tool, if its schema is one of calls.

    Such a schema has a branch for each tool, or is one, with the name of the tool as a constant.
    """
    if not isinstance(request.schema, dict):
        return None
    branches = request.schema.get("anyOf", [request.schema])
    tools = [_read_branch(each) for each in branches] if isinstance(branches, list) else []
    found = tuple(each for each in tools if each is not None)
    if not found or len(found) != len(tools):
        return None
    return replace(request, tools=found, tool_choice="required", schema=None)


def _read_branch(branch: JsonValue) -> RequestedTool | None:
    properties = branch.get("properties") if isinstance(branch, dict) else None
    name = properties.get("tool_name") if isinstance(properties, dict) else None
    if not isinstance(properties, dict) or not isinstance(name, dict):
        return None
    constant = name.get("const")
    if constant is None and isinstance(listed := name.get("enum"), list) and len(listed) == 1:
        constant = listed[0]
    schema = properties.get("arguments")
    return RequestedTool(constant, schema) if isinstance(constant, str) else None


def _iter_values(text: str) -> Iterator[JsonValue]:
    """Yield each JSON object and array in a text, the outermost ones."""
    at = 0
    while True:
        starts = [place for mark in "{[" if (place := text.find(mark, at)) >= 0]
        if not starts:
            return
        try:
            value, at = _DECODER.raw_decode(text, min(starts))
        except (ValueError, RecursionError):
            at = min(starts) + 1
            continue
        yield value


def _iter_tools(value: JsonValue) -> Iterator[RequestedTool]:
    if isinstance(value, list):
        for each in value:
            yield from _iter_tools(each)
    elif isinstance(value, dict):
        function = value.get("function")
        described = function if isinstance(function, dict) else value
        name = described.get("name")
        schema = next((described[key] for key in _SCHEMAS if key in described), None)
        if isinstance(name, str) and isinstance(schema, dict):
            yield RequestedTool(name, schema)
