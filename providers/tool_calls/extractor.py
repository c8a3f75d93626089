"""Separation of an answer into content, reasoning and calls, while it streams."""

import re
from collections.abc import Iterable
from typing import Final

from providers.tool_calls.formats import (
    BY_OPEN,
    EVERYTHING,
    KINDS,
    OPENS,
    REASONING,
    RESULTS,
    THOUGHTS,
    USUAL_THOUGHTS,
    Kind,
    get_family,
)
from providers.tool_calls.grammars.blocks import read_block
from providers.tool_calls.grammars.harmony import read_header, read_recipient_call
from providers.tool_calls.grammars.items import FENCE, Items
from providers.tool_calls.grammars.unmarked import RunReader
from providers.tool_calls.intents import find_intent
from providers.tool_calls.messages import Event, Message
from providers.tool_calls.output import Output
from providers.tool_calls.source import NeedMore, Source, find_code_end, find_result_end, is_quoted
from providers.tool_calls.toolset import Toolset

_SPACES: Final = re.compile(r"[ \t\r]*")
_TICKS: Final = re.compile(r"(?:`+|~+)?")
_SHORT: Final = 128
_FIRST_CREDIT: Final = 4_096
_CREDIT: Final = 4
_FIRST_WASTE: Final = 65_536
_WASTE: Final = 2
_DELIMITERS: Final = re.compile(r"[>}\])`\n]")


class Extractor:
    """One answer as it streams. Feeding it in any pieces, then finishing, equals `extract`.

    Text is read by functions that raise `NeedMore` rather than decide anything that later text
    could change. They begin again when there is more; a budget that grows with the text keeps
    the time linear, so that a very long call may be reported a little late.
    """

    def __init__(
        self,
        tools: Iterable[object],
        *,
        family: str = "auto",
        prefix: str = "",
        has_calls: bool = True,
    ) -> None:
        """Begin an answer; unless `has_calls`, it is not searched for calls.

        Without tools, nothing is taken out of a text but, unless `has_calls`, its reasoning, which
        is between `<think>` and `</think>` unless there is a prefix.
        """
        self._tools = Toolset(tools)
        self._has_calls = has_calls
        self._is_plain = has_calls and not self._tools
        self._literals = EVERYTHING if self._tools else THOUGHTS if prefix else USUAL_THOUGHTS
        self._family = get_family(family)
        self._out = Output(self._tools)
        self._source = Source("", is_final=False)
        self._at = 0
        """Position in the source until which everything is decided."""
        self._pending: list[str] = []
        """Text that came since."""
        self._pending_size = 0
        self._base = 0
        """Position of the source in the whole text."""
        self._credit = _FIRST_CREDIT
        self._is_blocked = False
        self._wasted = 0
        self._is_over = False
        self._is_fresh = True
        """Whether there was only white space until now."""
        self._is_line = True
        self._fence = ""
        self._closer: str | None = ""
        """What ends the reasoning; "" if any tag does whose opening one is in the prompt."""
        self._is_harmony = False
        self._is_analysis = False
        self._follows_call = False
        """Whether there was only white space since the last call."""
        self._is_quoting = False  # in a result that is not closed
        self._no_run_at = -1  # position where no unmarked calls begin
        self._reasoning_at = 0
        self._is_struck = False  # text was struck out: its end looks like a token of Mistral
        self._last = ""  # character that was taken as text
        self._open_prefix(prefix)

    def feed(self, delta: str) -> list[Event]:
        """Return the events of more text."""
        self._out.raw.append(delta)
        if self._is_plain:
            self._out.add_text(delta)
            return self._out.take_events()
        if self._is_over:
            return []
        self._credit += _CREDIT * len(delta)
        is_decided = not self._pending and self._at == len(self._source.text)
        if is_decided and not self._is_line and not self._literals.early.search(delta):
            self._base += len(delta)
            self._last = delta[-1:] or self._last
            self._follows_call = self._follows_call and delta.isspace()
            self._out.add_text(delta)
            return self._out.take_events()
        self._pending.append(delta)
        self._pending_size += len(delta)
        size = len(self._source.text) - self._at + self._pending_size
        if self._is_blocked and (
            self._credit < size or (size > _SHORT and not _DELIMITERS.search(delta))
        ):
            return []
        self._advance(is_final=False)
        return self._out.take_events()

    def finish(self, reason: str | None = None) -> Message:
        """Return the message, all text of which has come."""
        if self._is_plain:
            return Message(self._out.join_content(), finish_reason=reason)
        self._out.is_length = reason == "length"
        self._advance(is_final=True)
        message = self._out.build(reason)
        if self._out.has_calls:
            return message
        intent = find_intent(message.content, self._tools)
        return Message(message.content, message.reasoning, (), (), intent, reason)

    def take_events(self) -> list[Event]:
        """Return what the end of the text decided."""
        return self._out.take_events()

    def drop_prefix(self) -> None:
        """Take the text as content from its beginning: the server separates the reasoning."""
        if self._is_fresh and self._closer:
            self._closer = ""
            self._out.is_reasoning = False

    def _open_prefix(self, prefix: str) -> None:
        """Begin as the text that the template wrote demands."""
        if not prefix:
            return
        for opener, closer in REASONING.items():
            if prefix.rfind(opener) > prefix.rfind(closer):
                self._open_reasoning(closer)
                return
            if closer in prefix:
                self._closer = None
        markers = [each for each in BY_OPEN if prefix.rstrip().endswith(each)]
        if self._tools and markers:
            marker = max(markers, key=len)
            self._out.raw.append(marker)
            self._pending.append(marker)

    def _open_reasoning(self, closer: str) -> None:
        self._closer = closer
        self._out.is_reasoning = True

    def _advance(self, *, is_final: bool) -> None:
        self._source = Source(
            self._source.text[self._at :] + "".join(self._pending), is_final=is_final
        )
        self._base += self._at
        self._at = self._pending_size = 0
        self._pending.clear()
        self._is_blocked = False
        try:
            while not self._is_over and self._step():
                pass
        except NeedMore:
            self._credit -= len(self._source.text) - self._at
            self._is_blocked = True

    def _step(self) -> bool:
        """Handle what is next, return whether there may be more."""
        source, text = self._source, self._source.text
        if self._is_line:
            spaces = _SPACES.match(text, self._at)
            self._emit(spaces.end() if spaces else self._at)
            if not self._fence and self._try_run():
                return True
        match = self._literals.get_pattern(is_final=source.is_final).search(text, self._at)
        self._emit(match.start() if match else len(text))
        if match is None or (match.end() == len(text) and not source.is_final):
            return False  # it may become a longer one
        self._handle(match.group())
        return True

    def _emit(self, end: int) -> None:
        """Take the text until a position as content or reasoning."""
        if end <= self._at:
            return
        text = self._source.text[self._at : end]
        self._at = end
        self._last = text[-1]
        self._out.add_text(text)
        is_blank = text.isspace()
        self._is_line = self._is_line and is_blank
        self._is_fresh = self._is_fresh and is_blank
        self._follows_call = self._follows_call and is_blank

    def _handle(self, literal: str) -> None:
        kind = KINDS[literal]
        end = self._at + len(literal)
        if kind is Kind.LINE:
            self._emit(end)
            self._is_line = True
        elif kind is Kind.CODE or literal.startswith(FENCE):
            if kind is Kind.CODE or self._fence or not self._take_block(literal):
                self._handle_code()
        elif kind is Kind.REASON_END and self._end_reasoning(literal):
            pass
        elif (
            self._fence
            or (self._is_analysis and kind not in (Kind.HARMONY, Kind.END))
            or not self._handle_token(kind, literal)
        ):
            self._emit(end)

    def _handle_token(self, kind: Kind, literal: str) -> bool:
        """Handle a token outside of code, return whether it is more than text."""
        if kind is Kind.OPEN:
            return self._take_block(literal) or self._drop_reopened(literal)
        if kind is Kind.REASON:
            return self._begin_reasoning(literal)
        if kind is Kind.END:
            return self._end_turn(literal)
        if kind is Kind.STRIKE:
            self._is_struck = True
            return False
        if kind is Kind.RESULT:
            self._is_over = self._out.has_calls
            return self._is_over or self._quote_result(literal)
        if kind is Kind.HARMONY:
            return self._take_header()
        if kind is Kind.CONTROL or (kind is Kind.CLOSE and self._out.has_calls):
            self._drop(self._at + len(literal))
            self._is_line = self._is_line or kind is Kind.CONTROL
            return True
        return False

    def _quote_result(self, marker: str) -> bool:
        """Take a result that the model repeats as text, to its end: calls in it are not its own."""
        if self._is_quoting or not self._is_line:
            return False
        start, barrier = self._at, self._closer if self._out.is_reasoning else None
        end = find_result_end(self._source, start, marker, RESULTS[marker], barrier)
        self._is_quoting = end is None
        self._emit(end or start)
        return self._at > start

    def _drop(self, end: int) -> None:
        self._at = end
        self._out.is_trimmed = True

    def _drop_reopened(self, marker: str) -> bool:
        """Drop a marker that only ends the call before it."""
        if self._follows_call and BY_OPEN[marker].closes:
            self._drop(self._at + len(marker))
            return True
        return False

    def _searches(self) -> bool:
        """Return whether calls count here; not if too much text was read in vain already."""
        is_wasteful = self._wasted > _FIRST_WASTE + _WASTE * (self._base + self._at)
        return self._has_calls and not (self._is_analysis or self._is_quoting or is_wasteful)

    def _try_run(self) -> bool:
        """Take unmarked calls if nothing else follows."""
        at = self._at
        char = self._source.text[at : at + 1]
        has_names = self._family.is_pythonic or self._family.is_glm
        is_word = has_names and (char.isalpha() or char == "_")
        if not char or not (char in "{[`" or is_word) or not self._searches():
            return False
        if self._no_run_at == self._base + at:
            return False
        reader = RunReader(self._source, self._tools, self._family)
        run = reader.read(at)
        if run and self._out.is_reasoning and all(each.reason for each in run.found):
            run = None
        if run is None:
            self._no_run_at = self._base + at
            self._wasted += reader.reach - at
            return False
        self._take_calls(run)
        return True

    def _take_block(self, marker: str) -> bool:
        """Take the calls that a marker opens."""
        if (BY_OPEN[marker].needs_line and not self._is_line) or not self._searches():
            return False
        items = self._read_block(self._at, marker)
        if items is None:
            return False
        if self._out.is_reasoning and not self._has_call(items):
            self._wasted += items.at - self._at
            return False
        self._take_calls(items)
        return True

    def _read_block(self, at: int, marker: str) -> Items | None:
        return read_block(self._source, at, marker, self._tools, self._family)

    def _has_call(self, items: Items | None) -> bool:
        """Return whether a call is complete, which may be behind the marker of a section."""
        if items and not items.found:
            marker = self._source.find_at(OPENS, items.at)
            items = self._read_block(items.at, marker) if marker else None
        return items is not None and any(not each.reason for each in items.found)

    def _take_calls(self, items: Items) -> None:
        for found in items.found:
            self._out.add_call(found, self._source.text[found.start : found.end])
        self._drop(items.at)
        self._is_line = self._is_fresh = False
        self._follows_call = True

    def _handle_code(self) -> None:
        """Take code in backticks as text, as far as it goes."""
        source, at = self._source, self._at
        end = source.skip(_TICKS, at)
        ticks = source.text[at:end]
        if self._fence:
            if self._is_line and ticks.startswith(self._fence):
                self._fence = ""
        elif self._is_line and len(ticks) >= len(FENCE):
            self._fence = ticks
        elif ticks[0] == "~":
            pass
        elif (close := find_code_end(source, ticks, end)) is not None and not (
            self._out.is_reasoning and self._closer and self._closer in source.text[end:close]
        ):
            end = close
        elif len(ticks) >= len(FENCE):
            self._fence = ticks
        self._emit(end)

    def _begin_reasoning(self, opener: str) -> bool:
        if not self._is_fresh:
            self._closer = self._closer if self._out.is_reasoning else None
            return False
        self._drop(self._at + len(opener))
        self._open_reasoning(REASONING[opener])
        self._reasoning_at = self._base + self._at
        return True

    def _end_reasoning(self, closer: str) -> bool:
        """End the reasoning, to which calls belong that were in it (R11)."""
        if self._closer is None or self._closer not in ("", closer):
            return False
        end = self._at + len(closer)
        if not self._closer and (self._fence or is_quoted(self._source, self._last, end)):
            return False
        self._is_quoting = self._is_quoting and not self._out.is_reasoning
        if not self._out.is_reasoning:
            self._out.reclassify(self._reasoning_at, self._base + self._at)
        self._drop(end)
        self._out.end_reasoning()
        self._is_fresh = self._follows_call = False
        self._closer, self._fence, self._is_line = None, "", True
        return True

    def _end_turn(self, literal: str) -> bool:
        if literal == "</s>" and self._is_struck:
            return False
        if self._is_harmony and literal in ("<|end|>", "<|call|>"):
            self._drop(self._at + len(literal))
            self._out.is_reasoning = self._is_analysis = False
            return True
        self._drop(len(self._source.text))
        self._is_over = True
        return True

    def _take_header(self) -> bool:
        """Take the header of a message of harmony, and the call in it."""
        source, at = self._source, self._at
        head = read_header(source, at)
        if head is None:
            return False
        if head.is_result and self._out.has_calls:
            self._is_over = True
            return True
        is_call = head.recipient is not None and self._has_calls and not self._is_quoting
        found = read_recipient_call(source, head, self._tools) if is_call else None
        self._is_harmony, self._closer, self._is_fresh = True, None, False
        self._out.is_reasoning = self._is_analysis = head.is_analysis
        self._out.add_break()
        end = head.end
        if found is not None:
            self._out.add_call(found, source.text[at : found.end])
            end = found.end
        self._drop(end)
        self._is_line = True
        return True
