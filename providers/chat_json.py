"""Turns of a conversation as JSON, as they are stored between the turns of a tool loop."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from providers.chat import (
    STRUCTURED,
    Attachment,
    CallRejection,
    Message,
    ReasoningReplay,
    ToolCall,
)

_ROLES: Final = frozenset({"user", "assistant", "tool"})


def write_message(message: Message) -> dict[str, Any]:
    """Return the turn as JSON; absent fields are left out."""
    body: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        body["tool_calls"] = list(map(_write_call, message.tool_calls))
    if message.tool_call_id is not None:
        body["tool_call_id"] = message.tool_call_id
    if message.is_error:
        body["is_error"] = True
    if message.attachments:
        body["attachments"] = [write_attachment(each) for each in message.attachments]
    if message.replay is not None:
        body["replay"] = {
            "vendor": message.replay.vendor,
            "model": message.replay.model,
            "blocks": [dict(block) for block in message.replay.blocks],
        }
    return body


def _write_call(call: ToolCall) -> dict[str, Any]:
    body: dict[str, Any] = {"id": call.id, "name": call.name, "arguments": call.arguments}
    if call.form != STRUCTURED:
        body["form"] = call.form
    if call.repairs:
        body["repairs"] = list(call.repairs)
    if call.rejection is not None:
        body["rejection"] = asdict(call.rejection)
    return body


def write_attachment(attachment: Attachment) -> dict[str, Any]:
    """Return the attachment as JSON, its data as base64."""
    body: dict[str, Any] = {"media_type": attachment.media_type}
    if attachment.name is not None:
        body["name"] = attachment.name
    if attachment.url is not None:
        body["url"] = attachment.url
    if attachment.data is not None:
        body["data"] = base64.b64encode(attachment.data).decode()
    return body


def read_message(body: Mapping[str, Any]) -> Message:
    """Return the turn that `write_message` wrote.

    Raises:
        ValueError: it is no such turn.
    """
    try:
        return _read_message(body)
    except (KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise ValueError(f"not a stored turn: {error!r}") from error


def _read_message(body: Mapping[str, Any]) -> Message:
    if body["role"] not in _ROLES:
        raise ValueError(f"not a stored turn: the role is {body['role']!r}")
    replay = body.get("replay")
    return Message(
        role=body["role"],
        content=_to_text(body["content"]),
        attachments=tuple(map(read_attachment, body.get("attachments") or ())),
        tool_calls=tuple(map(_read_call, body.get("tool_calls") or ())),
        tool_call_id=body.get("tool_call_id"),
        is_error=body.get("is_error") is True,
        replay=replay
        and ReasoningReplay(
            vendor=_to_text(replay["vendor"]),
            model=_to_text(replay["model"]),
            blocks=tuple(dict(block) for block in replay["blocks"]),
        ),
    )


def _read_call(body: Mapping[str, Any]) -> ToolCall:
    rejection = body.get("rejection")
    return ToolCall(
        id=_to_text(body["id"]),
        name=_to_text(body["name"]),
        arguments=_to_text(body["arguments"]),
        form=_to_text(body.get("form", STRUCTURED)),
        repairs=tuple(map(_to_text, body.get("repairs") or ())),
        rejection=rejection
        and CallRejection(reason=rejection["reason"], detail=_to_text(rejection["detail"])),
    )


def read_attachment(body: Mapping[str, Any]) -> Attachment:
    """Return the attachment that `write_attachment` wrote.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: it is no such attachment.
    """
    data = body.get("data")
    return Attachment(
        media_type=_to_text(body["media_type"]),
        data=None if data is None else base64.b64decode(data, validate=True),
        url=body.get("url"),
        name=body.get("name"),
    )


def _to_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} in place of a text")
    return value
