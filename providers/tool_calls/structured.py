"""Calls that a server sent as data, which it does not check."""

import json
from collections.abc import Iterable

from providers.tool_calls.messages import Found, Rejected, ToolCall
from providers.tool_calls.scanner import JSON, Broken, Scanner
from providers.tool_calls.source import Source
from providers.tool_calls.toolset import Toolset


class CallChecker:
    """Checks and repairs calls as those in text are."""

    def __init__(self, tools: Iterable[object]) -> None:
        self._tools = Toolset(tools)

    def check(
        self,
        name: str | None,
        arguments: object,
        *,
        id_: str | None = None,
        finish_reason: str | None = None,
    ) -> ToolCall | Rejected:
        """Return the call if it may be executed; why not, otherwise.

        Arguments are JSON text, or a value; after `length` text that is not closed is cut off.
        """
        found = Found(name or None, None, 0, 0, id=id_)
        if not isinstance(arguments, str):
            found.arguments, raw = arguments, json.dumps(arguments, ensure_ascii=False)
        else:
            raw = arguments
            if raw.strip():
                _read(found, raw, is_length=finish_reason == "length")
        return self._tools.check(found, raw, "structured")


def _read(found: Found, text: str, *, is_length: bool) -> None:
    """Set the arguments of a call from their text."""
    source = Source(text, is_final=True)
    scanner = Scanner(source, JSON)
    at = source.skip_space(0)
    if source.text.startswith("```", at):
        found.add_repairs(["code_fence"])
        at = max(source.text.find("{", at), at)
    try:
        found.arguments, end = scanner.read(at)
    except Broken as error:
        found.reason = "truncated" if error.is_cut else "malformed"
        found.detail = error.detail
        return
    found.add_repairs(scanner.repairs)
    rest = source.text[end:].strip()
    if rest.strip("}]` \n"):
        found.reason, found.detail = "malformed", "text after the arguments"
    elif rest.strip("` \n"):
        found.add_repairs(["surplus_closers"])
    if scanner.needed_closing and is_length:
        found.reason, found.detail = "truncated", "the text ends in the arguments"
