"""Fault specifications: how a response fails, and for which requests.

A specification is a list of words separated by spaces, commas or semicolons:

    429 retry_after=2 times=1       any status from 400 to 599; seconds for the header Retry-After
    stall after=5                   five pieces, then nothing until the client disconnects
    cut                             the connection is aborted in the middle of the response
    clean-end                       the response ends properly, but without a finish reason
    bad-json                        a piece (or the body) that is not JSON
    error-event                     an error in the vendor's form after HTTP 200
    slow-headers=3                  three seconds until the headers, then a good response
    chop=2                          a good response whose stream is sent two bytes at a time
    empty                           a good response without text
    finish=abort                    a good response with this word as its finish reason
    bad-arguments                   calls of tools whose arguments are not JSON, or do not fit
    endless-calls                   the same calls of tools in every turn
    unknown-tool                    calls of tools that were not offered

What servers of open-weight models do (FORM and FLAW as in `simulator.local.call_texts`):

    text-calls=FORM flaw=FLAW       calls as text in the content, as with the wrong parser
    parse-error=FORM flaw=FLAW      500 that quotes the calls, which the server could not parse;
                                    with after=N an error in the stream, after N pieces
    refuses-tools                   400, or tools that are dropped silently, as the vendor does
    ignores-choice                  tool_choice is taken as auto
    call-deltas=no-index            calls in a stream as some servers send them: see
                                    `simulator.local.call_deltas`
    thinking=forced                 reasoning in the text: its end is tagged, not its beginning;
                                    or `tags`, `unclosed` (no end), `empty` (nothing within)
    info=404                        the paths that describe the server and its models answer so;
                                    or `stall`, `bad-json`
    loading                         503 everywhere, as while llama.cpp loads its model

`after=N` counts pieces (3 by default); a response with fewer pieces breaks before its end.
`times=K` limits the fault to the first K requests with the same prompt, so that a retry succeeds.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, TypeAlias, get_args

from simulator.answers.tool_calls import CallFlaw
from simulator.local.call_deltas import DELTAS
from simulator.local.call_texts import FORMS, TEXT_FLAWS, Writing
from simulator.request import Vendor

MARKER: Final = re.compile(r"\[\[fault:(?P<spec>[^][]*)\]\]")
_REMEMBERED: Final = 10_000
_FLAWS: Final[Mapping[str, CallFlaw]] = {flaw: flaw for flaw in get_args(CallFlaw)}


class FaultError(ValueError):
    """Invalid fault specification; the message names the word and the allowed ones."""


class Breakage(StrEnum):
    """Ways in which a body can fail."""

    STALL = "stall"
    CUT = "cut"
    CLEAN_END = "clean-end"
    BAD_JSON = "bad-json"
    ERROR_EVENT = "error-event"


@dataclass(frozen=True, slots=True)
class ErrorStatus:
    """An error status in place of a response."""

    status: int
    retry_after_seconds: str | None = None
    """As written in the specification."""


@dataclass(frozen=True, slots=True)
class BrokenBody:
    """A body that fails after some pieces."""

    how: Breakage
    after: int = 3


@dataclass(frozen=True, slots=True)
class SlowHeaders:
    """A good response that is late. Seconds of wall-clock time, whatever the speed."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ChoppedStream:
    """A good stream in small packets, which may end in the middle of a character."""

    packet_bytes: int


@dataclass(frozen=True, slots=True)
class AlteredAnswer:
    """A complete response with another finish reason, or without text."""

    finish_reason: str | None = None
    """As written in the specification."""
    is_empty: bool = False


@dataclass(frozen=True, slots=True)
class FlawedCalls:
    """A complete response whose calls of tools have a flaw."""

    flaw: CallFlaw


@dataclass(frozen=True, slots=True)
class CallsAsText:
    """Calls of tools that a server leaves in the text."""

    writing: Writing


@dataclass(frozen=True, slots=True)
class ParserError:
    """Calls of tools that a server cannot parse, so that it fails."""

    writing: Writing
    after: int | None = None
    """Pieces of the stream before it fails; None: the answer is an error status."""


@dataclass(frozen=True, slots=True)
class OddDeltas:
    """A good stream whose calls come in another way than OpenAI's."""

    how: str


class ServerHabit(StrEnum):
    """What servers of open-weight models do with tools."""

    REFUSES_TOOLS = "refuses-tools"
    IGNORES_CHOICE = "ignores-choice"


class TaggedThinking(StrEnum):
    """How reasoning is marked in the text."""

    FORCED = "forced"
    TAGS = "tags"
    UNCLOSED = "unclosed"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class BrokenInfo:
    """What is wrong with the description of a server and its models."""

    how: int | Literal[Breakage.STALL, Breakage.BAD_JSON]
    """Or an error status."""
    covers_completions: bool = False


LOADING: Final = BrokenInfo(503, covers_completions=True)

Effect: TypeAlias = (
    ErrorStatus
    | BrokenBody
    | SlowHeaders
    | ChoppedStream
    | AlteredAnswer
    | FlawedCalls
    | CallsAsText
    | ParserError
    | OddDeltas
    | ServerHabit
    | TaggedThinking
    | BrokenInfo
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, and for how many requests with the same prompt it occurs."""

    spec: str
    effect: Effect
    times: int | None = None


def parse_fault(spec: str) -> Fault:
    """Parse a fault specification; raise `FaultError` if it is invalid."""
    kind, *options = re.split(r"[\s,;]+", spec.strip())
    known = dict(_split_option(word) for word in options)
    times = _parse_number(known.pop("times")) if "times" in known else None
    effect = _parse_effect(kind, known)
    if known:
        raise FaultError(f"{kind} does not take {', '.join(known)}")
    return Fault(spec, effect, times)


def _parse_effect(kind: str, known: dict[str, str]) -> Effect:
    """Return the effect of a kind, and take its options from those known."""
    name, _, value = kind.partition("=")
    if re.fullmatch(r"[45]\d\d", kind):
        return ErrorStatus(int(kind), _check_seconds(known.pop("retry_after", None)))
    if name in _BY_NAME and "=" in kind:
        return _BY_NAME[name](value, known)
    if kind == "empty":
        return AlteredAnswer(is_empty=True)
    if kind == "loading":
        return LOADING
    if kind in _FLAWS:
        return FlawedCalls(_FLAWS[kind])
    if kind in {habit.value for habit in ServerHabit}:
        return ServerHabit(kind)
    if kind in {breakage.value for breakage in Breakage}:
        after = known.pop("after", None)
        return BrokenBody(Breakage(kind), 3 if after is None else _parse_number(after))
    others = ["empty", "loading", *_FLAWS, *ServerHabit, *(f"{each}=..." for each in _BY_NAME)]
    allowed = ", ".join(["400 to 599", *Breakage, *others])
    raise FaultError(f"unknown fault {kind!r}; allowed: {allowed}")


def _parse_writing(form: str, known: dict[str, str]) -> Writing:
    flaw = known.pop("flaw", None)
    return Writing(
        _check_word(form, FORMS), None if flaw is None else _check_word(flaw, TEXT_FLAWS)
    )


def _parse_parser_error(form: str, known: dict[str, str]) -> ParserError:
    after = known.pop("after", None)
    return ParserError(_parse_writing(form, known), None if after is None else _parse_number(after))


def _parse_info(value: str, _known: dict[str, str]) -> BrokenInfo:
    if re.fullmatch(r"[45]\d\d", value):
        return BrokenInfo(int(value))
    _check_word(value, (Breakage.STALL, Breakage.BAD_JSON))
    return BrokenInfo(Breakage.STALL if value == Breakage.STALL else Breakage.BAD_JSON)


_BY_NAME: Final[Mapping[str, Callable[[str, dict[str, str]], Effect]]] = {
    "slow-headers": lambda value, _: SlowHeaders(float(_check_seconds(value) or 0)),
    "chop": lambda value, _: ChoppedStream(max(1, _parse_number(value))),
    "finish": lambda value, _: AlteredAnswer(finish_reason=value),
    "text-calls": lambda value, known: CallsAsText(_parse_writing(value, known)),
    "parse-error": _parse_parser_error,
    "call-deltas": lambda value, _: OddDeltas(_check_word(value, DELTAS)),
    "thinking": lambda value, _: TaggedThinking(_check_word(value, tuple(TaggedThinking))),
    "info": _parse_info,
}
"""Kinds with a value: builders of their effects from the value and the options."""


def _check_word(word: str, allowed: Iterable[str]) -> str:
    if word not in allowed:
        raise FaultError(f"expected one of {', '.join(allowed)}, found {word!r}")
    return word


def _split_option(word: str) -> tuple[str, str]:
    name, separator, value = word.partition("=")
    if not separator:
        raise FaultError(f"expected NAME=VALUE, found {word!r}")
    return name, value


def _parse_number(value: str) -> int:
    if not value.isdecimal():
        raise FaultError(f"expected a whole number, found {value!r}")
    return int(value)


def _check_seconds(value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"\d+(\.\d+)?", value):
        raise FaultError(f"expected a number of seconds, found {value!r}")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledFault:
    """A fault for all requests, or for those to one vendor or one model."""

    fault: Fault
    vendor: Vendor | None = None
    model: str | None = None

    def applies_to(self, vendor: Vendor, model: str) -> bool:
        """Return whether requests to this vendor and model get the fault."""
        return self.vendor in {None, vendor} and self.model in {None, model}


class FaultRegistry:
    """Chooses the fault of a request: that of its header, of its prompt, or a scheduled one."""

    def __init__(self) -> None:
        self._schedule: Sequence[ScheduledFault] = ()
        self._counts: OrderedDict[tuple[str, str], int] = OrderedDict()
        """Requests by specification and prompt."""

    def schedule(self, faults: Sequence[ScheduledFault]) -> None:
        """Replace the schedule and reset all counts."""
        self._schedule = tuple(faults)
        self._counts.clear()

    def take(
        self, *, vendor: Vendor, model: str, prompt: str, headers: Mapping[str, str]
    ) -> Fault | None:
        """Return the fault for a request, and count it.

        Raise `FaultError` if the header or the prompt has an invalid specification.
        """
        specs = [headers["x-cogo-fault"]] if "x-cogo-fault" in headers else []
        specs += [match["spec"] for match in MARKER.finditer(prompt)]
        candidates = [parse_fault(spec) for spec in specs]
        candidates += [item.fault for item in self._schedule if item.applies_to(vendor, model)]
        return next(
            (fault for fault in candidates if _fits(fault) and self._count(fault, prompt)),
            None,
        )

    def take_info(self, *, vendor: Vendor, headers: Mapping[str, str]) -> BrokenInfo | None:
        """Return what is wrong with the description of a server, and count it."""
        spec = headers.get("x-cogo-fault")
        candidates = [] if spec is None else [parse_fault(spec)]
        candidates += [item.fault for item in self._schedule if item.vendor in {None, vendor}]
        for fault in candidates:
            if isinstance(fault.effect, BrokenInfo) and self._count(fault, ""):
                return fault.effect
        return None

    def _count(self, fault: Fault, prompt: str) -> bool:
        """Count a request for this fault; return False if its `times` are used up."""
        if fault.times is None:
            return True
        key = (fault.spec, prompt)
        count = self._counts.pop(key, 0)
        self._counts[key] = count + 1
        if len(self._counts) > _REMEMBERED:
            self._counts.popitem(last=False)
        return count < fault.times


def _fits(fault: Fault) -> bool:
    """Return whether a fault is one of completions."""
    return not isinstance(fault.effect, BrokenInfo) or fault.effect.covers_completions
