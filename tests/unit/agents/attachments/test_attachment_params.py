"""What a task says of its files is checked before anything is spent."""

import base64
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from agents.attachments import AttachmentList, AttachmentParam, list_file_kinds
from agents.attachments.data_urls import read_data_url, write_data_url
from agents.attachments.params import count_file_characters
from agents.selection.requirements import Requirements
from agents.workflows.params import ChatParams
from tests.support.files.pictures import GIF, JPEG, PDF, WEBP, draw_png, write_url

PNG = draw_png()
LIST = TypeAdapter[list[AttachmentParam]](AttachmentList)


@pytest.mark.parametrize(
    ("entry", "media_type", "label"),
    [
        ("https://example.com/a/photo.JPG?size=big", "image/jpeg", "photo.JPG"),
        ({"url": "https://example.com/it", "type": "application/pdf"}, "application/pdf", "it"),
        ({"url": "https://example.com/x", "name": "notes.md"}, "text/markdown", "notes.md"),
        ({"url": "https://example.com/x.png", "type": "image/JPG; q=1"}, "image/jpeg", "x.png"),
        ("https://example.com/photo?signature=a.docx", "*/*", "photo"),
        ("https://example.com/pdf/2401.12345", "*/*", "2401.12345"),
        ("https://example.com/data.bin", "*/*", "data.bin"),
        ({"url": "https://example.com/photo?signature=a", "type": "image/*"}, "image/*", "photo"),
        ({"url": write_url("image/png", JPEG), "type": "image/*"}, "image/*", None),
        ("storage:photos/a%20b/me.webp", "image/webp", "me.webp"),
        ({"url": "storage:photos/ü/me", "type": "text/csv"}, "text/csv", "me"),
        (write_url("image/png", PNG), "image/png", None),
        (write_url("IMAGE/GIF", GIF), "image/gif", None),
        (write_url("image/jpeg", JPEG), "image/jpeg", None),
        (write_url("image/webp", WEBP), "image/webp", None),
        (write_url("application/pdf", PDF), "application/pdf", None),
        ("data:,hello%20there", "text/plain", None),
        ("data:text/csv;charset=utf-8,a%2Cb", "text/csv", None),
        ({"url": write_url("image/png", PNG), "name": "red.png"}, "image/png", "red.png"),
    ],
)  # fmt: skip
def test_files_are_known_by_their_type(entry: Any, media_type: str, label: str | None) -> None:
    (file,) = LIST.validate_python([entry])

    assert (file.media_type, file.label) == (media_type, label)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("", "at least 1 character"),
        ("photo.png", "https://..., data:image/png;base64,... or storage:BUCKET/PATH"),
        ("file:///etc/passwd", "cannot be read"),
        ("STORAGE:a/b.png", "cannot be read"),
        ("javascript:alert(1)", "cannot be read"),
        ("https://example.com/photo.svg", "'image/svg+xml' is not accepted"),
        ("storage:papers/a.zip", "is not accepted"),
        ({"url": write_url("image/png", PDF), "type": "image/*"}, "application/pdf, not an image"),
        ({"url": "data:,hello", "type": "image/*"}, "something else, not an image of GIF, JPEG"),
        ({"url": "data:,", "type": "image/*"}, "it is empty"),
        ({"url": "https://example.com/a.mp4", "type": "video/*"}, "is not accepted"),
        ("https://[/x.png", "is no URL"),
        ({"url": "https://example.com/a.png", "type": "image/svg+xml"}, "is not accepted"),
        ({"url": "https://example.com/a.docx", "type": "application/msword"}, "is not accepted"),
        ({"url": "https://example.com/a.png", "kind": "image"}, "Extra inputs"),
        ({"url": "https://example.com/a.png", "name": "a\nb"}, "should match pattern"),
        ({}, "Field required"),
        (7, "valid dictionary"),
        ("storage:photos", "must be storage:BUCKET/PATH"),
        ("storage:photos/../secrets/a.png", "must be storage:BUCKET/PATH"),
        ("storage:photos//a.png", "must be storage:BUCKET/PATH"),
        ("storage:../a.png", "must be storage:BUCKET/PATH"),
        ("storage:photos/a\u0000.png", "must be storage:BUCKET/PATH"),
        ("data:image/png", "it is no data URL"),
        ("data:image/png;base64,???", "no base64"),
        ("data:image/png;base64,", "it is empty"),
        (write_url("image/png", b"<svg onload=alert(1)>"), "something else, not image/png"),
        (write_url("image/png", b"<html><script>"), "something else, not image/png"),
        (write_url("image/png", JPEG), "it is image/jpeg, not image/png"),
        (write_url("text/plain", PNG), "it is image/png, not text/plain"),
        (write_url("text/plain", b"\xff\xfe"), "not UTF-8"),
        (write_url("text/plain", b"a\0b"), "a NUL"),
        ({"url": write_url("image/png", PNG), "type": "image/gif"}, "its URL says image/png"),
        (write_url("image/png", draw_png(claims=(100_000, 100_000))), "100000 x 100000 pixels"),
        (write_url("image/png", draw_png(claims=(0, 5))), "says no size"),
        (write_url("image/png", PNG[:12]), "its head"),
        (write_url("image/jpeg", b"\xff\xd8\xff" + b"\xff\xe0\x00\x02" * 50), "its head"),
        (write_url("image/webp", b"RIFF\0\0\0\0WEBPVP8 "), "its head"),
    ],
)
def test_what_cannot_be_used_is_explained(entry: Any, problem: str) -> None:
    with pytest.raises(ValidationError) as refused:
        LIST.validate_python([entry])
    assert problem in str(refused.value)


def test_at_most_twenty() -> None:
    with pytest.raises(ValidationError, match="at most 20 items"):
        LIST.validate_python(["https://example.com/a.png"] * 21)


def test_data_urls_are_read_as_they_are_written() -> None:
    assert read_data_url(write_data_url("image/png", PNG)) == ("image/png", PNG)
    escaped = base64.b64encode(PNG).decode().replace("+", "%2B").replace("=", "%3D")
    assert read_data_url(f"data:image/png;base64,{escaped}") == ("image/png", PNG)


def test_turns_of_the_user_and_results_of_tools_have_files() -> None:
    turn = {"role": "user", "content": "Look", "attachments": ["https://example.com/a.png"]}
    params = ChatParams.model_validate({"messages": [turn]}).for_request()

    assert params["messages"][0]["attachments"] == [{"url": "https://example.com/a.png"}]
    called = {"role": "assistant", "content": "", "tool_calls": [{"id": "a", "name": "f"}]}
    result = turn | {"role": "tool", "tool_call_id": "a"}
    params = ChatParams.model_validate({"messages": [called, result]}).for_request()
    assert params["messages"][1]["attachments"] == [{"url": "https://example.com/a.png"}]
    with pytest.raises(ValidationError, match="only turns of the user and of tools have files"):
        ChatParams.model_validate({"messages": [turn | {"role": "assistant"}]})


def test_a_task_with_files_needs_models_that_read_them() -> None:
    turn = {"role": "user", "content": "", "attachments": ["https://example.com/a.pdf"]}
    params = {
        "attachments": ["https://example.com/a.png", "data:,abc", "nonsense", 5],
        "messages": [turn, "nonsense"],
    }

    assert list_file_kinds(params) == {"image", "text", "pdf"}
    assert Requirements.from_task("CHAT", "Look", params).modalities == ("text", "image", "pdf")
    stated = params | {"task_requirements": {"modalities": ["audio"]}}
    modalities = Requirements.from_task("CHAT", "Look", stated).modalities
    assert modalities == ("audio", "image", "pdf", "text")
    assert Requirements.from_task("CHAT", "Look", {}).modalities == ("text",)
    assert count_file_characters(params) == 6_000 + len("data:,abc") + 80_000


def test_a_file_of_unknown_type_needs_a_model_that_reads_what_it_may_be() -> None:
    image = {"url": "https://example.com/it", "type": "image/*"}

    assert list_file_kinds({"attachments": [image]}) == {"image"}
    assert list_file_kinds({"attachments": ["https://example.com/it"]}) == {"image", "pdf"}
    assert count_file_characters({"attachments": [image]}) == 6_000
