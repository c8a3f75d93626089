"""Documents of the protocol, generated from its models: JSON Schema, AsyncAPI and Markdown."""

import json
from collections.abc import Iterable
from typing import Any

from protocol.messages import PAYLOADS
from scripts.docs_pages.protocol.asyncapi import build_asyncapi
from scripts.docs_pages.protocol.functions import parse_functions
from scripts.docs_pages.protocol.pages import render_errors_page, render_protocol_page
from scripts.docs_pages.protocol.schemas import build_envelope_schema, build_message_schema


def build_documents(sql: Iterable[str], *, version: str) -> dict[str, str]:
    """Return file names below `docs/reference/` and their texts; `sql` defines the functions."""
    schemas = {kind: build_message_schema(kind) for kind in PAYLOADS}
    return {
        "errors.md": render_errors_page(),
        "protocol/protocol.md": render_protocol_page(parse_functions(sql)),
        "protocol/asyncapi.json": _to_text(build_asyncapi(version=version)),
        "protocol/envelope.schema.json": _to_text(build_envelope_schema()),
        **{f"protocol/{kind}.schema.json": _to_text(each) for kind, each in schemas.items()},
    }


def _to_text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
