"""Finish reasons: one table of all vendors' values.

An unknown value fails the call, because a partial answer that is taken for a complete one is worse
than a retry.
"""

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from providers.adapters.http.error_mapping import sanitize
from providers.chat import FinishReason
from providers.errors import (
    CallFailed,
    ContentFiltered,
    ContextTooLong,
    IncompleteStream,
    MalformedResponse,
    Overloaded,
)

_Failure: TypeAlias = tuple[type[CallFailed], str]

_FILTERED: Final[_Failure] = (ContentFiltered, "the content filter stopped the answer")
_REFUSED: Final[_Failure] = (ContentFiltered, "the model refused the request")
_GAVE_UP: Final[_Failure] = (Overloaded, "the vendor gave up in the middle of the answer")
_BAD_CALL: Final[_Failure] = (MalformedResponse, "the model's tool call is unusable")
_PAUSED: Final[_Failure] = (IncompleteStream, "the vendor paused before the answer was complete")
_FULL: Final[_Failure] = (
    ContextTooLong,
    "the context window was full before the answer was complete",
)

_VALUES: Final[Mapping[str, FinishReason | _Failure]] = {
    "complete": FinishReason.STOP,
    "completed": FinishReason.STOP,
    "end_turn": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "eos_token": FinishReason.STOP,
    "stop": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "continuation": FinishReason.LENGTH,
    "length": FinishReason.LENGTH,
    "max_length": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,
    "function_call": FinishReason.TOOL_CALLS,
    "tool_call": FinishReason.TOOL_CALLS,
    "tool_calls": FinishReason.TOOL_CALLS,
    "tool_use": FinishReason.TOOL_CALLS,
    "blocklist": _FILTERED,
    "content_filter": _FILTERED,
    "content_filtered": _FILTERED,
    "error_toxic": _FILTERED,
    "guardrail_intervened": _FILTERED,
    "image_safety": _FILTERED,
    "language": _FILTERED,
    "prohibited_content": _FILTERED,
    "recitation": _FILTERED,
    "refusal": _REFUSED,
    "safety": _FILTERED,
    "sensitive": _FILTERED,
    "spii": _FILTERED,
    "abort": _GAVE_UP,
    "error": _GAVE_UP,
    "insufficient_system_resource": _GAVE_UP,
    "network_error": _GAVE_UP,
    "other": _GAVE_UP,
    "finish_reason_unspecified": _GAVE_UP,
    "pause_turn": _PAUSED,
    "model_context_window_exceeded": _FULL,
    "malformed_function_call": _BAD_CALL,
    "malformed_response": _BAD_CALL,
    "too_many_tool_calls": _BAD_CALL,
    "unexpected_tool_call": _BAD_CALL,
}
_TOKEN_LIMIT: Final = re.compile(r"max(?:imum)?_(?:\w+_)?tokens?(?:_\w+)?")
_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SHOWN: Final = 60


def map_finish_reason(
    vendor: str, value: str, *, has_calls: bool = False, detail: str = "", secret: str = ""
) -> FinishReason:
    """Return the finish reason for a vendor's value; `has_calls`: the answer has tool calls.

    Raises:
        CallFailed: the value is unknown, or means that the answer is not complete. `detail`, the
            explanation of the vendor or the model, becomes part of the message.
    """
    shown = value if len(value) <= _SHOWN else value[:_SHOWN] + "…"
    plain = _HUMP.sub("_", shown).lower().replace("-", "_").replace(" ", "_")
    meaning = _VALUES.get(plain)
    if meaning is None and _TOKEN_LIMIT.fullmatch(plain):
        meaning = FinishReason.LENGTH
    if meaning is None:
        unknown = f"the answer ended with an unknown finish reason ({shown!r})"
        raise MalformedResponse(vendor, sanitize(unknown, secret))
    if not isinstance(meaning, FinishReason):
        kind, summary = meaning
        raise kind(vendor, f"{summary} ({shown})", vendor_message=sanitize(detail, secret))
    # Some servers send "stop" after a tool call.
    if has_calls and meaning is FinishReason.STOP:
        return FinishReason.TOOL_CALLS
    return meaning


def build_refusal(vendor: str, refusal: str, *, secret: str) -> ContentFiltered:
    """Return the error for an answer in which the model explains its refusal."""
    return ContentFiltered(vendor, _REFUSED[1], vendor_message=sanitize(refusal, secret))
