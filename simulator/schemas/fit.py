"""Whether a value follows a JSON Schema."""

from typing import Any, Final

import jsonschema_rs
from pydantic import JsonValue

_PATTERNS: Final = jsonschema_rs.FancyRegexOptions(
    backtrack_limit=100_000, size_limit=1 << 18, dfa_size_limit=1 << 20
)


def fits(schema: JsonValue, value: JsonValue) -> bool:
    """Return whether a value follows a schema; false if that is none."""
    if not isinstance(schema, dict):
        return False
    try:
        lowered = _lower_types(schema)
        return jsonschema_rs.is_valid(lowered, value, offline=True, pattern_options=_PATTERNS)
    except (ValueError, RecursionError):  # no schema
        return False


def _lower_types(part: Any) -> Any:
    """Return a schema with types as the standard writes them; Google writes them in capitals."""
    if isinstance(part, list):
        return [_lower_types(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        name: each.lower()
        if name == "type" and isinstance(each, str) and each.isupper()
        else _lower_types(each)
        for name, each in part.items()
    }
