"""Turns as JSON."""

import json
from typing import Any

import pytest

from providers.chat import Attachment, CallRejection, Message, ReasoningReplay, ToolCall
from providers.chat_json import read_message, write_message

PIXEL = Attachment(media_type="image/png", data=b"\x89PNG\x00\xff", name="a.png")
LINKED = Attachment(media_type="image/jpeg", url="https://example.com/a.jpg")


@pytest.mark.parametrize(
    "message",
    [
        Message(role="user", content="hi", attachments=(PIXEL, LINKED)),
        Message(
            role="assistant",
            content="",
            tool_calls=(ToolCall(id="1", name="f", arguments='{"x": tru'),),
            replay=ReasoningReplay(vendor="v", model="m", blocks=({"signature": "s", "n": [1]},)),
        ),
        Message(
            role="assistant",
            content="",
            tool_calls=(
                ToolCall(id="1", name="f", arguments="{}", form="hermes", repairs=("quotes",)),
                ToolCall(
                    id="2",
                    name="g",
                    arguments="{'x': 1/6}",
                    form="hermes",
                    rejection=CallRejection(reason="malformed", detail="an expression"),
                ),
            ),
        ),
        Message(role="tool", content="no", tool_call_id="1", is_error=True, attachments=(PIXEL,)),
    ],
)
def test_a_turn_survives_being_stored(message: Message) -> None:
    assert read_message(json.loads(json.dumps(write_message(message)))) == message


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"role": "system", "content": ""},
        {"role": "user", "content": None},
        {"role": "user", "content": "", "tool_calls": [{"id": "1"}]},
        {"role": "user", "content": "", "tool_calls": 3},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"id": "1", "name": "f", "arguments": "", "rejection": {"reason": "?"}}],
        },
        {"role": "user", "content": "", "attachments": [{"media_type": "image/png", "data": "%"}]},
        {"role": "user", "content": "", "attachments": [{"data": ""}]},
        {"role": "user", "content": "", "attachments": [{"media_type": "image/png"}]},
        {"role": "user", "content": "", "attachments": ["x"]},
        {"role": "user", "content": "", "replay": {"vendor": "v", "model": "m", "blocks": [1]}},
    ],
)
def test_anything_else_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"stored turn|attachment|base64"):
        read_message(body)


def test_an_attachment_has_either_data_or_a_url() -> None:
    with pytest.raises(ValueError, match="either data or a URL"):
        Attachment(media_type="image/png")
    with pytest.raises(ValueError, match="either data or a URL"):
        Attachment(media_type="image/png", data=b"", url="https://example.com")
