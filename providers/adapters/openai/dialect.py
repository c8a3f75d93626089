"""A request as one OpenAI-compatible provider wants it: its profile applied to the common body."""

import hashlib
import json
import string
from dataclasses import dataclass
from typing import Any, Final, get_args

from providers.adapters.openai.reasoning_replay import hand_back
from providers.adapters.openai.request import request_body
from providers.adapters.openai.wire_profile import WireProfile
from providers.chat import ChatRequest, Effort, JsonObject

__all__ = ["Accented", "accented"]

_EFFORTS: Final[tuple[Effort, ...]] = get_args(Effort)
_LETTERS: Final = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True)
class Accented:
    """What is sent, and what the person should know of it."""

    body: dict[str, Any]
    extra: dict[str, Any]
    """Fields that OpenAI's SDK does not know; it sends them beside the others."""
    notes: tuple[str, ...]


def accented(request: ChatRequest, profile: WireProfile, *, vendor: str) -> Accented:
    """Apply a provider's profile to a request."""
    body = request_body(request) | {"stream": not request.whole}
    extra: dict[str, Any] = {}
    notes: list[str] = []
    if "user" in request.metadata:
        notes.append("metadata.user was not sent")
    if request.max_output_tokens is not None:
        body[profile.max_tokens_field] = request.max_output_tokens
    if profile.asks_for_usage and not request.whole:
        body["stream_options"] = {"include_usage": True}
    if request.reasoning_effort is not None:
        notes += _reason(request.reasoning_effort, profile, body, extra)
    if request.response_schema is not None and profile.schemas == "json_object":
        body["response_format"] = {"type": "json_object"}
        body["messages"] = _with_schema(body["messages"], request.response_schema)
        notes.append("the schema went into the instructions: the vendor only promises JSON")
    hand_back(request.messages, body["messages"], vendor=vendor, model=request.model)
    if profile.call_id_length is not None:
        for message in body["messages"]:
            _shorten_ids(message, profile.call_id_length)
    return Accented(body, extra, tuple(notes))


def _reason(
    effort: Effort, profile: WireProfile, body: dict[str, Any], extra: dict[str, Any]
) -> list[str]:
    if effort == "none" and profile.no_reasoning_body is not None:
        extra.update(profile.no_reasoning_body)
        return []
    taken = _nearest(effort, profile.efforts) if profile.efforts else effort
    extra.update(profile.reasoning_body)
    if profile.effort_field == "reasoning":
        extra["reasoning"] = {"effort": taken}
    else:
        body["reasoning_effort"] = taken
    return [] if taken == effort else [f"reasoning_effort {effort} was sent as {taken}"]


def _nearest(effort: Effort, taken: tuple[Effort, ...]) -> Effort:
    """The nearest effort that is taken. `none` is not a little thinking, so it matches itself only.

    Between two that are as near, the greater one: what was asked for is at least done.
    """
    if effort in taken:
        return effort
    thinking: list[Effort] = [each for each in taken if each != "none"] or [*taken]
    place = _EFFORTS.index(effort)
    return min(thinking, key=lambda e: (abs(_EFFORTS.index(e) - place), -_EFFORTS.index(e)))


def _with_schema(messages: list[dict[str, Any]], schema: JsonObject) -> list[dict[str, Any]]:
    rule = f"Answer with one JSON object that follows this JSON Schema: {json.dumps(dict(schema))}"
    if messages and messages[0]["role"] == "system":
        first = {**messages[0], "content": f"{messages[0]['content']}\n\n{rule}"}
        return [first, *messages[1:]]
    return [{"role": "system", "content": rule}, *messages]


def _shorten_ids(sent: dict[str, Any], length: int) -> None:
    for call in sent.get("tool_calls", ()):
        call["id"] = _short(call["id"], length)
    if "tool_call_id" in sent:
        sent["tool_call_id"] = _short(sent["tool_call_id"], length)


def _short(call_id: str, length: int) -> str:
    """An id in the wanted form stays; another becomes one that is the same for the same id."""
    if len(call_id) == length and call_id.isalnum() and call_id.isascii():
        return call_id
    digest = hashlib.sha256(call_id.encode()).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:length])
