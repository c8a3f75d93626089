"""Values that fit a JSON Schema, for simulated tool calls and structured answers."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any, Final

from pydantic import JsonValue

from simulator.answers.sample_strings import WORD, build_sample_text, read_length
from simulator.schemas.fit import fits

_DEEPEST: Final = 6
_MOST_ITEMS: Final = 1_000
_LARGEST: Final = 100_000
_MOST_PARTS: Final = 5_000
_MOST_CHECKS: Final = 100
_MOST_OPTIONS: Final = 50
_VARIANTS: Final = 3
_CHECKED: Final = {"anyOf", "oneOf", "if", "not"}
"""With these, the first value that comes to mind may be wrong."""
_DEFINITIONS: Final = ("$schema", "$defs", "definitions")
_HINTS: Final = re.compile(r"\{.*\}$", re.DOTALL)
_KINDS: Final = {
    "properties": "object", "required": "object", "items": "array", "prefixItems": "array",
    "minLength": "string", "maxLength": "string", "pattern": "string", "format": "string",
    "minimum": "number", "maximum": "number", "multipleOf": "number",
}  # fmt: skip
"""Types that keywords speak of, where a schema names none."""

Schema = dict[str, Any]


def build_sample(schema: JsonValue) -> JsonValue:
    """Return a value that fits: the first of an enum, the default, all required properties.

    What the description says in JSON, as COGO writes constraints that a vendor does not take, is
    followed too. Not every schema has such a value here: `fits` tells.
    """
    if len(json.dumps(schema)) > _LARGEST:
        return {}
    return _Builder(schema).build(schema, 0, 0)


class _Builder:
    """Builds values for the parts of one schema."""

    def __init__(self, root: JsonValue) -> None:
        self._root: Mapping[str, Any] = root if isinstance(root, dict) else {}
        self._parts_left, self._checks_left = _MOST_PARTS, _MOST_CHECKS

    def build(self, schema: Any, depth: int, variant: int) -> JsonValue:
        """Return a value for a part; each variant is another one, where there are others."""
        value: JsonValue = {}
        if not isinstance(schema, dict) or depth > 4 * _DEEPEST:
            return value
        for flat in self._list_forms(schema, depth):
            for other in range(_VARIANTS if "not" in flat else 1):
                self._parts_left -= 1
                if self._parts_left < 0:
                    return value
                value = self._build_flat(flat, depth, variant + other)
                if not _CHECKED & flat.keys() or self._fits_part(flat, value):
                    return value
        return value

    def _list_forms(self, schema: Schema, depth: int) -> Iterator[Schema]:
        """Iterate over forms of a schema without references and alternatives."""
        self._parts_left -= 1
        if self._parts_left < 0 or depth > 4 * _DEEPEST:
            return
        flat = self._flatten(schema)
        for keyword in ("anyOf", "oneOf"):
            options = flat.get(keyword)
            if isinstance(options, list) and options:
                rest = {name: each for name, each in flat.items() if name != keyword}
                if depth > _DEEPEST:  # recursion ends with what refers to nothing
                    options = sorted(options, key=lambda each: "$ref" in json.dumps(each))
                for option in options[:_MOST_OPTIONS]:
                    merged = _merge(rest, self._flatten(option))
                    for each in self._list_forms(merged, depth + 1):
                        yield each if keyword == "anyOf" else each | {keyword: options}
                return
        yield flat
        for branch in ("then", "else"):
            if "if" in flat and isinstance(flat.get(branch), dict):
                extra = [flat[branch], *([flat["if"]] if branch == "then" else [])]
                for each in extra:
                    flat = _merge(flat, self._flatten(each))
                yield flat

    def _flatten(self, schema: Any) -> Schema:
        """Return a part with what it refers to, all parts of `allOf`, and its hints."""
        flat: Schema = _read_hints(schema) if isinstance(schema, dict) else {}
        for _ in range(2 * _DEEPEST):
            parts = flat.pop("allOf", None)
            inner = list(parts) if isinstance(parts, list) else []
            if isinstance(reference := flat.pop("$ref", None), str):
                inner.append(self._find(reference))
            if not inner:
                break
            for each in inner:
                if isinstance(each, dict):
                    flat = _merge(flat, _read_hints(each))
        return flat

    def _find(self, reference: str) -> Any:
        found: Any = self._root
        for name in reference.removeprefix("#").split("/")[1:]:
            key = name.replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, dict) else None
        return found

    def _fits_part(self, flat: Schema, value: JsonValue) -> bool:
        self._checks_left -= 1
        if self._checks_left < 0:
            return True
        known = {name: self._root[name] for name in _DEFINITIONS if name in self._root}
        return fits({**known, **flat}, value)

    def _build_flat(self, schema: Schema, depth: int, variant: int) -> JsonValue:
        given = [schema[key] for key in ("const", "default") if key in schema]
        for key in ("enum", "examples"):
            if isinstance(options := schema.get(key), list) and options:
                given += options[variant % len(options) :] + options[: variant % len(options)]
        for each in given if not variant or "enum" in schema else given[:0]:
            if self._fits_part(schema, each):
                found: JsonValue = each
                return found
        build = self._get_builder(_find_type(schema))
        return build(schema, depth, variant)

    def _get_builder(self, kind: str) -> Callable[[Schema, int, int], JsonValue]:
        match kind:
            case "boolean":
                return lambda _schema, _depth, variant: variant % 2 == 0
            case "null":
                return lambda *_: None
            case "integer" | "number":
                return lambda schema, _depth, variant: _build_number(schema, kind, variant)
            case "string":
                return lambda schema, _depth, variant: build_sample_text(schema, variant)
            case "array":
                return self._build_array
            case _:
                return self._build_object

    def _build_array(self, schema: Schema, depth: int, variant: int) -> list[JsonValue]:
        items, heads = schema.get("items"), schema.get("prefixItems")
        if isinstance(items, list):  # as older drafts have it
            items, heads = schema.get("additionalItems"), items
        heads = heads if isinstance(heads, list) else []
        least = read_length(schema, "minItems", 0)
        usual = len(heads) or (1 if (items or "contains" in schema) and depth <= _DEEPEST else 0)
        most = min(read_length(schema, "maxItems", _MOST_ITEMS), _MOST_ITEMS)
        count = min(max(least, usual), most)
        is_unique = schema.get("uniqueItems") is True
        wanted = read_length(schema, "minContains", 1) if "contains" in schema else 0
        built: list[JsonValue] = []
        for place in range(count):
            other = variant + (place if is_unique else 0)
            part = heads[place] if place < len(heads) else items
            if place >= count - wanted and isinstance(schema.get("contains"), dict):
                part = _merge(dict(part) if isinstance(part, dict) else {}, schema["contains"])
            built.append(self.build(part, depth + 1, other) if isinstance(part, dict) else other)
        return built

    def _build_object(self, schema: Schema, depth: int, variant: int) -> dict[str, JsonValue]:
        properties = schema.get("properties")
        known = properties if isinstance(properties, dict) else {}
        required = schema.get("required")
        names = [each for each in required if isinstance(each, str)] if required else [*known]
        if depth > _DEEPEST and not required:
            names = []
        least = read_length(schema, "minProperties", 0)
        names += [each for each in known if each not in names][: max(0, least - len(names))]
        while len(names) < min(least, _MOST_ITEMS):
            names.append(self._invent_name(schema, len(names)))
        needed = schema.get("dependentRequired")
        needed = needed if isinstance(needed, dict) else {}
        for name in names:
            names += [each for each in needed.get(name, ()) if each not in names]
        return {
            name: self.build(part, depth + 1, variant)
            if isinstance(part := known.get(name, _find_other(schema, name)), dict)
            else WORD
            for name in dict.fromkeys(names)
        }

    def _invent_name(self, schema: Schema, number: int) -> str:
        patterns = schema.get("patternProperties")
        rule = {"pattern": next(iter(patterns))} if isinstance(patterns, dict) and patterns else {}
        names = schema.get("propertyNames")
        return str(self.build({"type": "string"} | rule | (names or {}), 0, number))


def _find_other(schema: Schema, name: str) -> Any:
    """Return the schema of a property that is not named."""
    patterns = schema.get("patternProperties")
    for pattern, part in (patterns if isinstance(patterns, dict) else {}).items():
        if fits({"pattern": pattern}, name):
            return part
    return schema.get("additionalProperties")


def _find_type(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "null")
    if isinstance(kind, str):
        return kind.lower()  # Google writes types in capitals
    return next((each for keyword, each in _KINDS.items() if keyword in schema), "object")


def _build_number(schema: Schema, kind: str, variant: int) -> JsonValue:
    low, high = _read_bound(schema, "inimum", max), _read_bound(schema, "aximum", min)
    step = _read_fraction(schema.get("multipleOf")) or Fraction(1)
    if kind == "integer":
        step = Fraction(step.numerator)  # the smallest whole number that is a multiple
    usual = Fraction(3, 2) if kind == "number" and "multipleOf" not in schema else step
    value = usual
    if (low is not None and value < low) or (high is not None and value > high):
        value = math.ceil(low / step) * step if low is not None else (high or usual)
        value = value if low is not None else math.floor(value / step) * step
    excluded = {_read_fraction(schema.get(f"exclusive{each}")) for each in ("Minimum", "Maximum")}
    excluded |= {
        each
        for each, name in ((low, "exclusiveMinimum"), (high, "exclusiveMaximum"))
        if schema.get(name) is True  # of draft 4
    }
    down = low is None and high is not None
    value += (-step if down else step) * variant
    if value in excluded:
        value += -step if down else step
    if high is not None and low is not None and (value > high or value in excluded):
        value = (low + high) / 2
    whole = kind == "integer" or value.denominator == 1
    return int(value) if whole else float(value)


def _read_bound(schema: Schema, ending: str, choose: Callable[..., Fraction]) -> Fraction | None:
    names = {"inimum": ("minimum", "exclusiveMinimum"), "aximum": ("maximum", "exclusiveMaximum")}
    found = [_read_fraction(schema.get(name)) for name in names[ending]]
    stated = [each for each in found if each is not None]
    return choose(stated) if stated else None


def _read_fraction(value: object) -> Fraction | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        return Fraction(str(value)) if is_number else None
    except ValueError:  # not finite
        return None


def _read_hints(schema: Schema) -> Schema:
    """Return a schema with the constraints that its description tells in JSON."""
    found = _HINTS.search(str(schema.get("description", "")))
    try:
        hints = json.loads(found[0]) if found else {}
    except ValueError:
        hints = {}
    return {**hints, **schema} if isinstance(hints, dict) else dict(schema)


def _merge(one: Schema, other: Schema) -> Schema:
    """Return a schema with the keywords of both; where both have one, the narrower."""
    merged = {**one, **other}
    for keyword in one.keys() & other.keys():
        a, b = one[keyword], other[keyword]
        if a == b:
            continue
        if keyword == "properties" and isinstance(a, dict) and isinstance(b, dict):
            both = {name: {"allOf": [a[name], b[name]]} for name in a.keys() & b.keys()}
            merged[keyword] = {**a, **b, **both}
        elif keyword == "required" and isinstance(a, list) and isinstance(b, list):
            merged[keyword] = [*dict.fromkeys([*a, *b])]
        elif keyword == "enum" and isinstance(a, list) and isinstance(b, list):
            merged[keyword] = [each for each in a if each in b]
        elif keyword.startswith(("min", "exclusiveMin")):
            merged[keyword] = max(a, b, key=_rank)
        elif keyword.startswith(("max", "exclusiveMax")):
            merged[keyword] = min(a, b, key=_rank)
    return merged


def _rank(bound: object) -> Fraction:
    return _read_fraction(bound) or Fraction(0)
