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

`after=N` counts pieces (3 by default); a response with fewer pieces breaks before its end.
`times=K` limits the fault to the first K requests with the same prompt, so that a retry succeeds.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias, get_args

from simulator.answers.tool_calls import CallFlaw
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


Effect: TypeAlias = (
    ErrorStatus | BrokenBody | SlowHeaders | ChoppedStream | AlteredAnswer | FlawedCalls
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
    effect: Effect
    if re.fullmatch(r"[45]\d\d", kind):
        effect = ErrorStatus(int(kind), _check_seconds(known.pop("retry_after", None)))
    elif kind.startswith("slow-headers="):
        effect = SlowHeaders(float(_check_seconds(kind.partition("=")[2]) or 0))
    elif kind.startswith("chop="):
        effect = ChoppedStream(max(1, _parse_number(kind.partition("=")[2])))
    elif kind.startswith("finish="):
        effect = AlteredAnswer(finish_reason=kind.partition("=")[2])
    elif kind == "empty":
        effect = AlteredAnswer(is_empty=True)
    elif kind in _FLAWS:
        effect = FlawedCalls(_FLAWS[kind])
    elif kind in {breakage.value for breakage in Breakage}:
        after = known.pop("after", None)
        effect = BrokenBody(Breakage(kind), 3 if after is None else _parse_number(after))
    else:
        others = ["slow-headers=SECONDS", "chop=BYTES", "empty", "finish=WORD", *_FLAWS]
        allowed = ", ".join(["400 to 599", *Breakage, *others])
        raise FaultError(f"unknown fault {kind!r}; allowed: {allowed}")
    if known:
        raise FaultError(f"{kind} does not take {', '.join(known)}")
    return Fault(spec, effect, times)


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
        return next((fault for fault in candidates if self._count(fault, prompt)), None)

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
