"""Faults on request: how an answer goes wrong, and for which requests.

A fault is written as words separated by spaces, commas or semicolons:

    429 retry_after=2 times=1       any status from 400 to 599; seconds for the header Retry-After
    stall after=5                   five pieces, then silence until the client goes
    cut                             the connection is aborted in the middle of the answer
    clean-end                       the answer ends properly, but without a finish reason
    bad-json                        a piece (or the body) that is not JSON
    error-event                     an error in the vendor's form after HTTP 200
    slow-headers=3                  three seconds until the headers, then a good answer
    chop=2                          a good answer whose stream is sent two bytes at a time
    empty                           an answer that ends well and has no text
    finish=abort                    a whole answer whose finish reason is this word

`after=N` counts pieces (3 when it is not said); an answer with fewer breaks before its end.
`times=K` keeps the fault to the first K requests with the same prompt, so that a retry succeeds.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from simulator.request import Question, Vendor

MARKER: Final = re.compile(r"\[\[fault:(?P<spec>[^][]*)\]\]")
_REMEMBERED: Final = 10_000


class FaultError(ValueError):
    """The words do not describe a fault. The message says which word, and what is allowed."""


class Breakage(StrEnum):
    """How a body stops being a good answer."""

    STALL = "stall"
    CUT = "cut"
    CLEAN_END = "clean-end"
    BAD_JSON = "bad-json"
    ERROR_EVENT = "error-event"


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer with an error status."""

    status: int
    retry_after: str | None = None
    """Seconds, as written."""


@dataclass(frozen=True, slots=True)
class Break:
    """Begin well, then break."""

    how: Breakage
    after: int = 3


@dataclass(frozen=True, slots=True)
class Delay:
    """Answer well, but late. Seconds of wall-clock time, whatever the speed."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Chop:
    """Send a good stream in packets that end anywhere, in the middle of characters too."""

    size: int


@dataclass(frozen=True, slots=True)
class Alter:
    """Send all of an answer, but a different one."""

    finish: str | None = None
    """The finish reason, as written."""
    is_empty: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, and for how many requests with the same prompt."""

    spec: str
    what: Refuse | Break | Delay | Chop | Alter
    times: int | None = None


def parse_fault(spec: str) -> Fault:
    """Read the words of a fault. Raises FaultError."""
    kind, *options = re.split(r"[\s,;]+", spec.strip())
    known = dict(_option(word) for word in options)
    times = _whole(known.pop("times")) if "times" in known else None
    what: Refuse | Break | Delay | Chop | Alter
    if re.fullmatch(r"[45]\d\d", kind):
        what = Refuse(int(kind), _number(known.pop("retry_after", None)))
    elif kind.startswith("slow-headers="):
        what = Delay(float(_number(kind.partition("=")[2]) or 0))
    elif kind.startswith("chop="):
        what = Chop(max(1, _whole(kind.partition("=")[2])))
    elif kind.startswith("finish="):
        what = Alter(finish=kind.partition("=")[2])
    elif kind == "empty":
        what = Alter(is_empty=True)
    elif kind in {breakage.value for breakage in Breakage}:
        after = known.pop("after", None)
        what = Break(Breakage(kind), 3 if after is None else _whole(after))
    else:
        others = ["slow-headers=SECONDS", "chop=BYTES", "empty", "finish=WORD"]
        allowed = ", ".join(["400 to 599", *Breakage, *others])
        raise FaultError(f"unknown fault {kind!r}; allowed: {allowed}")
    if known:
        raise FaultError(f"{kind} does not take {', '.join(known)}")
    return Fault(spec, what, times)


def _option(word: str) -> tuple[str, str]:
    name, separator, value = word.partition("=")
    if not separator:
        raise FaultError(f"expected NAME=VALUE, found {word!r}")
    return name, value


def _whole(value: str) -> int:
    if not value.isdecimal():
        raise FaultError(f"expected a whole number, found {value!r}")
    return int(value)


def _number(value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"\d+(\.\d+)?", value):
        raise FaultError(f"expected a number of seconds, found {value!r}")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """A fault for every request, or for those to one vendor or one model."""

    fault: Fault
    vendor: Vendor | None = None
    model: str | None = None

    def concerns(self, question: Question) -> bool:
        """Tell whether the request is among those that this fault is for."""
        return self.vendor in {None, question.vendor} and self.model in {None, question.model}


Occasion: TypeAlias = tuple[str, str]
"""A fault's words and a prompt."""


class FaultDesk:
    """Decides which fault a request gets: that of its header, of its prompt, or a scheduled one."""

    def __init__(self) -> None:
        self._schedule: Sequence[Scheduled] = ()
        self._served: OrderedDict[Occasion, int] = OrderedDict()

    def schedule(self, faults: Sequence[Scheduled]) -> None:
        """Replace the schedule, and count from zero again."""
        self._schedule = tuple(faults)
        self._served.clear()

    def take(self, question: Question, headers: Mapping[str, str]) -> Fault | None:
        """Return the fault for a request, and count it. Raises FaultError."""
        asked = [headers["x-cogo-fault"]] if "x-cogo-fault" in headers else []
        asked += [match["spec"] for match in MARKER.finditer(question.prompt)]
        candidates = [parse_fault(spec) for spec in asked]
        candidates += [item.fault for item in self._schedule if item.concerns(question)]
        return next((fault for fault in candidates if self._count(fault, question.prompt)), None)

    def _count(self, fault: Fault, prompt: str) -> bool:
        """Count one more request for this fault; false when it has had its times."""
        if fault.times is None:
            return True
        occasion = (fault.spec, prompt)
        served = self._served.pop(occasion, 0)
        self._served[occasion] = served + 1
        if len(self._served) > _REMEMBERED:
            self._served.popitem(last=False)
        return served < fault.times
