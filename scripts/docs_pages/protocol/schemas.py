"""JSON Schema of the messages, with the docstrings below the fields as descriptions."""

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from protocol.messages import PAYLOADS, Envelope, MessageType

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_DEFINITIONS: Final = "#/$defs/"
_REFERENCE: Final = "Reference"

Schema = dict[str, Any]


def build_envelope_schema() -> Schema:
    """Return the schema of the envelope."""
    return {"$schema": DIALECT, **build_schemas(_DEFINITIONS)[Envelope.__name__]}


def build_message_schema(kind: MessageType) -> Schema:
    """Return the schema of a message of one type, with its definitions."""
    known = build_schemas(_DEFINITIONS)
    return {
        "$schema": DIALECT,
        **build_message(kind, _DEFINITIONS),
        "$defs": _collect_definitions(kind, known),
    }


def build_message(kind: MessageType, definitions: str) -> Schema:
    """Return the schema of a message of one type, which refers to those below `definitions`."""
    payload = PAYLOADS[kind]
    envelope = build_schemas(definitions)[Envelope.__name__]
    bodies = [{"$ref": f"{definitions}{name}"} for name in (payload.__name__, _REFERENCE)]
    own = {"type": {"const": kind.value}, "payload": {"anyOf": bodies}}
    return {
        **envelope,
        "title": kind.value,
        "description": inspect.cleandoc(payload.__doc__ or ""),
        "properties": {**envelope["properties"], **own},
    }


@cache
def build_schemas(definitions: str) -> Mapping[str, Schema]:
    """Return the schemas of the envelope, of payloads and of their parts, by name."""
    models: list[type[BaseModel]] = [Envelope, *PAYLOADS.values()]
    _, found = models_json_schema(
        [(model, "validation") for model in models], ref_template=f"{definitions}{{model}}"
    )
    known: dict[str, Schema] = found["$defs"]
    for name, field, text in _iter_field_docstrings():
        if name in known and field in known[name]["properties"]:
            known[name]["properties"][field]["description"] = text
    return {**known, _REFERENCE: _build_reference()}


def _build_reference() -> Schema:
    text = {"type": "string"}
    row = {"type": "object", "properties": {"table": text, "id": text}, "required": ["table", "id"]}
    return {
        "title": _REFERENCE,
        "description": "Replaces the large fields of a payload over 32 KiB: read the row.",
        "type": "object",
        "properties": {"ref": row},
        "required": ["ref"],
    }


def _collect_definitions(kind: MessageType, known: Mapping[str, Schema]) -> Schema:
    """Return the definitions that one type refers to, directly or indirectly."""
    found: Schema = {}
    waiting = [PAYLOADS[kind].__name__, _REFERENCE]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = known[name]
            waiting += [ref.removeprefix(_DEFINITIONS) for ref in iter_references(known[name])]
    return dict(sorted(found.items()))


def iter_references(part: object) -> Iterator[str]:
    """Yield all references in a schema."""
    match part:
        case {"$ref": str(ref)}:
            yield ref
        case dict():
            for each in part.values():
                yield from iter_references(each)
        case list():
            for each in part:
                yield from iter_references(each)


def _iter_field_docstrings() -> Iterator[tuple[str, str, str]]:
    # Pydantic could read them itself, but that would slow down the start of every process.
    modules = {sys.modules[shape.__module__] for shape in (Envelope, *PAYLOADS.values())}
    for node in (node for each in modules for node in ast.parse(inspect.getsource(each)).body):
        if isinstance(node, ast.ClassDef):
            for field, text in zip(node.body, node.body[1:], strict=False):
                match field, text:
                    case (
                        ast.AnnAssign(target=ast.Name(id=name)),
                        ast.Expr(value=ast.Constant(value=str(doc))),
                    ):
                        yield node.name, name, inspect.cleandoc(doc)
