"""Calls of earlier turns as hosted vendors take them, whoever wrote them."""

import json
import re
from dataclasses import replace
from typing import Final

from providers.chat import ChatRequest, Message, ToolCall

_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_OTHER: Final = re.compile(r"[^a-zA-Z0-9_-]")
_NAMELESS: Final = "unknown_tool"


def mend_earlier_calls(request: ChatRequest) -> ChatRequest:
    """Return the request with calls that vendors do not refuse.

    Vendors refuse arguments that are not JSON. Calls that were rejected may have any name, too:
    the result says what was wrong with them.
    """
    if not any(each.tool_calls for each in request.messages):
        return request
    return replace(request, messages=tuple(_mend_turn(each) for each in request.messages))


def _mend_turn(message: Message) -> Message:
    if not message.tool_calls:
        return message
    calls = tuple(_mend(call) for call in message.tool_calls)
    return replace(message, tool_calls=calls)


def _mend(call: ToolCall) -> ToolCall:
    name = call.name
    if call.rejection is not None and not _NAME.fullmatch(name):
        name = _OTHER.sub("_", name)[:64] or _NAMELESS
    try:
        json.loads(call.arguments)
    except (ValueError, RecursionError):
        return replace(call, name=name, arguments="{}")
    return call if name == call.name else replace(call, name=name)
