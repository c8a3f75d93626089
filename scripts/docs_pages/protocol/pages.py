"""The pages for people: channels, messages, functions and errors."""

import inspect
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from protocol.errors import all_errors
from protocol.messages import PAYLOADS, Envelope
from scripts.docs_pages.protocol.channels import CHANNELS
from scripts.docs_pages.protocol.functions import Function
from scripts.docs_pages.protocol.schemas import schemas

_DEFINITIONS: Final = "#/$defs/"

_PROTOCOL: Final = """\
# Protocol

Made by `scripts/docs` from the models in `protocol/` and the functions in `supabase/schemas/`;
change those, not this. `asyncapi.json` describes the same for machines, `<TYPE>.schema.json` one
type of message each, `envelope.schema.json` what they have in common.

Rows are the truth and messages are doorbells: each is sent by the transaction that makes it true,
and whoever misses it finds the row. All topics are private broadcasts of Supabase Realtime; the
event is the type of the message. Fields that you do not know are to be ignored, and so are types.
Durations are milliseconds, timestamps ISO 8601 in UTC. A payload over 32 KiB lacks its large
fields and has `ref` (`table`, `id`) instead: read the row.
"""

_ERRORS: Final = """\
# Errors

Made by `scripts/docs` from `protocol/errors.py`; change that, not this. The code is what SQL
raises (SQLSTATE) and what the REST API puts into `code` of its answer; TQ9 codes are given by the
client that got no such answer. "Ask again" says whether the same call may help by itself.
TQ006 is no error of a call: it stands in `detail` of a completion whose plan is not valid.
"""


def protocol_page(functions: Sequence[Function]) -> str:
    """Topics, messages with their fields, and functions."""
    return "\n".join(
        [
            _PROTOCOL,
            "## Topics\n",
            _table(("topic", "who hears", "messages"), _topics()),
            "## Envelope\n",
            _table(("field", "type", "required", "meaning"), _fields(Envelope.__name__)),
            *_messages(),
            "## Functions\n",
            "`POST /rest/v1/rpc/<name>` with the parameters as a JSON object. Each may be called",
            "again with the same parameters when no answer came.\n",
            *(_function(each) for each in functions),
        ]
    )


def errors_page() -> str:
    """Every error of this project, with what to do about it."""
    rows = sorted(_errors())
    return "\n".join([_ERRORS, _table(("code", "error", "ask again", "what to do"), rows)])


def _topics() -> Iterator[tuple[str, ...]]:
    for each in CHANNELS:
        yield f"`{each.topic}`", each.hearers, ", ".join(each.types)


def _messages() -> Iterator[str]:
    inner: list[str] = []
    for kind, payload in PAYLOADS.items():
        yield f"## {kind.value}\n\n{inspect.cleandoc(payload.__doc__ or '')}\n"
        yield _table(("field", "type", "required", "meaning"), _fields(payload.__name__))
        inner += [name for name in _shapes_in(payload.__name__) if name not in inner]
    for name in inner:
        yield f"### {name}\n\n{schemas(_DEFINITIONS)[name]['description']}\n"
        yield _table(("field", "type", "required", "meaning"), _fields(name))


def _fields(name: str) -> Iterator[tuple[str, ...]]:
    schema = schemas(_DEFINITIONS)[name]
    for field, shape in schema["properties"].items():
        is_required = "yes" if field in schema.get("required", ()) else ""
        yield f"`{field}`", _kind(shape), is_required, shape.get("description", "")


def _shapes_in(name: str) -> Iterator[str]:
    for shape in schemas(_DEFINITIONS)[name]["properties"].values():
        for part in (shape, *shape.get("anyOf", ())):
            if "$ref" in part:
                inner = part["$ref"].removeprefix(_DEFINITIONS)
                yield inner
                yield from _shapes_in(inner)


def _kind(shape: dict[str, Any]) -> str:
    match shape:
        case {"$ref": str(ref)}:
            return ref.removeprefix(_DEFINITIONS)
        case {"anyOf": list(parts)}:
            return " or ".join(_kind(part) for part in parts)
        case {"enum": list(values)}:
            return " or ".join(f"`{value}`" for value in values)
        case {"type": "array", "items": dict(items)}:
            return f"list of {_kind(items)}"
        case {"type": "object", "additionalProperties": dict(values)}:
            return f"object of {_kind(values)}"
        case {"format": str(known)}:
            return known
        case {"type": str(known)}:
            return known
        case _:
            return "any"


def _function(function: Function) -> str:
    lines = [f"### {function.name}", "", function.comment, ""]
    if function.parameters:
        lines += [f"- parameters: `{function.parameters}`"]
    lines += [f"- answer: `{function.answer}`", f"- who may call: {function.callers}", ""]
    return "\n".join(lines)


def _errors() -> Iterator[tuple[str, ...]]:
    for each in all_errors():
        if "code" in vars(each):
            again = "yes" if each.retryable else "no"
            yield each.code, each.__name__, again, " ".join((each.__doc__ or "").split())


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    cells = ([" ".join(cell.split()).replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells) + "\n"
