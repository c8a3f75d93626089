"""Why an answer ended: one table of the vendors' words, for every adapter.

Only words that are known to be good are good. A word that is not in the table is a failed call, for
half an answer that is taken for a whole one is worse than a second try.
"""

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from providers.adapters.http.error_mapping import safe_text
from providers.chat import FinishReason
from providers.errors import (
    CallFailed,
    ContentFiltered,
    ContextTooLong,
    IncompleteStream,
    MalformedResponse,
    Overloaded,
)

__all__ = ["read_finish", "refusal"]

_Failure: TypeAlias = tuple[type[CallFailed], str]

_FILTERED: Final[_Failure] = (ContentFiltered, "the content filter stopped the answer")
_REFUSED: Final[_Failure] = (ContentFiltered, "the model refused the request")
_GAVE_UP: Final[_Failure] = (Overloaded, "the vendor gave up in the middle of the answer")
_BAD_CALL: Final[_Failure] = (MalformedResponse, "the model's tool call is unusable")
_PAUSED: Final[_Failure] = (IncompleteStream, "the vendor paused before the answer was whole")
_FULL: Final[_Failure] = (
    ContextTooLong,
    "the context window was full before the answer was whole",
)

_WORDS: Final[Mapping[str, FinishReason | _Failure]] = {
    "complete": FinishReason.STOP,
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


def read_finish(
    vendor: str, word: str, *, called: bool = False, said: str = "", secret: str = ""
) -> FinishReason:
    """Return what the vendor's word means; `called` when the answer holds calls of tools.

    Raises:
        CallFailed: the word is no good end of an answer, or not known. `said` goes with it: what
            the vendor or the model said about it.
    """
    spelled = word if len(word) <= _SHOWN else word[:_SHOWN] + "…"
    plain = _HUMP.sub("_", spelled).lower().replace("-", "_").replace(" ", "_")
    meaning = _WORDS.get(plain)
    if meaning is None and _TOKEN_LIMIT.fullmatch(plain):
        meaning = FinishReason.LENGTH
    if meaning is None:
        unknown = f"the answer ended with a finish reason that is not known ({spelled!r})"
        raise MalformedResponse(vendor, safe_text(unknown, secret))
    if not isinstance(meaning, FinishReason):
        kind, summary = meaning
        raise kind(vendor, f"{summary} ({spelled})", vendor_message=safe_text(said, secret))
    # Some servers say "stop" after a call; the calls are what counts.
    if called and meaning is FinishReason.STOP:
        return FinishReason.TOOL_CALLS
    return meaning


def refusal(vendor: str, said: str, *, secret: str) -> ContentFiltered:
    """Return the error for an answer in which the model says why it will not answer."""
    return ContentFiltered(vendor, _REFUSED[1], vendor_message=safe_text(said, secret))
