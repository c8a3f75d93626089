"""The types of files that models get, and the check that a content is of its type."""

import io
from pathlib import PurePosixPath
from typing import Final, Literal, TypeAlias

import imagesize  # type: ignore[import-untyped]

from providers.chat import is_text_type

FileKind: TypeAlias = Literal["image", "pdf", "text"]

PDF: Final = "application/pdf"
MAX_PIXELS: Final = 50_000_000
"""Of an image. A few kilobytes can say that they are a picture of gigabytes."""
MAX_TEXT: Final = 2_000_000
"""Characters of a text; above every context window."""
ACCEPTED: Final = (
    "images (image/png, image/jpeg, image/gif, image/webp), application/pdf and texts "
    "(text/plain, text/markdown, text/csv, text/html, application/json and the like)"
)
_IMAGES: Final = ("image/gif", "image/jpeg", "image/png", "image/webp")
_OTHER_NAMES: Final = {"image/jpg": "image/jpeg", "application/x-pdf": PDF}
_BY_ENDING: Final = {
    ".gif": "image/gif", ".jpeg": "image/jpeg", ".jpg": "image/jpeg", ".png": "image/png",
    ".webp": "image/webp", ".pdf": PDF,
    ".css": "text/css", ".csv": "text/csv", ".htm": "text/html", ".html": "text/html",
    ".json": "application/json", ".jsonl": "application/jsonl", ".log": "text/plain",
    ".markdown": "text/markdown", ".md": "text/markdown", ".sql": "application/sql",
    ".toml": "application/toml", ".tsv": "text/tab-separated-values", ".txt": "text/plain",
    ".xml": "application/xml", ".yaml": "application/yaml", ".yml": "application/yaml",
    ".c": "text/x-c", ".go": "text/x-go", ".java": "text/x-java", ".js": "text/javascript",
    ".py": "text/x-python", ".rs": "text/x-rust", ".sh": "text/x-sh", ".ts": "text/typescript",
}  # fmt: skip


class ContentInvalid(ValueError):
    """A content is not what it should be; the message says what it is."""


def normalize_media_type(text: str) -> str:
    """Return a type in lower case, without parameters, by its usual name."""
    kind = text.partition(";")[0].strip().lower()
    return _OTHER_NAMES.get(kind, kind)


def guess_media_type(path: str) -> str | None:
    """Return the type that the ending of a name stands for."""
    return _BY_ENDING.get(PurePosixPath(path).suffix.lower())


def get_file_kind(media_type: str) -> FileKind | None:
    """Return what a model must be able to read; None if no model gets such files."""
    if media_type in _IMAGES:
        return "image"
    if media_type == PDF:
        return "pdf"
    return "text" if is_text_type(media_type) else None


def sniff_media_type(content: bytes) -> str | None:
    """Return the type of an image or a PDF file by how it begins."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    return PDF if content.startswith(b"%PDF-") else None


def check_content(content: bytes, media_type: str) -> None:
    """Raise ContentInvalid if a content is not of a type, or no model could take it."""
    if not content:
        raise ContentInvalid("it is empty")
    found = sniff_media_type(content)
    kind = get_file_kind(media_type)
    if kind == "text":
        if found is not None:
            raise ContentInvalid(f"it is {found}, not {media_type}")
        _check_text(content, media_type)
    elif found != media_type:
        raise ContentInvalid(f"it is {found or 'something else'}, not {media_type}")
    if kind == "image":
        _check_pixels(content)


def _check_text(content: bytes, media_type: str) -> None:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise ContentInvalid(f"it is not UTF-8 text, which {media_type} must be") from None
    if "\0" in text:
        raise ContentInvalid(f"it has a NUL, which {media_type} must not have")
    if len(text) > MAX_TEXT:
        raise ContentInvalid(f"it has {len(text):,} characters, more than {MAX_TEXT:,}")


def _check_pixels(content: bytes) -> None:
    """Read the size of an image from its head, in Python only: nothing is decoded."""
    try:
        width, height = imagesize.get(io.BytesIO(content))
    except Exception as error:
        raise ContentInvalid(f"its head is damaged: {error}") from error
    if not (width > 0 and height > 0):
        raise ContentInvalid("its head says no size")
    if width * height > MAX_PIXELS:
        raise ContentInvalid(
            f"it has {width} x {height} pixels, more than {MAX_PIXELS:,}: make it smaller"
        )
