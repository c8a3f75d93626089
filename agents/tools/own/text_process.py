"""Work on texts that a hostile input could make endless, in a process that is then killed."""

from collections.abc import Mapping
from typing import Any, Final

from agents.runtime.json_process import JsonProcess, NoAnswer
from agents.tools.own import text_child

_SECONDS: Final = 10.0


class TextTaskFailed(Exception):
    """The work could not be done; the message says why."""


async def search_texts(
    texts: Mapping[str, str], pattern: str, *, ignore_case: bool, most: int
) -> list[tuple[str, int, str]]:
    """Return the path, number and text of lines that match a regular expression.

    Raises TextTaskFailed: it is none, or it takes too long.
    """
    request = {"pattern": pattern, "ignore_case": ignore_case, "most": most, "texts": dict(texts)}
    found = await _ask({"search": request}, "the regular expression")
    return [(path, line, text) for path, line, text in found["matches"]]


async def extract_text(html: bytes, *, charset: str | None, url: str) -> tuple[str, str]:
    """Return the title and the text of a page. Raises TextTaskFailed."""
    text = html.decode("latin-1")  # as bytes; the child finds the encoding
    found = await _ask({"page": {"html": text, "charset": charset, "url": url}}, "the page")
    return found["title"], found["text"]


async def extract_pdf(content: bytes) -> tuple[str, str]:
    """Return the title and the text of a PDF; both may be empty. Raises TextTaskFailed."""
    found = await _ask({"pdf": {"content": content.decode("latin-1")}}, "the PDF")
    return found["title"], found["text"]


async def _ask(request: Mapping[str, Any], what: str) -> Any:
    process = JsonProcess(text_child.__file__)
    try:
        answer = await process.ask(request, seconds=_SECONDS)
    except NoAnswer as error:
        how = "takes too long" if error.is_late else "needs too much memory"
        raise TextTaskFailed(f"{what} {how}") from error
    finally:
        await process.stop()
    if "problem" in answer:
        raise TextTaskFailed(f"{what} cannot be used: {answer['problem']}")
    return answer
