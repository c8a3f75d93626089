"""Messages of gpt-oss (harmony): channels, recipients and calls."""

import re
from dataclasses import dataclass
from typing import Final

from providers.tool_calls.formats import Format
from providers.tool_calls.grammars.tagged import TaggedReader
from providers.tool_calls.messages import Found
from providers.tool_calls.source import Source
from providers.tool_calls.toolset import Toolset

_ENDS: Final = ("<|end|>", "<|return|>", "<|call|>", "<|channel|>", "<|start|>")
_ROW: Final = Format("harmony", (), _ENDS, "named")
_MESSAGE: Final = "<|message|>"
_MAX_HEADER: Final = 200
_RECIPIENT: Final = re.compile(r"to=([^\s<]+)")
_CHANNEL: Final = re.compile(r"<\|channel\|>\s*(analysis|commentary|final)")
_BEGINNING: Final = re.compile(
    r"<\|(?:channel|start)\|>\s*(?:analysis|commentary|final|assistant|functions\.)"
)
_TOOL: Final = re.compile(r"<\|start\|>\s*(?:functions\.|[^\s<]+\s+to=assistant)")
_NOBODY: Final = frozenset({"assistant", "user", "all"})


@dataclass(frozen=True, slots=True)
class Header:
    """What is before the text of a message."""

    end: int
    recipient: str | None
    is_analysis: bool
    is_result: bool
    """Whether a tool is the author."""


def read_header(source: Source, at: int) -> Header | None:
    """Return the header at a position, None if the token there is text."""
    end = source.find(_MESSAGE, at, _MAX_HEADER)
    after = end + len(_MESSAGE)
    if end < 0:
        if len(source.text) - at >= _MAX_HEADER or not _BEGINNING.match(source.text, at):
            return None
        end = after = len(source.text)
    head = source.text[at:end]
    named = _RECIPIENT.search(head)
    recipient = named[1].removeprefix("functions.") if named else None
    if recipient in _NOBODY:
        recipient = None
    channel = _CHANNEL.search(head)
    is_analysis = channel is not None and channel[1] == "analysis" and recipient is None
    return Header(after, recipient, is_analysis, _TOOL.match(head) is not None)


def read_recipient_call(source: Source, head: Header, tools: Toolset) -> Found:
    """Return the call of which the arguments follow a header."""
    reader = TaggedReader(source, _ROW, tools)
    at = source.skip_space(head.end)
    if not source.get_char(at):
        [found] = reader.build_cut(head.recipient, at).found
    elif source.find_at(_ENDS, at):
        found = Found(head.recipient, None, at, at)
    else:
        items = reader.read_call(head.recipient, at, at)
        [found] = items.found
        found.end = source.skip_space(items.at)
        if found.reason is None and not source.is_end(found.end, reader.ends):
            found.reject("text after the arguments")
        if found.reason == "malformed":
            found.end, _ = reader.find_limit(found.end)
    found.form = "harmony"
    return found
