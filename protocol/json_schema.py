"""JSON Schema, checked by a library: whether a schema can be used, and whether data follows it.

Schemas come from users and tools, and may be hostile. `check_schema` is safe in every process.
`find_mismatch` is too if `is_quick` says so; otherwise its time may be exponential, and it belongs
into a process that can be killed (`agents.executor.output_checks`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import jsonschema_rs

MAX_SCHEMA_BYTES: Final = 64 * 1024
MAX_SCHEMA_DEPTH: Final = 100
"""Levels of JSON: an object in an object takes two of a schema, `properties` and its name."""
MAX_EXPANDED_PARTS: Final = 100_000
"""Parts of a schema after each `$ref` was replaced by what it refers to."""
MAX_PATTERNS: Final = 100
MAX_QUICK_PARTS: Final = 500
MAX_QUICK_CHARACTERS: Final = 20_000
MAX_PROBLEM_CHARACTERS: Final = 500

DRAFTS: Final = "4, 6, 7, 2019-09 and 2020-12"

_REFERENCES: Final = frozenset({"$dynamicRef", "$recursiveRef"})
_UNEVALUATED: Final = frozenset({"unevaluatedProperties", "unevaluatedItems"})
"""With these, the library replaces each `$ref` by what it refers to."""
_REGEXES: Final = jsonschema_rs.FancyRegexOptions(
    backtrack_limit=100_000, size_limit=1 << 18, dfa_size_limit=1 << 20
)
"""Time is linear in the text, but for lookarounds and backreferences, which are cut off."""


def check_schema(schema: object) -> str | None:
    """Return why a schema cannot be used, with the place of the mistake; None if it can."""
    if not isinstance(schema, dict):
        return 'it must be a JSON object, such as {"type": "object"}'
    if _is_too_deep(schema):
        return f"it has more than {MAX_SCHEMA_DEPTH} levels"
    try:
        size = len(json.dumps(schema, ensure_ascii=False, separators=(",", ":")).encode())
    except (TypeError, ValueError) as error:
        return _cut(f"it is not JSON: {error}")
    if size > MAX_SCHEMA_BYTES:
        return f"it has {size} bytes; at most {MAX_SCHEMA_BYTES} are allowed"
    try:
        return _find_excess(schema) or _find_mistake(schema)
    except RecursionError:
        return "its $refs follow each other too far"


def is_quick(schema: Mapping[str, Any], data: object) -> bool:
    """Return whether data can be checked at once: no recursion, no pattern, not much data."""
    try:
        expansion = _Expansion(schema)
        is_small = expansion.count(schema) <= MAX_QUICK_PARTS and not expansion.has_loops
        if not is_small or any(_count_patterns(each) for each in _list_parts(schema)):
            return False
        return len(json.dumps(data, ensure_ascii=False)) <= MAX_QUICK_CHARACTERS
    except RecursionError:
        return False


def find_mismatch(schema: Mapping[str, Any], data: object) -> str | None:
    """Return where data does not follow its schema, and how; None if it does."""
    try:
        _compile(schema).validate(data)
    except jsonschema_rs.ValidationError as error:
        return _describe(error)
    except ValueError as error:
        return _cut(f"it cannot be checked: {error}")
    return None


def _find_excess(schema: Mapping[str, Any]) -> str | None:
    """Return which part of a schema could make its use endless."""
    parts = list(_list_parts(schema))
    if sum(map(_count_patterns, parts)) > MAX_PATTERNS:
        return f"it has more than {MAX_PATTERNS} patterns"
    expansion = _Expansion(schema)
    count = expansion.count(schema)
    if count > MAX_EXPANDED_PARTS:
        return (
            "its $refs multiply: replaced by what they refer to, they make more than "
            f"{MAX_EXPANDED_PARTS} parts"
        )
    is_unbounded = expansion.has_loops or count > MAX_QUICK_PARTS
    if is_unbounded and any(_UNEVALUATED & each.keys() for each in parts):
        return (
            "unevaluatedProperties and unevaluatedItems cannot be used with $refs that are "
            "recursive or many: use additionalProperties"
        )
    return None


def _find_mistake(schema: Mapping[str, Any]) -> str | None:
    try:
        _compile(schema)
    except jsonschema_rs.ValidationError as error:
        return _describe_unusable(error)
    except ValueError as error:  # numbers and characters that the library does not take
        return _cut(str(error))
    return None


def _compile(schema: Mapping[str, Any]) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(dict(schema), offline=True, pattern_options=_REGEXES)


def _count_patterns(part: Mapping[str, Any]) -> int:
    named = part.get("patternProperties")
    return ("pattern" in part) + (len(named) if isinstance(named, dict) else 0)


class _Expansion:
    """Counts the parts of a schema with each `$ref` replaced; loops end where they close."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._counts: dict[int, int] = {}
        self.has_loops = False
        """Whether a reference leads back, or cannot be followed by its text."""

    def count(self, part: object) -> int:
        """Return the number of parts of a part, itself included."""
        if not isinstance(part, dict | list):
            return 0
        if (known := self._counts.get(id(part))) is not None:
            self.has_loops = self.has_loops or known == 0
            return known
        self._counts[id(part)] = 0
        inner = part.values() if isinstance(part, dict) else part
        total = 1 + sum(map(self.count, inner))
        if isinstance(part, dict):
            total += self._count_reference(part)
        self._counts[id(part)] = total
        return total

    def _count_reference(self, part: Mapping[str, Any]) -> int:
        reference = part.get("$ref")
        is_renamed = isinstance(part.get("$id", part.get("id")), str) and part is not self._root
        if is_renamed or _REFERENCES & part.keys():
            self.has_loops = True
        if not isinstance(reference, str):
            return 0
        target = self._find(reference)
        if target is None:
            self.has_loops = True
            return 0
        return self.count(target)

    def _find(self, reference: str) -> object | None:
        path = reference.removeprefix("#")
        if not reference.startswith("#") or (path and not path.startswith("/")):
            return None
        found: Any = self._root
        for each in path.split("/")[1:]:
            name = each.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and name.isdecimal() and int(name) < len(found):
                found = found[int(name)]
            else:
                found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, dict | list) else None


def _is_too_deep(schema: object) -> bool:
    level: list[Any] = [schema]
    for _ in range(MAX_SCHEMA_DEPTH):
        level = [
            each
            for part in level
            for each in (part.values() if isinstance(part, dict) else part)
            if isinstance(each, dict | list)
        ]
        if not level:
            return False
    return True


def _list_parts(part: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(part, dict):
        yield part
    if isinstance(part, dict | list):
        for each in part.values() if isinstance(part, dict) else part:
            yield from _list_parts(each)


def _describe_unusable(error: jsonschema_rs.ValidationError) -> str:
    if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Referencing):
        message = error.message
        uri = message.partition("'")[2].partition("'")[0]
        if message.startswith("Unknown meta-schema"):
            return _cut(f"$schema: {uri} is not known; use one of the drafts {DRAFTS}")
        if message.startswith("Resource "):
            message = f"$ref: {uri} is not fetched"
        return _cut(f"{message}; a $ref must name a part of the schema, such as #/$defs/NAME")
    nearest = _find_nearest(error)
    return f"{_format_path(nearest.instance_path)}: {_cut(nearest.message)}"


def _describe(error: jsonschema_rs.ValidationError) -> str:
    """Return the place of a mistake and what it is, of the alternative that is nearest."""
    nearest = _find_nearest(error)
    text = f"{_format_path(error.instance_path)}: {_cut(error.message, 300)}"
    if nearest is not error:
        path = _format_path(nearest.instance_path)
        text += f"; the nearest alternative fails at {path}: {_cut(nearest.message, 300)}"
    return text


def _find_nearest(error: jsonschema_rs.ValidationError) -> jsonschema_rs.ValidationError:
    """Return the mistake of the alternative that was followed deepest."""
    while True:
        kind = error.kind
        alternatives = jsonschema_rs.ValidationErrorKind
        if not isinstance(kind, alternatives.AnyOf | alternatives.OneOfNotValid):
            return error
        firsts = [each[0] for each in kind.context if each]
        if not firsts:
            return error
        error = max(firsts, key=lambda each: (len(each.instance_path), each.kind.name != "type"))


def _format_path(path: Sequence[str | int]) -> str:
    return "$" + "".join(map(_format_place, path))


def _format_place(place: str | int) -> str:
    if isinstance(place, int):
        return f"[{place}]"
    return f".{place}" if place.isidentifier() else f"[{json.dumps(place, ensure_ascii=False)}]"


def _cut(text: str, limit: int = MAX_PROBLEM_CHARACTERS) -> str:
    """Leave out the middle of a long text: a value comes first, what is wrong with it last."""
    return text if len(text) <= limit else f"{text[: limit // 2]} ... {text[-limit // 2 :]}"
