"""Options for what a model gets beside the prompt: tools, files, and a schema for its answer."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Annotated, Any, Final

import typer
from pydantic import ValidationError

from agents.attachments import AttachmentParam
from agents.attachments.data_urls import write_data_url
from agents.attachments.media_types import (
    ContentInvalid,
    check_content,
    guess_media_type,
    sniff_media_type,
)
from agents.attachments.params import STORAGE
from cogo.errors import UsageError
from protocol.json_schema import check_schema
from protocol.json_values import explain_mistake, parse_json

Tools = Annotated[
    list[str] | None,
    typer.Option(
        "--tool",
        metavar="NAME",
        help="A tool that the model may call; repeatable. `cogo tools` lists them.",
    ),
]
AnswerSchema = Annotated[
    str | None,
    typer.Option(
        "--schema",
        metavar="FILE|JSON",
        help="JSON Schema that the answer must follow. The result is then its data, as JSON.",
    ),
]
Attach = Annotated[
    list[str] | None,
    typer.Option(
        "--attach",
        metavar="FILE|URL",
        help="An image, a PDF or a text for the model: a file, https://... or "
        "storage:BUCKET/PATH; repeatable.",
    ),
]

MAX_PARAMS_BYTES: Final = 1024 * 1024
"""What a row takes (supabase/schemas/60_triggers/20_prepare_task.sql)."""
MAX_ATTACHED_BYTES: Final = 768 * 1024
"""Bytes of all attached files of this machine: a data URL is a third longer than its content."""
MAX_READ_CHARACTERS: Final = 10_000_000
"""Characters of a file that is read as text: far more than fits into a row."""
_REMOTE: Final = ("https:", "http:", "data:", STORAGE)
_TEXT: Final = "text/plain"
_INSTEAD: Final = (
    "put it into Supabase Storage (--attach storage:BUCKET/PATH), or where executors may fetch it "
    "(--attach https://..., see [fetch] in docs/how-to/send-images-and-files.md)"
)


def add_request(
    params: dict[str, Any],
    *,
    tools: Sequence[str] | None = None,
    schema: str | None = None,
    attach: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Return the params with tools, a schema and files. Raises UsageError."""
    added = dict(params)
    if tools:
        added["tools"] = [*_get_list(params, "tools"), *tools]
    if schema is not None:
        added["response_schema"] = read_schema(schema)
    if attach:
        added["attachments"] = [*_get_list(params, "attachments"), *read_attachments(attach)]
        size = len(json.dumps(added, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        if size > MAX_PARAMS_BYTES:
            raise UsageError(
                f"with its files the task's parameters have {size:,} bytes, and a task holds "
                f"{MAX_PARAMS_BYTES:,}",
                hint=_INSTEAD,
            )
    return added


def read_schema(text: str) -> dict[str, Any]:
    """Return a JSON Schema, given as such or as the name of its file. Raises UsageError."""
    where, content = "--schema", text
    if not text.lstrip().startswith(("{", "[", '"')):
        where = f"--schema {text}"
        try:
            content = read_limited_text(Path(text))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError(
                f"{where} cannot be read: {reason}",
                hint="""it is a file, or a JSON object: --schema '{"type": "object"}'""",
            ) from error
    try:
        schema = parse_json(content)
    except ValueError as error:
        raise UsageError(f"{where} is not JSON: {error}") from error
    if (problem := check_schema(schema)) is not None or not isinstance(schema, dict):
        raise UsageError(f"{where} cannot be used: {problem}")
    return schema


def read_limited_text(file: Path) -> str:
    """Return the text of a file or a pipe. Raises ValueError if it is too large, and OSError."""
    with file.open(encoding="utf-8") as opened:  # /dev/zero never ends, and has no size
        content = opened.read(MAX_READ_CHARACTERS + 1)
    if len(content) > MAX_READ_CHARACTERS:
        raise ValueError(f"it has more than {MAX_READ_CHARACTERS:,} characters")
    return content


def read_attachments(places: Sequence[str]) -> list[dict[str, str]]:
    """Return files as params have them; those of this machine as data URLs.

    Raises UsageError.
    """
    room, found = MAX_ATTACHED_BYTES, []
    for place in places:
        where = f"--attach {place[:200]}"
        if place.lower().startswith(_REMOTE):
            each = {"url": place}
        else:
            content = _read_content(Path(place), where, room)
            room -= len(content)
            each = _build_attachment(content, PurePath(place).name, where)
        try:
            AttachmentParam.model_validate(each)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise UsageError(f"{where}: {explain_mistake(first)}") from error
        found.append(each)
    return found


def _read_content(file: Path, where: str, room: int) -> bytes:
    try:
        if not file.exists():
            raise UsageError(f"{where}: there is no such file, and it is no URL")
        if not file.is_file():
            raise UsageError(f"{where}: it is no regular file")
        size = file.stat().st_size
        if size > room:
            raise UsageError(
                f"{where}: it has {size:,} bytes; the files of one task may have "
                f"{MAX_ATTACHED_BYTES:,} in its row",
                hint=_INSTEAD,
            )
        return file.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{where} cannot be read: {reason}") from error


def _build_attachment(content: bytes, name: str, where: str) -> dict[str, str]:
    """Return a file by value, with the type of its content."""
    media_type = sniff_media_type(content)
    if media_type is None:
        guessed = guess_media_type(name) or _TEXT
        media_type = guessed if guessed.startswith(("text/", "application/")) else _TEXT
    try:
        check_content(content, media_type)
    except ContentInvalid as error:
        raise UsageError(
            f"{where}: {error}; images (PNG, JPEG, GIF, WebP), PDF and UTF-8 texts are accepted"
        ) from error
    shown = "".join(each for each in name if each.isprintable())[:200]
    return {"url": write_data_url(media_type, content), **({"name": shown} if shown else {})}


def _get_list(params: Mapping[str, Any], name: str) -> list[Any]:
    given = params.get(name, [])
    if not isinstance(given, list):
        raise UsageError(f"--params has {name} that are not a list")
    return given
