"""What tools return: JSON for programs, the same as text for models, and never too much. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mcp_types import CallToolResult, TextContent
from pydantic_core import to_jsonable_python

from gateway.problems import Problem, format_sentence, to_problem
from protocol.errors import CogoError

MAX_CHARACTERS: Final = 30_000
"""Of one answer: assistants refuse or cut tool results of more than about 10,000 tokens."""
_STRING_LIMITS: Final = (4_000, 500, 100)
_LIST_LIMITS: Final = (200, 50, 10)
_MAX_DEPTH: Final = 12


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """An answer: data, and text for the model if that is not just the data."""

    data: Mapping[str, Any]
    text: str | None = None
    is_large: bool = False
    """Whether the data may exceed the limit, since whoever built it has cut it already."""
    is_error: bool = False

    def build_result(self) -> CallToolResult:
        """Return it as the protocol has it, cut if it is too large."""
        data = dict(self.data) if self.is_large else fit_data(self.data)
        text = encode_json(data) if self.text is None else self.text
        return CallToolResult(
            content=[TextContent(type="text", text=text)],
            structured_content=data,
            is_error=self.is_error,
        )


def build_error_result(error: Problem | CogoError) -> CallToolResult:
    """Return what went wrong and what to do, as a result that a model reads."""
    problem = to_problem(error)
    body = {"code": problem.code, "detail": problem.detail, "hint": problem.hint}
    return CallToolResult(
        content=[TextContent(type="text", text=format_sentence(problem))],
        structured_content={"error": {name: each for name, each in body.items() if each}},
        is_error=True,
    )


def fit_data(data: Mapping[str, Any], *, most: int = MAX_CHARACTERS) -> dict[str, Any]:
    """Return JSON data of at most about `most` characters: long texts and lists are cut first."""
    plain: dict[str, Any] = to_jsonable_python(dict(data), fallback=str)
    if len(encode_json(plain)) <= most:
        return plain
    cut = plain
    for characters, items in zip(_STRING_LIMITS, _LIST_LIMITS, strict=True):
        cut = {name: _cut(each, characters, items) for name, each in plain.items()}
        if len(encode_json(cut)) <= most:
            return cut | {"cut": "long texts and lists are cut; the resource has all of it"}
    kept = {
        name: each
        for name, each in cut.items()
        if not isinstance(each, dict | list) and len(name) <= _STRING_LIMITS[-1]
    }
    return kept | {"cut": f"more than {most} characters; the resource has all of it"}


def encode_json(value: object) -> str:
    """Return JSON text without ASCII escapes and without spaces at which it is not read."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _cut(value: Any, characters: int, items: int, depth: int = 0) -> Any:
    match value:
        case str() if len(value) > characters:
            return f"{value[:characters]}... ({len(value) - characters} more characters)"
        case list() | dict() if depth >= _MAX_DEPTH:
            return f"... ({len(value)} more)"
        case list():
            shown = [_cut(each, characters, items, depth + 1) for each in value[:items]]
            rest = len(value) - items
            return [*shown, f"... ({rest} more)"] if rest > 0 else shown
        case dict():
            return {
                name: _cut(each, characters, items, depth + 1)
                for name, each in list(value.items())[:items]
            }
    return value
