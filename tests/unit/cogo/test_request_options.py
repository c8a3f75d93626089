"""`--tool`, `--schema` and `--attach`: what they make of params, and what each mistake gets."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from agents.attachments import AttachmentParam
from agents.attachments.data_urls import read_data_url
from cogo.cli.request_options import MAX_ATTACHED_BYTES, add_request, read_attachments, read_schema
from cogo.errors import CommandError
from cogo.watch.format import get_answer
from protocol.records import Task
from tests.support.files.pictures import draw_png

PNG = draw_png()
CITY = '{"type": "object", "properties": {"name": {"type": "string"}}}'


def test_options_are_added_to_what_params_say() -> None:
    params = add_request(
        {"tools": ["a"], "language": "python"}, tools=["b", "mcp:s"], schema=CITY, attach=None
    )

    assert params == {
        "tools": ["a", "b", "mcp:s"], "language": "python", "response_schema": json.loads(CITY),
    }  # fmt: skip
    assert add_request({"x": 1}) == {"x": 1}


def test_a_schema_may_be_a_file(tmp_path: Path) -> None:
    file = tmp_path / "city.json"
    file.write_text(CITY)

    assert read_schema(str(file)) == json.loads(CITY) == read_schema(f"  {CITY}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("none.json", "--schema none.json cannot be read: No such file"),
        ("/dev/zero", "--schema /dev/zero cannot be read: it has more than 10,000,000"),
        ('{"type":\n "object",}', "--schema is not JSON: .*line 2 column 11"),
        ('{"type": "objekt"}', "--schema cannot be used: .*objekt"),
        ("[1]", "it must be a JSON object"),
        ('{"properties": {"a": {"$ref": "https://example.com/x"}}}', "cannot be used: "),
        ("[" * 5000 + "]" * 5000, "nested more than 100"),
        ("a\0b", "cannot be read"),
    ],
)
def test_a_wrong_schema_is_refused_with_the_place(text: str, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        read_schema(text)


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("photo.jpg", PNG, "image/png"),
        ("notes.md", b"# Notes", "text/markdown"),
        ("data", "\u00e4".encode(), "text/plain"),
        ("picture.png", b"no picture", "text/plain"),
        ("main.py", b"x = 1", "text/x-python"),
    ],
)
def test_a_file_becomes_a_data_url_of_the_type_of_its_content(
    tmp_path: Path, name: str, content: bytes, media_type: str
) -> None:
    (tmp_path / name).write_bytes(content)

    [found] = read_attachments([str(tmp_path / name)])

    assert found["name"] == name
    assert read_data_url(found["url"]) == (media_type, content)
    assert AttachmentParam.model_validate(found).media_type == media_type


def test_urls_go_as_they_are() -> None:
    places = [
        "https://example.com/signed?a=b",
        "https://example.com/a.png",
        "storage:scans/a/b.pdf",
        "data:text/plain,hi",
    ]

    assert read_attachments(places) == [{"url": each} for each in places]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.zip", b"PK\x03\x04\xff\0", "UTF-8"),
        ("a.txt", b"", "it is empty"),
        ("a.txt", b"a\0b", "NUL"),
        ("big.txt", b"x" * (MAX_ATTACHED_BYTES + 1), "storage:BUCKET/PATH"),
        ("a.png", PNG[:12], "its head"),
    ],
)
def test_a_file_that_no_model_takes_is_refused(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(CommandError, match=words):
        read_attachments([str(tmp_path / name)])


def test_what_is_no_file_is_refused_without_reading_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    wrong = {
        str(tmp_path / "pipe"): "no regular file",
        str(tmp_path): "no regular file",
        str(tmp_path / "none"): "there is no such file",
        "storage:../x": "must be storage:BUCKET/PATH",
        "https://example.com/x.zip": "is not accepted",
        "ftp://example.com/x.png": "there is no such file, and it is no URL",
        "a\0b": "cannot be read|no such file",
        "x" * 5000: "cannot be read|no such file",
    }

    for place, words in wrong.items():
        with pytest.raises(CommandError, match=words):
            read_attachments([place])


def test_all_files_of_a_task_share_the_room_of_its_row(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_bytes(b"x" * (MAX_ATTACHED_BYTES // 2 + 1))

    with pytest.raises(CommandError, match=r"b\.txt: it has"):
        read_attachments([str(tmp_path / "a.txt"), str(tmp_path / "b.txt")])
    with pytest.raises(CommandError, match="its files the task's parameters have"):
        add_request({"context": "y" * 700_000}, attach=[str(tmp_path / "a.txt")])
    with pytest.raises(CommandError, match="tools that are not a list"):
        add_request({"tools": "a"}, tools=["b"])


@pytest.mark.parametrize(
    ("params", "result", "answer"),
    [
        ({}, {"text": "a", "data": [1]}, "a"),
        ({"response_schema": {}}, {"text": "a", "data": {"b": "\x9b\u00e4"}},
         '{\n  "b": "\\u009b\u00e4"\n}'),
        ({"response_schema": {}}, {"generated_code": "x = 1", "data": None}, "null"),
        ({"response_schema": {}}, {"text": "a"}, "a"),
    ],
)  # fmt: skip
def test_with_a_schema_the_answer_is_the_data(
    params: dict[str, Any], result: dict[str, Any], answer: str
) -> None:
    task = Task.model_validate(
        {"id": "0" * 32, "type": "CHAT", "prompt": "?", "status": "completed", "params": params,
         "result": result, "created_at": "2026-11-28T12:00:00Z"}
    )  # fmt: skip

    assert get_answer(task) == answer
