"""The offered tools: names as models write them, and arguments checked by each tool's schema."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

import jsonschema_rs

from providers.tool_calls.messages import Found, Reason, Rejected, ToolCall
from providers.tool_calls.scanner import JSON, PYTHON, Broken, parse_text
from providers.tool_calls.types import fit, parse_untyped

_PATTERNS: Final = jsonschema_rs.FancyRegexOptions(
    backtrack_limit=100_000, size_limit=1 << 18, dfa_size_limit=1 << 20
)
"""Time is linear in the text, but for lookarounds and backreferences, which are cut off."""
_PREFIXES: Final = ("functions.", "tools.")
_QUOTES: Final = "\"'`"
_MAX_DETAIL: Final = 500


class Toolset:
    """Tools by name, and a compiled validator of each that was called."""

    def __init__(self, tools: Iterable[object]) -> None:
        self._schemas: dict[str, Mapping[str, Any]] = {}
        for tool in tools:
            function = tool.get("function", tool) if isinstance(tool, Mapping) else None
            if isinstance(function, Mapping) and isinstance(name := function.get("name"), str):
                parameters = function.get("parameters")
                self._schemas[name] = parameters if isinstance(parameters, Mapping) else {}
        self._folded: dict[str, str | None] = {}
        for name in self._schemas:
            folded = _fold(name)
            self._folded[folded] = None if folded in self._folded else name
        self._validators: dict[str, jsonschema_rs.Validator] = {}
        self.longest_name = max(map(len, self._schemas), default=0)

    def __bool__(self) -> bool:
        return bool(self._schemas)

    @property
    def names(self) -> Iterable[str]:
        """The names of the tools."""
        return self._schemas.keys()

    def list_parameters(self, name: str) -> Iterable[str]:
        """Return the names of the parameters that a tool declares."""
        properties = self._schemas[name].get("properties")
        return list(properties) if isinstance(properties, Mapping) else []

    def resolve(self, name: str) -> str | None:
        """Return the tool that a name means (R6), or None."""
        if name in self._schemas:
            return name
        bare = name.strip().strip(_QUOTES).replace("\\_", "_")
        for prefix in _PREFIXES:
            bare = bare.removeprefix(prefix)
        if bare in self._schemas:
            return bare
        return self._folded.get(_fold(bare))

    def check(self, found: Found, raw: str) -> ToolCall | Rejected:
        """Return the call if it may be executed; why not, otherwise."""

        def reject(reason: Reason, detail: str) -> Rejected:
            known = None if found.name is None else self.resolve(found.name)
            return Rejected(known or found.name, reason, detail[:_MAX_DETAIL], raw)

        if found.reason is not None:
            return reject(found.reason, found.detail)
        if found.name is None:
            return reject("malformed", "the call names no tool")
        name = self.resolve(found.name)
        if name is None:
            return reject("unknown_tool", f"offered are: {', '.join(self._schemas)}")
        try:
            arguments = _decode(found)
            fitted = self._fit(name, arguments, found)
        except Broken as error:
            return reject("malformed", error.detail)
        if not _is_text(fitted):
            return reject("malformed", "the arguments are not Unicode")
        if problem := self._find_mismatch(name, fitted):
            return reject("schema", problem)
        if not found.is_untyped and fitted != arguments:
            found.add_repairs(["type"])
        if name != found.name and found.name.removeprefix("functions.") != name:
            found.add_repairs(["name"])
        return ToolCall(found.id, name, fitted, raw, found.form, tuple(found.repairs or ()))

    def _fit(self, name: str, arguments: dict[str, Any], found: Found) -> dict[str, Any]:
        schema = self._schemas[name]
        if not found.is_untyped:
            fitted: dict[str, Any] = fit(arguments, schema, schema)
            return fitted
        declared = schema.get("properties")
        properties = declared if isinstance(declared, Mapping) else {}
        return {
            key: value
            if key in found.typed or not isinstance(value, str)
            else parse_untyped(value, properties.get(key), schema)
            for key, value in arguments.items()
        }

    def _find_mismatch(self, name: str, arguments: dict[str, Any]) -> str | None:
        try:
            if name not in self._validators:
                self._validators[name] = jsonschema_rs.validator_for(
                    dict(self._schemas[name]), offline=True, pattern_options=_PATTERNS
                )
            self._validators[name].validate(arguments)
        except jsonschema_rs.ValidationError as error:
            path = "".join(f"/{each}" for each in error.instance_path)
            return f"{path}: {error.message}" if path else str(error.message)
        except (ValueError, TypeError, RecursionError) as error:
            return f"the arguments cannot be checked: {error}"
        return None


def _decode(found: Found) -> dict[str, Any]:
    """Return the object that arguments are (R3).

    Raises:
        Broken: they are something else.
    """
    arguments = found.arguments
    for _ in range(3):
        if arguments is None or (isinstance(arguments, str) and not arguments.strip()):
            return {}
        if isinstance(arguments, dict):
            return arguments
        if not isinstance(arguments, str):
            break
        arguments, repairs = _parse_lenient(arguments)
        found.add_repairs(repairs)
    raise Broken("the arguments are not a JSON object", 0)


def _parse_lenient(text: str) -> tuple[object, list[str]]:
    try:
        return parse_text(text, JSON)
    except Broken:
        return parse_text(text, PYTHON)[0], ["python_literal"]


def _fold(name: str) -> str:
    return name.lower().replace("-", "_")


def _is_text(value: object) -> bool:
    """Return whether a value can be sent and stored: no half of a surrogate pair in it."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return False
    return True
