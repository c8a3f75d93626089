"""Values that fit a JSON Schema, for simulated tool calls and structured answers."""

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

_DEEPEST: Final = 6
_BY_TYPE: Final[Mapping[str, JsonValue]] = {
    "boolean": True,
    "integer": 1,
    "null": None,
    "number": 1.5,
    "string": "simulated",
}


def build_sample(schema: JsonValue, *, depth: int = 0) -> JsonValue:
    """Return a value that fits: the first of an enum, the default, all required properties.

    Only common keywords are supported; `$ref` and `pattern` are not.
    """
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return {}
    for key in ("const", "default"):
        if key in schema:
            return schema[key]
    for key in ("enum", "examples"):
        options = schema.get(key)
        if isinstance(options, list) and options:
            return options[0]
    for key in ("anyOf", "oneOf", "allOf"):
        options = schema.get(key)
        if isinstance(options, list) and options:
            return build_sample(options[0], depth=depth + 1)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = kind[0] if kind else None
    if kind == "array":
        return [build_sample(schema.get("items"), depth=depth + 1)] if schema.get("items") else []
    if isinstance(kind, str) and kind.lower() in _BY_TYPE:  # Google writes types in capitals
        return _BY_TYPE[kind.lower()]
    return _build_object(schema, depth)


def _build_object(schema: Mapping[str, JsonValue], depth: int) -> JsonValue:
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return {}
    required = schema.get("required")
    names = required if isinstance(required, list) and required else list(properties)
    return {
        name: build_sample(properties[name], depth=depth + 1)
        for name in names
        if isinstance(name, str) and name in properties
    }
