"""Which document stands in which file under `docs/`."""

import json
from collections.abc import Iterable
from typing import Any

from protocol.messages import PAYLOADS
from scripts.docs_pages.protocol.asyncapi import asyncapi
from scripts.docs_pages.protocol.functions import functions_of
from scripts.docs_pages.protocol.pages import errors_page, protocol_page
from scripts.docs_pages.protocol.schemas import envelope_schema, message_schema


def documents(sql: Iterable[str], *, version: str) -> dict[str, str]:
    """Give the text of every file by its path in `docs/`; `sql` is what makes the functions."""
    return {
        "errors.md": errors_page(),
        "protocol/protocol.md": protocol_page(functions_of(sql)),
        "protocol/asyncapi.json": _text(asyncapi(version=version)),
        "protocol/envelope.schema.json": _text(envelope_schema()),
        **{f"protocol/{kind}.schema.json": _text(message_schema(kind)) for kind in PAYLOADS},
    }


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
