"""The types of files that models get, and the check that a content is of its type."""

import io
from mimetypes import MimeTypes
from pathlib import PurePosixPath
from typing import Final, Literal, TypeAlias

import imagesize  # type: ignore[import-untyped]

from providers.chat import is_text_type

FileKind: TypeAlias = Literal["image", "pdf", "text"]

PDF: Final = "application/pdf"
ANY_IMAGE: Final = "image/*"
"""An image whose content says of which type."""
ANY_FILE: Final = "*/*"
"""A file whose content says of which type."""
MAX_PIXELS: Final = 50_000_000
"""Of an image. A few kilobytes can say that they are a picture of gigabytes."""
MAX_TEXT: Final = 2_000_000
"""Characters of a text; above every context window."""
ACCEPTED: Final = (
    "images (image/png, image/jpeg, image/gif, image/webp), application/pdf and texts "
    "(text/plain, text/markdown, text/csv, text/html, application/json and the like)"
)
_IMAGES: Final = ("image/gif", "image/jpeg", "image/png", "image/webp")
_IMAGE_NAMES: Final = "GIF, JPEG, PNG or WebP"
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


_BYTES: Final = "application/octet-stream"
_USUAL: Final = MimeTypes()
"""Of the standard library, not of this machine."""


class ContentInvalid(ValueError):
    """A content is not what it should be; the message says what it is."""


def normalize_media_type(text: str) -> str:
    """Return a type in lower case, without parameters, by its usual name."""
    kind = text.partition(";")[0].strip().lower()
    return _OTHER_NAMES.get(kind, kind)


def guess_media_type(path: str) -> str | None:
    """Return the type that the ending of a name stands for."""
    return _BY_ENDING.get(PurePosixPath(path).suffix.lower())


def guess_refused_type(path: str) -> str | None:
    """Return the type of a usual file that no model gets, such as .svg or .zip, by its ending."""
    found, encoding = _USUAL.guess_type(path.rpartition("/")[2])
    is_refused = found and encoding is None and found != _BYTES and not get_file_kind(found)
    return found if is_refused else None


def get_file_kind(media_type: str) -> FileKind | None:
    """Return what a model must be able to read; None if no model gets such files."""
    if media_type in _IMAGES:
        return "image"
    if media_type == PDF:
        return "pdf"
    return "text" if is_text_type(media_type) else None


def list_possible_kinds(media_type: str) -> frozenset[FileKind]:
    """Return what a model must be able to read; empty if no model gets such files."""
    if media_type == ANY_IMAGE:
        return frozenset({"image"})
    if media_type == ANY_FILE:
        return frozenset({"image", "pdf"})
    kind = get_file_kind(media_type)
    return frozenset() if kind is None else frozenset({kind})


def find_media_type(content: bytes, wanted: str, *, declared: str | None = None) -> str:
    """Return the exact type of a content. Raises ContentInvalid if it has none that is wanted.

    `declared` is the type by its server, which says what kind of text it is.
    """
    if wanted not in {ANY_IMAGE, ANY_FILE}:
        return wanted
    found = sniff_media_type(content)
    if wanted == ANY_IMAGE and content and found not in _IMAGES:
        raise ContentInvalid(f"it is {found or 'something else'}, not an image of {_IMAGE_NAMES}")
    if found is not None or not content:
        return found or wanted
    if b"\0" in content or not _is_utf8(content):
        raise ContentInvalid(f"it is no image of {_IMAGE_NAMES}, no PDF file and no UTF-8 text")
    return declared if declared is not None and is_text_type(declared) else "text/plain"


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


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


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
