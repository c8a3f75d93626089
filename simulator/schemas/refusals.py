"""JSON Schemas that vendors refuse, as they document it, and as llama.cpp's server was seen to."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import JsonValue

from simulator.formats.base import StatusError
from simulator.request import CompletionRequest, Vendor

_STRICT_UNKNOWN: Final = frozenset(
    {"allOf", "contains", "dependentRequired", "dependentSchemas", "else", "if", "maxLength"}
    | {"maxProperties", "minLength", "minProperties", "not", "oneOf", "patternProperties"}
    | {"prefixItems", "propertyNames", "then", "uniqueItems"}
)
_ANTHROPIC_UNKNOWN: Final = frozenset(
    {"exclusiveMaximum", "exclusiveMinimum", "maxItems", "maxLength", "maximum", "minLength"}
    | {"minimum", "multipleOf", "uniqueItems"}
)
_STRICT_VENDORS: Final = frozenset({Vendor.OPENAI, Vendor.OPENROUTER})
_GRAMMAR_VENDORS: Final = frozenset({Vendor.LLAMACPP, Vendor.LMSTUDIO, Vendor.OLLAMA})
_MAPS: Final = ("$defs", "definitions", "patternProperties", "properties")
_LISTS: Final = ("allOf", "anyOf", "oneOf", "prefixItems")
_PARTS: Final = ("items", "not", "if", "then", "else", "contains", "additionalProperties")
_PATH: Final = re.compile(r"#(?:/[^/~%]+)+")
_MOST_REPEATS: Final = 2_000
_DEEPEST: Final = 60


def refuse_schema(request: CompletionRequest) -> None:
    """Raise `StatusError` if the vendor would refuse the schema of a request."""
    if (problem := _find_problem(request)) is not None:
        raise StatusError(400, problem)


def _find_problem(request: CompletionRequest) -> str | None:
    schema = request.schema
    if schema is None:
        return None
    if not isinstance(schema, dict):
        return "Invalid schema: it must be an object"
    nodes = list(_iterate(schema, ()))
    match request.vendor:
        case Vendor.ANTHROPIC:
            problem = _find_for_anthropic(schema, nodes)
            return problem and f"output_config.format.schema: {problem}"
        case vendor if vendor in _STRICT_VENDORS:
            problem = None
            if vendor is Vendor.OPENAI and schema.get("type") != "object":
                problem = "schema must be a JSON Schema of 'type: \"object\"'"
            if request.is_strict and problem is None:
                problem = next(filter(None, map(_find_for_strict, nodes)), None)
            return problem and f"Invalid schema for response_format 'answer': {problem}"
        case vendor if vendor in _GRAMMAR_VENDORS:
            problem = next(filter(None, map(_find_for_grammar, nodes)), None)
            return problem and f"JSON schema error: {problem}"
    return None


_Node = tuple[tuple[str, ...], Any]


def _iterate(part: Any, path: tuple[str, ...]) -> Iterator[_Node]:
    """Iterate over the schemas within a schema, with their places."""
    yield path, part
    if not isinstance(part, dict) or len(path) > _DEEPEST:
        return
    for keyword in _MAPS:
        inner = part.get(keyword)
        for name, each in inner.items() if isinstance(inner, dict) else ():
            yield from _iterate(each, (*path, keyword, name))
    for keyword in _LISTS:
        inner = part.get(keyword)
        for place, each in enumerate(inner if isinstance(inner, list) else ()):
            yield from _iterate(each, (*path, keyword, str(place)))
    for keyword in _PARTS:
        if isinstance(part.get(keyword), dict) or (keyword != _PARTS[-1] and keyword in part):
            yield from _iterate(part[keyword], (*path, keyword))


def _find_for_strict(node: _Node) -> str | None:
    path, part = node
    where = f"In context={path!r}, "
    if not isinstance(part, dict):
        return f"{where}schema must be an object"
    if unknown := sorted(_STRICT_UNKNOWN & part.keys()):
        return f"{where}'{unknown[0]}' is not permitted."
    if part.get("type") == "object" or "properties" in part:
        if part.get("additionalProperties") is not False:
            return f"{where}'additionalProperties' is required to be supplied and to be false."
        if set(part.get("required", ())) != set(part.get("properties", ())):
            return f"{where}'required' is required to be supplied and to include every key."
    return None


def _find_for_anthropic(schema: Mapping[str, Any], nodes: Sequence[_Node]) -> str | None:
    for path, part in nodes:
        if not isinstance(part, dict):
            return f"{'.'.join(path)}: a schema must be an object"
        if unknown := sorted(_ANTHROPIC_UNKNOWN & part.keys()):
            return f"properties {', '.join(unknown)} are not supported"
        if part.get("minItems", 0) not in {0, 1}:
            return "'minItems' values other than 0 or 1 are not supported"
        if any(isinstance(each, dict | list) for each in part.get("enum", ())):
            return "complex types in enums are not supported"
        if part.get("type") == "object" and part.get("additionalProperties") is not False:
            return "'additionalProperties' must be explicitly set to false for type 'object'"
        reference = part.get("$ref")
        if isinstance(reference, str) and not reference.startswith("#/"):
            return f"$ref {reference} is not supported"
        if isinstance(reference, str) and _is_within(reference, path, schema):
            return "recursive schemas are not supported"
    return None


def _is_within(reference: str, path: tuple[str, ...], schema: Mapping[str, Any]) -> bool:
    target = tuple(reference.split("/")[1:])
    return path[: len(target)] == target and isinstance(schema, dict)


def _find_for_grammar(node: _Node) -> str | None:
    _, part = node
    if not isinstance(part, dict):
        return "schema must be an object"
    reference: JsonValue = part.get("$ref")
    if reference is not None and not _PATH.fullmatch(str(reference)):
        return f"unsupported $ref {reference}"
    if part.get("enum") == []:
        return "enum must be a non-empty array"
    for name in ("minItems", "maxItems", "minLength", "maxLength"):
        if name in part and type(part[name]) is not int:
            return f"{name} must be a non-negative integer"
    if max(part.get("minItems", 0), part.get("minLength", 0)) > _MOST_REPEATS:
        return "failed to parse grammar"
    return None
