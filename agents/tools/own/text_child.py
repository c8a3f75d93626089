"""A process that searches texts and extracts texts of pages, run as a program.

It answers lines of JSON: `{"search": ...}` and `{"page": ...}`. It has limits of memory and CPU
time, and ends when its stdin is closed.
"""

import json
import re
import resource
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

_MEMORY = 1024 * 1024 * 1024
_CPU_SECONDS = 20
_MAX_LINE = 200
_MAX_TEXT = 2_000_000
_NOT_TEXT = ("script", "style", "noscript", "template", "svg", "iframe", "object")


def main() -> None:
    """Answer requests from stdin."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            answer = _search(request["search"]) if "search" in request else _read(request["page"])
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


if __name__ == "__main__":
    main()
