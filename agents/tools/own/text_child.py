"""A process that searches texts and extracts those of pages and PDFs, run as a program.

It answers lines of JSON: `{"search": ...}`, `{"page": ...}` and `{"pdf": ...}`. It has limits of
memory and CPU time, and ends when its stdin is closed.
"""

import io
import json
import logging
import re
import resource
import struct
import sys
import zlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

_MEMORY = 1024 * 1024 * 1024
_CPU_SECONDS = 20
_MAX_LINE = 200
_MAX_TEXT = 2_000_000
_MALFORMED = (
    AttributeError,
    AssertionError,
    NotImplementedError,
    TypeError,
    struct.error,
    zlib.error,
)
"""What a PDF that is none lets a reader raise, beside its own errors and those of values."""
_NOT_TEXT = ("script", "style", "noscript", "template", "svg", "iframe", "object")


def main() -> None:
    """Answer requests from stdin."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            [(kind, asked)] = request.items()
            answer = {"search": _search, "page": _read, "pdf": _read_pdf}[kind](asked)
        except (re.error, RecursionError, ValueError, LookupError, OverflowError) as error:
            answer = {"problem": str(error)[:500] or type(error).__name__}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _search(asked: Mapping[str, Any]) -> dict[str, Any]:
    pattern = re.compile(asked["pattern"], re.IGNORECASE if asked["ignore_case"] else 0)
    matches: list[tuple[str, int, str]] = []
    for path, text in asked["texts"].items():
        for number, line in enumerate(text.splitlines(), 1):
            if pattern.search(line):
                matches.append((path, number, line[:_MAX_LINE]))
                if len(matches) >= asked["most"]:
                    return {"matches": matches}
    return {"matches": matches}


def _read(asked: Mapping[str, Any]) -> dict[str, Any]:
    from bs4 import BeautifulSoup  # noqa: PLC0415 - a search needs none

    html = asked["html"].encode("latin-1")
    page = BeautifulSoup(html, "html.parser", from_encoding=asked["charset"])
    title = page.title.get_text(" ", strip=True) if page.title else ""
    for each in page.find_all([*_NOT_TEXT, "title"]):
        each.decompose()
    for link in page.find_all("a", href=True):
        target = urljoin(asked["url"], str(link["href"]))
        if target.startswith(("http://", "https://")) and link.get_text(strip=True):
            link.append(f" <{target}>")
    for line_break in page.find_all("br"):
        line_break.replace_with("\n")
    for block in page.find_all(["p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "pre"]):
        block.append("\n")
    text = re.sub(r"[ \t\r\f\v\xa0]+", " ", page.get_text())
    text = re.sub(r" ?\n[ \n]*\n ?", "\n\n", text).strip()
    return {"title": title[:_MAX_LINE], "text": text[:_MAX_TEXT]}


def _read_pdf(asked: Mapping[str, Any]) -> dict[str, Any]:
    from pypdf import PdfReader  # noqa: PLC0415 - only PDFs need it
    from pypdf.errors import PyPdfError  # noqa: PLC0415

    logging.disable()  # it says much about files that are a little wrong
    try:
        reader = PdfReader(io.BytesIO(asked["content"].encode("latin-1")))
        if reader.is_encrypted and not reader.decrypt(""):
            raise ValueError("it is encrypted")
        title = (reader.metadata.title if reader.metadata else None) or ""
        text = ""
        for page in reader.pages:
            text += f"{page.extract_text()}\n\n"
            if len(text) > _MAX_TEXT:
                raise ValueError(f"it has more than {_MAX_TEXT:,} characters: split it")
    except (PyPdfError, *_MALFORMED) as error:
        raise ValueError(str(error) or type(error).__name__) from error
    return {"title": title[:_MAX_LINE], "text": text.strip()}


if __name__ == "__main__":
    main()
