"""Calls that a server sent as data, which it does not check."""

import json
from collections.abc import Iterable
from typing import Final

from providers.tool_calls.formats import Format
from providers.tool_calls.grammars.items import FENCE, ItemReader
from providers.tool_calls.messages import Found, Rejected, ToolCall
from providers.tool_calls.source import Source
from providers.tool_calls.toolset import Toolset

_ROW: Final = Format("structured", ())


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
        raw = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        if isinstance(arguments, str) and arguments.strip():
            found = self._read(name or None, arguments, id_)
            if found.needed_closing and finish_reason == "length":
                found.mark_cut()
        else:
            found = Found(name or None, arguments, 0, 0, id_)
        found.form = "structured"
        return self._tools.check(found, raw)

    def _read(self, name: str | None, text: str, id_: str | None) -> Found:
        """Return the call of arguments that are text."""
        source = Source(text, is_final=True)
        at = source.skip_space(0)
        is_fenced = text.startswith(FENCE, at)
        at = max(text.find("{", at), at) if is_fenced else at
        items = ItemReader(source, _ROW, self._tools).read_call(name, 0, at, id_=id_)
        [found], rest = items.found, text[items.at :].strip("` \n")
        found.add_repairs(["code_fence"] if is_fenced else [])
        if found.reason is None and rest.strip("}] \n"):
            found.reject("text after the arguments")
        elif found.reason is None and rest:
            found.add_repairs(["surplus_closers"])
        return found
