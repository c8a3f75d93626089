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


def build_sample(schema: JsonValue, *, depth: int = 0, root: JsonValue = None) -> JsonValue:
    """Return a value that fits: the first of an enum, the default, all required properties.

    Only common keywords are supported, and `$ref` to the definitions of `root`; `pattern` is not.
    """
    root = schema if root is None else root
    schema = _resolve(schema, root)
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
            return build_sample(options[0], depth=depth + 1, root=root)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = kind[0] if kind else None
    if kind == "array":
        items = schema.get("items")
        return [build_sample(items, depth=depth + 1, root=root)] if items else []
    if isinstance(kind, str) and kind.lower() in _BY_TYPE:  # Google writes types in capitals
        return _BY_TYPE[kind.lower()]
    return _build_object(schema, depth, root)


def _resolve(schema: JsonValue, root: JsonValue) -> JsonValue:
    """Return the definition that a `$ref` such as `#/$defs/Part` names, else the schema."""
    reference = schema.get("$ref") if isinstance(schema, dict) else None
    if not isinstance(reference, str):
        return schema
    found = root
    for name in reference.removeprefix("#/").split("/"):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _build_object(schema: Mapping[str, JsonValue], depth: int, root: JsonValue) -> JsonValue:
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return {}
    required = schema.get("required")
    names = required if isinstance(required, list) and required else list(properties)
    return {
        name: build_sample(properties[name], depth=depth + 1, root=root)
        for name in names
        if isinstance(name, str) and name in properties
    }
