"""Example values that follow a JSON Schema, as written by pydantic, for scripts to begin with."""

from collections.abc import Mapping
from typing import Any, Final

MAX_DEPTH: Final = 8
"""A schema may refer to itself."""
_PLAIN: Final[Mapping[str, Any]] = {
    "string": "text", "integer": 1, "number": 1.0, "boolean": True, "null": None,
}  # fmt: skip


def build_example(schema: Any, *, root: Any = None, depth: int = 0) -> Any:
    """Return a value for a schema, with all required fields of objects; patterns are not met."""
    root = schema if root is None else root
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        return {}
    if isinstance(reference := schema.get("$ref"), str):
        target: Any = root
        for part in reference.removeprefix("#/").split("/"):
            target = target.get(part) if isinstance(target, Mapping) else None
        return build_example(target, root=root, depth=depth + 1)
    for name in ("anyOf", "oneOf", "allOf"):
        if options := schema.get(name):
            return build_example(options[0], root=root, depth=depth + 1)
    for name in ("default", "const"):
        if name in schema:
            return schema[name]
    if choices := schema.get("enum") or schema.get("examples"):
        return choices[0]
    return _build_by_type(schema, root, depth + 1)


def _build_by_type(schema: Mapping[str, Any], root: Any, depth: int) -> Any:
    match schema.get("type"):
        case "object" | None:
            fields = schema.get("properties") or {}
            return {
                name: build_example(fields.get(name), root=root, depth=depth)
                for name in schema.get("required") or ()
            }
        case "array":
            count = max(1, schema.get("minItems") or 0)
            return [build_example(schema.get("items"), root=root, depth=depth)] * count
        case "string":
            text = "text".ljust(schema.get("minLength") or 0, ".")
            return text[: schema.get("maxLength") or len(text)]
        case "integer" | "number" as kind:
            least, most = schema.get("minimum"), schema.get("maximum")
            plain = _PLAIN[kind]
            return (
                plain
                if (least is None or plain >= least) and (most is None or plain <= most)
                else least
                if least is not None
                else most
            )
        case other:
            return _PLAIN.get(str(other))
