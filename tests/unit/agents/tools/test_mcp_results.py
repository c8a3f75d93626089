"""What servers give: text, data, images and links, as the output of a tool."""

import base64
from typing import Any

import pytest
from hypothesis import given
from mcp_types import CallToolResult
from pydantic_core import to_json

from agents.tools.mcp.results import MAX_IMAGES, read_result
from protocol.json_values import make_storable
from providers.secrets import Redactor
from tests.support.json_values import JSON

PNG = base64.b64encode(b"\x89PNG").decode()
IMAGE = {"type": "image", "data": PNG, "mimeType": "image/png"}


def read(*content: dict[str, Any], **more: Any) -> Any:
    result = CallToolResult.model_validate({"content": list(content), **more})
    return read_result(result, Redactor(["a-secret-of-ours"]))


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def test_texts_are_joined_and_secrets_masked() -> None:
    assert read(text("one"), text("a-secret-of-ours")).content == "one\n[redacted]"


@pytest.mark.parametrize(
    ("texts", "data", "content"),
    [
        ([], {"n": 1}, {"n": 1}),
        (['{"n": 1}'], {"n": 1}, {"n": 1}),
        (["3"], {"result": 3}, {"result": 3}),
        (["three"], {"result": "three"}, {"result": "three"}),
        (["about it"], {"n": 1}, {"data": {"n": 1}, "text": "about it"}),
        (["x"], [1, 2], {"data": [1, 2], "text": "x"}),
    ],
)
def test_data_are_given_once_even_if_they_are_repeated_as_text(
    texts: list[str], data: Any, content: Any
) -> None:
    assert read(*map(text, texts), structuredContent=data).content == content


@pytest.mark.parametrize(
    ("block", "said"),
    [
        (
            {"type": "resource_link", "uri": "file:///a.txt", "name": "a", "description": "b\x1b"},
            "file:///a.txt (a: b)",
        ),
        ({"type": "resource", "resource": {"uri": "x://y", "text": "inside"}}, "inside"),
        (
            {"type": "resource", "resource": {"uri": "x://y", "blob": "AAAA", "mimeType": "a/b"}},
            "[left out: x://y a/b, 3 bytes]",
        ),
        (
            {"type": "audio", "data": "AAAA", "mimeType": "audio/wav"},
            "[left out: audio/wav, 3 bytes]",
        ),
        (
            {"type": "image", "data": "no base64", "mimeType": "image/png"},
            "[left out: image/png, 6 bytes]",
        ),
        (
            {"type": "image", "data": PNG, "mimeType": "image/tiff"},
            "[left out: image/tiff, 6 bytes]",
        ),
    ],
)
def test_what_is_no_text_is_described(block: dict[str, Any], said: str) -> None:
    output = read(block)

    assert (output.content, output.attachments) == (said, ())


def test_images_are_attached_and_not_too_many() -> None:
    resource = {"uri": "x://y", "blob": PNG, "mimeType": "image/png"}
    output = read(*[IMAGE] * (MAX_IMAGES - 1), {"type": "resource", "resource": resource}, IMAGE)

    assert [each.data for each in output.attachments] == [b"\x89PNG"] * MAX_IMAGES
    assert output.attachments[-1].name == "x://y"
    assert output.content == "[left out: image/png, 6 bytes]"


@given(JSON)
def test_any_data_can_be_stored(data: Any) -> None:
    content = read(structuredContent=data).content

    assert to_json(content)
    assert make_storable(content) == content


def test_what_cannot_be_stored_is_replaced() -> None:
    assert read(text("a\x00b")).content == "a\ufffdb"
    assert len(str(read(structuredContent={"x": "y" * 2_000_000}).content)) < 300_000
