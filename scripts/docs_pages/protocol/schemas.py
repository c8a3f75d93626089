"""The messages as JSON Schema, with what the docstrings under the fields say."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import protocol.messages
from protocol.messages import PAYLOADS, Envelope, MessageType

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_DEFINITIONS: Final = "#/$defs/"
_REFERENCE: Final = "Reference"

Schema = dict[str, Any]


def envelope_schema() -> Schema:
    """The envelope of any message."""
    return {"$schema": DIALECT, **schemas(_DEFINITIONS)[Envelope.__name__]}


def message_schema(kind: MessageType) -> Schema:
    """A whole message of one type, in one document."""
    known = schemas(_DEFINITIONS)
    return {"$schema": DIALECT, **message(kind, _DEFINITIONS), "$defs": _needed(kind, known)}


def message(kind: MessageType, definitions: str) -> Schema:
    """An envelope whose payload is of one type; the shapes are found under `definitions`."""
    payload = PAYLOADS[kind]
    envelope = schemas(definitions)[Envelope.__name__]
    bodies = [{"$ref": f"{definitions}{name}"} for name in (payload.__name__, _REFERENCE)]
    own = {"type": {"const": kind.value}, "payload": {"anyOf": bodies}}
    return {
        **envelope,
        "title": kind.value,
        "description": inspect.cleandoc(payload.__doc__ or ""),
        "properties": {**envelope["properties"], **own},
    }


@cache
def schemas(definitions: str) -> Mapping[str, Schema]:
    """The envelope, every payload and what they contain, by name."""
    models: list[type[BaseModel]] = [Envelope, *PAYLOADS.values()]
    _, found = models_json_schema(
        [(model, "validation") for model in models], ref_template=f"{definitions}{{model}}"
    )
    known: dict[str, Schema] = found["$defs"]
    for name, field, text in _field_docstrings():
        if name in known and field in known[name]["properties"]:
            known[name]["properties"][field]["description"] = text
    return {**known, _REFERENCE: _reference()}


def _reference() -> Schema:
    text = {"type": "string"}
    row = {"type": "object", "properties": {"table": text, "id": text}, "required": ["table", "id"]}
    return {
        "title": _REFERENCE,
        "description": "In place of a payload over 32 KiB: read the row. Small fields are there.",
        "type": "object",
        "properties": {"ref": row},
        "required": ["ref"],
    }


def _needed(kind: MessageType, known: Mapping[str, Schema]) -> Schema:
    """The definitions that one type refers to, directly or through others."""
    found: Schema = {}
    waiting = [PAYLOADS[kind].__name__, _REFERENCE]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = known[name]
            waiting += [ref.removeprefix(_DEFINITIONS) for ref in references(known[name])]
    return dict(sorted(found.items()))


def references(part: object) -> Iterator[str]:
    """Everything that a schema refers to."""
    match part:
        case {"$ref": str(ref)}:
            yield ref
        case dict():
            for each in part.values():
                yield from references(each)
        case list():
            for each in part:
                yield from references(each)


def _field_docstrings() -> Iterator[tuple[str, str, str]]:
    # Pydantic can read them itself, but then every start of every process would pay for it.
    for node in ast.parse(inspect.getsource(protocol.messages)).body:
        if isinstance(node, ast.ClassDef):
            for field, text in zip(node.body, node.body[1:], strict=False):
                match field, text:
                    case (
                        ast.AnnAssign(target=ast.Name(id=name)),
                        ast.Expr(value=ast.Constant(value=str(doc))),
                    ):
                        yield node.name, name, inspect.cleandoc(doc)
