"""Requests in the dialect of one OpenAI-compatible provider."""

import hashlib
import string
from typing import Any, Final, get_args

from providers.adapters.openai.request import build_chat_body
from providers.catalogue.schema import RequestDialect
from providers.chat import ChatRequest, Effort

_EFFORTS: Final[tuple[Effort, ...]] = get_args(Effort)
_LETTERS: Final = string.ascii_letters + string.digits


def apply_dialect(
    request: ChatRequest, dialect: RequestDialect, *, vendor: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the body of the request in a provider's dialect, and notes for the user."""
    body, notes = build_chat_body(request, vendor=vendor, dialect=dialect)
    if "user" in request.metadata:
        notes.append("metadata.user was not sent")
    if request.max_output_tokens is not None:
        body[dialect.max_tokens_field] = request.max_output_tokens
    if dialect.asks_for_usage and request.stream:
        body["stream_options"] = {"include_usage": True}
    if request.reasoning_effort is not None:
        notes += _set_effort(request.reasoning_effort, dialect, body)
    if dialect.call_id_length is not None:
        for message in body["messages"]:
            _shorten_ids(message, dialect.call_id_length)
    return body, tuple(notes)


def _set_effort(effort: Effort, dialect: RequestDialect, body: dict[str, Any]) -> list[str]:
    if effort == "none" and dialect.no_reasoning_body is not None:
        body.update(dialect.no_reasoning_body)
        return []
    sent = find_nearest_effort(effort, dialect.efforts) if dialect.efforts else effort
    body.update(dialect.reasoning_body)
    if dialect.effort_field == "reasoning":
        body["reasoning"] = {"effort": sent}
    else:
        body["reasoning_effort"] = sent
    return [] if sent == effort else [f"reasoning_effort {effort} was sent as {sent}"]


def find_nearest_effort(effort: Effort, accepted: tuple[Effort, ...]) -> Effort:
    """Return the nearest accepted effort, the greater of two; `none` only replaces itself."""
    if effort in accepted:
        return effort
    reasoning: list[Effort] = [each for each in accepted if each != "none"] or [*accepted]
    rank = _EFFORTS.index(effort)
    return min(reasoning, key=lambda e: (abs(_EFFORTS.index(e) - rank), -_EFFORTS.index(e)))


def _shorten_ids(message: dict[str, Any], length: int) -> None:
    for call in message.get("tool_calls", ()):
        call["id"] = _shorten_id(call["id"], length)
    if "tool_call_id" in message:
        message["tool_call_id"] = _shorten_id(message["tool_call_id"], length)


def _shorten_id(call_id: str, length: int) -> str:
    """Return the id if it has the required form, else one that is derived from its hash."""
    if len(call_id) == length and call_id.isalnum() and call_id.isascii():
        return call_id
    digest = hashlib.sha256(call_id.encode()).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:length])
