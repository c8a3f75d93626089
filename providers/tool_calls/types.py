"""Values in the types that a tool's schema asks for, as far as nothing is lost (R7)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from providers.tool_calls.scanner import Broken, parse_text

_ALL: Final = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_NULLS: Final = frozenset({"null", "None"})
_MAX_DEPTH: Final = 20


def list_types(schema: object, root: Mapping[str, Any], depth: int = 0) -> frozenset[str]:
    """Return the types that a schema allows; all of them if it does not say."""
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return _ALL
    schema = _resolve(schema, root)
    if isinstance(kind := schema.get("type"), str | list):
        return frozenset(
            each for each in ([kind] if isinstance(kind, str) else kind) if isinstance(each, str)
        )
    if isinstance(values := schema.get("enum"), list) and values:
        return frozenset(_name_type(each) for each in values)
    if "const" in schema:
        return frozenset({_name_type(schema["const"])})
    for key in ("anyOf", "oneOf"):
        if isinstance(parts := schema.get(key), list) and parts:
            return frozenset().union(*(list_types(each, root, depth + 1) for each in parts))
    if isinstance(parts := schema.get("allOf"), list) and parts:
        return _ALL.intersection(*(list_types(each, root, depth + 1) for each in parts))
    return frozenset({"object"}) if "properties" in schema else _ALL


def parse_untyped(text: str, schema: object, root: Mapping[str, Any]) -> Any:
    """Return the value that the text of a parameter means by its schema."""
    types = list_types(schema, root)
    bare = text.strip()
    if bare in _NULLS and "null" in types:
        return None
    if "string" in types and types != _ALL and not _is_structure(bare, types):
        return trim_newlines(text)
    value = _convert_text(bare, types)
    return trim_newlines(text) if value is bare else value


def trim_newlines(text: str) -> str:
    """Return the text without one newline at its beginning and one at its end."""
    start = 2 if text.startswith("\r\n") else text.startswith("\n")
    text = text[start:]
    return text[:-2] if text.endswith("\r\n") else text.removesuffix("\n")


def fit(value: Any, schema: object, root: Mapping[str, Any], depth: int = 0) -> Any:
    """Return the value, or one of the type that the schema asks for if nothing is lost."""
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return value
    types = list_types(schema, root)
    if types != _ALL:
        value = _convert(value, types)
    if isinstance(value, dict):
        properties = _find(schema, root, "properties")
        if isinstance(properties, Mapping):
            return {
                key: fit(each, properties[key], root, depth + 1) if key in properties else each
                for key, each in value.items()
            }
    elif isinstance(value, list):
        items = _find(schema, root, "items")
        if isinstance(items, Mapping):
            return [fit(each, items, root, depth + 1) for each in value]
    return value


def _convert(value: Any, types: frozenset[str]) -> Any:
    if isinstance(value, str) and "string" not in types:
        return _convert_text(value, types)
    if isinstance(value, int) and not isinstance(value, bool) and not types - {"string", "null"}:
        return str(value) if "string" in types and value.bit_length() < 10_000 else value
    return value


def _convert_text(text: str, types: frozenset[str]) -> Any:
    """Return the value of one of the types that a text writes, else the text."""
    try:
        value, _ = parse_text(text.strip())
    except Broken:
        return text
    is_number = "number" in types and _name_type(value) == "integer"
    return value if is_number or _name_type(value) in types else text


def _is_structure(text: str, types: frozenset[str]) -> bool:
    return (text[:1] == "{" and "object" in types) or (text[:1] == "[" and "array" in types)


def _find(schema: Mapping[str, Any], root: Mapping[str, Any], keyword: str) -> object:
    for part in _list_parts(schema, root, 0):
        if keyword in part:
            return part[keyword]
    return None


def _list_parts(schema: object, root: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return
    schema = _resolve(schema, root)
    yield schema
    for key in ("allOf", "anyOf", "oneOf"):
        if isinstance(parts := schema.get(key), list):
            for part in parts[:_MAX_DEPTH]:
                yield from _list_parts(part, root, depth + 5)


def _resolve(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a chain of references to the same document leads to."""
    for _ in range(_MAX_DEPTH):
        reference = schema.get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#"):
            return schema
        target: object = root
        for step in reference[1:].split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            target = target.get(name) if isinstance(target, Mapping) else None
        if not isinstance(target, Mapping):
            return {}
        schema = target
    return {}


def _name_type(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    names = ((str, "string"), (int, "integer"), (float, "number"), (list, "array"))
    return next((name for kind, name in names if isinstance(value, kind)), "object")
