"""Documents from files and requests, cut into chunks."""

import asyncio
import hashlib
from pathlib import PurePath
from typing import Final

from agents.memory.chunking import cut_into_chunks, find_text_kind
from protocol.errors import InvalidArgument
from protocol.json_values import repair_surrogates
from protocol.records.memory import CutDocument, NewChunk

MAX_DOCUMENT_BYTES: Final = 20 * 1024 * 1024
MAX_CHUNKS: Final = 50_000
_PAGES: Final = (".html", ".htm", ".xhtml")
_BYTE_ORDERS: Final = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_TITLE: Final = 200


async def cut_document(content: bytes, name: str) -> CutDocument:
    """Return a document in chunks; the end of its name says what it is. Raises InvalidArgument."""
    if len(content) > MAX_DOCUMENT_BYTES:
        raise InvalidArgument(
            f"it has {len(content):,} bytes, and a document may have {MAX_DOCUMENT_BYTES:,}",
            hint="split it",
        )
    is_pdf = content.startswith(b"%PDF")
    if is_pdf or PurePath(name).suffix.lower() in _PAGES:
        title, text = await _extract(content, is_pdf=is_pdf)
    else:
        title, text = None, _decode(content)
    chunks = await asyncio.to_thread(cut_into_chunks, text, find_text_kind(name))
    if not chunks:
        hint = "a scanned one needs an OCR program first" if is_pdf else None
        raise InvalidArgument("there is no text in it", hint=hint)
    if len(chunks) > MAX_CHUNKS:
        raise InvalidArgument(f"it has {len(chunks):,} chunks, and may have {MAX_CHUNKS:,}")
    return CutDocument(
        title=(title or _find_title(chunks[0].heading, name))[:_TITLE],
        sha256=hashlib.sha256(content).hexdigest(),
        chunks=[
            NewChunk(content=each.content, heading=each.heading, start=each.start, end=each.end)
            for each in chunks
        ],
    )


async def _extract(content: bytes, *, is_pdf: bool) -> tuple[str | None, str]:
    """Return the title and the text of a PDF file or a page. Raises InvalidArgument."""
    from agents.tools.own.text_process import (  # noqa: PLC0415  imports the whole sandbox
        TextTaskFailed,
        extract_pdf,
        extract_text,
    )

    try:
        if is_pdf:
            return await extract_pdf(content)
        return await extract_text(content, charset=None, url="")
    except TextTaskFailed as error:
        raise InvalidArgument(f"its text cannot be extracted: {error}") from error


def _decode(content: bytes) -> str:
    """Return the text of a file. Raises InvalidArgument."""
    encoding = _BYTE_ORDERS.get(content[:2], "utf-8-sig")
    if encoding == "utf-8-sig" and b"\0" in content:
        raise InvalidArgument("it is no text: it contains bytes that are 0")
    try:
        return repair_surrogates(content.decode(encoding)).replace("\0", "\ufffd")
    except UnicodeDecodeError as error:
        raise InvalidArgument(
            f"it is no text in UTF-8 (byte {error.start:,})",
            hint="`iconv -t UTF-8` converts other encodings",
        ) from error


def _find_title(heading: str | None, name: str) -> str:
    return (heading or "").partition(" > ")[0] or PurePath(name).name
