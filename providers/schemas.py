"""JSON Schemas in the subsets that vendors accept.

Every answer is validated against the whole schema afterwards, so a reduced one may allow more.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from providers.chat import ChatRequest, JsonObject

_SILENT: Final = frozenset(
    {"$schema", "$id", "$comment", "default", "deprecated", "examples", "readOnly", "writeOnly"}
)
"""Keywords that do not restrict the answer."""
_BASE: Final = frozenset(
    {"$defs", "$ref", "additionalProperties", "anyOf", "const", "definitions", "description"}
    | {"enum", "format", "items", "properties", "required", "title", "type"}
)
_RANGES: Final = frozenset(
    {"exclusiveMaximum", "exclusiveMinimum", "maximum", "maxItems", "minimum", "minItems"}
)
_MAPS: Final = frozenset({"$defs", "definitions", "patternProperties", "properties"})
_LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_FORMATS: Final = frozenset(
    {"date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uri", "uuid"}
)
_LENGTHS: Final = ("minItems", "maxItems", "minLength", "maxLength")
_LEAST: Final = ("minItems", "minLength")
_PLAIN_PATH: Final = re.compile(r"#(?:/[^/~%]+)+")
_REPEATED: Final = re.compile(r"\{(\d+)")
_GRAMMAR_REPEATS: Final = 1_000
"""llama.cpp makes no grammar of more than 2,000 repetitions."""
_MAX_DEPTH: Final = 50
_LONGEST_HINT: Final = 300
_STRICT_DEPTH: Final = 10
_STRICT_VALUES: Final = 1_000
"""OpenAI's limits of nesting and of enumerated values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaSubset:
    """The part of JSON Schema that a vendor enforces."""

    keywords: frozenset[str]
    closes_objects: bool
    """Whether objects must not have properties that the schema does not name."""
    requires_all: bool = False
    """Whether all properties must be required."""
    recursion: bool = False


ANTHROPIC_SUBSET: Final = SchemaSubset(keywords=_BASE | {"allOf", "minItems"}, closes_objects=True)
GEMINI_SUBSET: Final = SchemaSubset(
    keywords=(_BASE | {"maximum", "maxItems", "minimum", "minItems", "oneOf", "prefixItems"})
    - {"const"},
    closes_objects=False,
)
_STRICT: Final = SchemaSubset(
    keywords=_BASE | _RANGES | {"multipleOf", "pattern"},
    closes_objects=True,
    requires_all=True,
    recursion=True,
)


@dataclass(frozen=True, slots=True)
class ReducedSchema:
    """A schema that a vendor accepts."""

    schema: JsonObject
    dropped: tuple[str, ...]
    """Keywords that the vendor does not know; descriptions mention them instead."""


class _Inexpressible(Exception):
    """The vendor has no form of this schema that allows the same answers."""


def reduce_schema(schema: JsonObject, subset: SchemaSubset) -> ReducedSchema | None:
    """Return the schema in a vendor's subset, or None if it cannot be expressed there."""
    if not subset.recursion and _is_recursive(schema):
        return None
    dropped: set[str] = set()
    try:
        reduced = _reduce(schema, subset, dropped, 0)
    except _Inexpressible:
        return None
    return ReducedSchema(reduced, tuple(sorted(dropped)))


def make_strict(schema: JsonObject) -> JsonObject | None:
    """Return the schema as OpenAI's strict mode takes it, or None if it lies outside its subset."""
    if schema.get("type") != "object":
        return None
    reduced = reduce_schema(schema, _STRICT)
    if reduced is None or reduced.dropped:
        return None
    nodes = list(_walk(reduced.schema))
    values = sum(len(node["enum"]) for _, node in nodes if isinstance(node.get("enum"), list))
    if max(depth for depth, _ in nodes) > 2 * _STRICT_DEPTH or values > _STRICT_VALUES:
        return None
    return reduced.schema


def fits_grammar(schema: JsonObject) -> bool:
    """Return whether servers such as llama.cpp make a grammar of it.

    They refuse a schema that is `true` or `false`, references by anything but a plain path, loops
    of references, an empty enumeration, limits that are no whole numbers, and long repetitions.
    """
    return all(_fits_grammar(node, schema) for _, node in _walk(schema))


def _fits_grammar(node: Mapping[str, Any], root: JsonObject) -> bool:
    parts = [node.get("items"), *_list_parts(node)]
    pattern = node.get("pattern")
    is_repeated = isinstance(pattern, str) and any(
        int(count) > _GRAMMAR_REPEATS for count in _REPEATED.findall(pattern)
    )
    limits = {name: each for name, each in node.items() if not isinstance(each, Mapping)}
    lengths = [limits[name] for name in _LENGTHS if name in limits]
    bounds = [limits[name] for name in ("minimum", "maximum") if name in limits]
    return (
        not any(isinstance(part, bool) for part in parts)
        and _can_follow(node, root)
        and node.get("enum") != []
        and not is_repeated
        and not (isinstance(pattern, str) and '"' in pattern)
        and all(type(each) is int for each in lengths)
        and all(limits[name] <= _GRAMMAR_REPEATS for name in _LEAST if name in limits)
        and all(isinstance(each, int | float) and abs(each) < 1 << 63 for each in bounds)
    )


def _can_follow(node: Mapping[str, Any], root: JsonObject) -> bool:
    """Return whether a reference is a plain path that ends at a schema."""
    found: Any = node
    for _ in range(_MAX_DEPTH):
        if not isinstance(found, Mapping):
            return False
        reference = found.get("$ref")
        if reference is None:
            return True
        if not isinstance(reference, str) or not _PLAIN_PATH.fullmatch(reference):
            return False
        found = root
        for name in reference.split("/")[1:]:
            if isinstance(found, list) and name.isdecimal():
                found = found[int(name)] if int(name) < len(found) else None
            else:
                found = found.get(name) if isinstance(found, Mapping) else None
    return False


def _list_parts(node: Mapping[str, Any]) -> list[Any]:
    """Return the schemas within an object of a schema that stand in maps and lists."""
    maps = [node.get(name) for name in _MAPS]
    lists = [node.get(name) for name in _LISTS]
    found = [part for each in maps if isinstance(each, Mapping) for part in each.values()]
    return found + [part for each in lists if isinstance(each, list) for part in each]


def build_schema_rule(schema: JsonObject) -> str:
    """Return the instruction to follow a schema that the vendor does not enforce."""
    what = "one JSON object" if schema.get("type") == "object" else "JSON alone"
    text = json.dumps(dict(schema), ensure_ascii=False)
    return f"Answer with {what}, without any other text, that follows this JSON Schema: {text}"


def move_schema_to_prompt(request: ChatRequest) -> ChatRequest:
    """Return the request with its schema as an instruction."""
    if request.response_schema is None:
        return request
    rule = build_schema_rule(request.response_schema)
    system = f"{request.system}\n\n{rule}" if request.system else rule
    return replace(request, system=system, response_schema=None)


def complete_parameters(parameters: JsonObject) -> JsonObject:
    """Return the schema of a tool's arguments with the fields that OpenAI requires."""
    if parameters.get("type", "object") != "object":
        return parameters
    return {"type": "object", "properties": {}, **parameters}


def _reduce(schema: Any, subset: SchemaSubset, dropped: set[str], depth: int) -> dict[str, Any]:
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        raise _Inexpressible
    hints: dict[str, Any] = {}
    found: dict[str, Any] = {}

    def descend(each: Any) -> dict[str, Any]:
        return _reduce(each, subset, dropped, depth + 1)

    for keyword, value in schema.items():
        known = "anyOf" if keyword == "oneOf" and "oneOf" not in subset.keywords else keyword
        if keyword in _SILENT:
            continue
        if known == "const" and known not in subset.keywords and isinstance(value, str):
            found["enum"] = [value]
        elif known not in subset.keywords or not _is_known_value(known, value, subset):
            hints[keyword] = value
        elif known == "additionalProperties":
            found[known] = value if isinstance(value, bool) else descend(value)
        else:
            found[known] = _reduce_value(known, value, descend)
    if hints:
        dropped.update(hints)
        found["description"] = _describe_hints(found.get("description"), hints)
    if found.get("type") == "object" or "properties" in found:
        _close(found, subset)
    return found


def _reduce_value(keyword: str, value: Any, descend: Callable[[Any], dict[str, Any]]) -> Any:
    if keyword in _MAPS:
        if not isinstance(value, Mapping):
            raise _Inexpressible
        return {name: descend(each) for name, each in value.items()}
    if keyword in _LISTS:
        if not isinstance(value, list):
            raise _Inexpressible
        return [descend(each) for each in value]
    if keyword == "items":
        return descend(value)
    if keyword == "$ref" and not str(value).startswith("#"):
        raise _Inexpressible
    return value


def _is_known_value(keyword: str, value: Any, subset: SchemaSubset) -> bool:
    if keyword == "format":
        return isinstance(value, str) and value in _FORMATS
    if keyword == "enum" and subset is ANTHROPIC_SUBSET:
        return isinstance(value, list) and not any(isinstance(each, dict | list) for each in value)
    if keyword == "minItems" and subset is ANTHROPIC_SUBSET:
        return isinstance(value, int) and value in {0, 1}
    return True


def _close(node: dict[str, Any], subset: SchemaSubset) -> None:
    """Forbid other properties where the vendor requires that.

    Raises:
        _Inexpressible: the schema explicitly allows them, or names no property at all.
    """
    if not subset.closes_objects:
        return
    properties = node.get("properties")
    if node.get("additionalProperties", False) is not False or not properties:
        raise _Inexpressible
    required = node.get("required")
    names = set(map(str, required)) if isinstance(required, list) else set()
    if subset.requires_all and names != set(properties):
        raise _Inexpressible
    node["additionalProperties"] = False


def _describe_hints(description: Any, hints: Mapping[str, Any]) -> str:
    """Return a description with the keywords that were left out, so that the model knows them."""
    rules = json.dumps(dict(hints), ensure_ascii=False, default=str)
    known = [description] if isinstance(description, str) else []
    return " ".join([*known, rules] if len(rules) <= _LONGEST_HINT else known)


def _walk(schema: Any, depth: int = 0) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield every object of a schema with its depth."""
    if depth > 2 * _MAX_DEPTH:
        return
    if isinstance(schema, Mapping):
        yield depth, schema
    children = schema.values() if isinstance(schema, Mapping) else schema
    for each in children if isinstance(schema, Mapping | list) else ():
        yield from _walk(each, depth + 1)


def _is_recursive(schema: JsonObject) -> bool:
    """Return whether a definition refers to itself, directly or through others."""
    edges: dict[str, set[str]] = {"#": _find_references(schema, skips_definitions=True)}
    for group in ("$defs", "definitions"):
        definitions = schema.get(group)
        for name, each in (definitions if isinstance(definitions, Mapping) else {}).items():
            edges[f"#/{group}/{name}"] = _find_references(each)
    for start, targets in edges.items():
        seen, waiting = set[str](), [*targets]
        while waiting:
            place = waiting.pop()
            if place == start:
                return True
            if place not in seen:
                seen.add(place)
                waiting += edges.get(place, ())
    return False


def _find_references(schema: Any, *, skips_definitions: bool = False) -> set[str]:
    if skips_definitions:
        schema = {
            name: each for name, each in schema.items() if name not in {"$defs", "definitions"}
        }
    return {str(node["$ref"]) for _, node in _walk(schema) if "$ref" in node}
