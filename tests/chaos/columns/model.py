"""A fake model, whose answers say from which sources and by which version they were made."""

import hashlib
import re
from collections.abc import Iterable
from typing import Any, Final

_TOKEN: Final = re.compile(r"\btok\d+\b")
_MARK: Final = re.compile(r"\bver\d+\b")
LEVELS: Final = 10
"""Of numbers that the model gives."""


def find_tokens(text: str | None) -> list[str]:
    """Return the values of sources that a text contains: each was written once."""
    return _TOKEN.findall(text or "")


def find_mark(prompt: str) -> str:
    """Return the mark of the version that asks."""
    found = _MARK.search(prompt)
    return found[0] if found else ""


def read_digest(mark: str, tokens: Iterable[str]) -> str:
    """Return what the answer of a version about these sources begins with."""
    return hashlib.sha256(" ".join([mark, *sorted(tokens)]).encode()).hexdigest()


def make_text(digest: str) -> str:
    """Return an answer for a column of text."""
    return f"m:{digest[:16]}"


def make_level(digest: str) -> int:
    """Return an answer for a column of numbers."""
    return int(digest[:8], 16) % LEVELS


def make_vector(digest: str) -> list[float]:
    """Return an answer for a column of vectors."""
    return [float(int(digest[at : at + 4], 16)) for at in (0, 4, 8)]


def answer(task: dict[str, Any]) -> dict[str, Any]:
    """Return the output of a task, as executors write it."""
    prompt = task["prompt"]
    params = task["params"]
    if task["type"] == "EMBED":
        texts = params.get("input") or [prompt]
        texts = [texts] if isinstance(texts, str) else texts
        digests = [read_digest(find_mark(each), find_tokens(each)) for each in texts]
        return {
            "text": f"{len(texts)} texts",
            "embeddings": [make_vector(each) for each in digests],
            "encoding_format": "float",
        }
    digest = read_digest(find_mark(prompt), find_tokens(prompt))
    if "response_schema" in params:
        return {"text": "a number", "data": {"value": make_level(digest)}}
    return {"text": f"  {make_text(digest)}\n"}
