"""Decisions about memory: which models fit, with how much context and how many answers at once.

Everything here is pure; `cogo.local_model.machine` measures.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cogo.local_model.gguf import UNKNOWN_FACTS, GgufFacts

MEGABYTE: Final = 1_000_000
CONTEXT: Final = 8_192
"""Tokens of one conversation, if the model and the memory allow it."""
LEAST_CONTEXT: Final = 2_048
PARALLEL: Final = 2
"""Answers at once of a model that was not measured."""
MOST_PARALLEL: Final = 4
WORTH: Final = 1.3
"""Answering two at once must give this many times the tokens, or they answer one by one."""
_BATCH: Final = 512
"""Tokens that are read at once; the results for all words of the vocabulary are kept for each."""
_PROCESS: Final = 100 * MEGABYTE
_CACHE: Final = 128 * MEGABYTE
"""Beginnings of conversations that the server keeps."""
_UNKNOWN_SHARE: Final = 0.25
"""Memory of a conversation as a share of the weights, if the header does not tell."""
_SPARE: Final = 256 * MEGABYTE
"""Memory that stays free for other programs."""
_DISK_SPARE: Final = 100 * MEGABYTE

CACHE_MIB: Final = _CACHE // 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Memory of a model that is served."""

    alias: str
    reserved: int
    resident: int
    """What of it is in use, and so is no longer free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingPlan:
    """The parameters of a server."""

    context: int
    """Tokens of one conversation."""
    parallel: int
    memory: int
    """Bytes that it may use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortage:
    """A model does not fit."""

    needed: int
    room: int


def calculate_memory(size: int, facts: GgufFacts, *, context: int, parallel: int) -> int:
    """Return the bytes that a server may use: weights, conversations, and what it works with."""
    if facts.kv_bytes is None:
        conversations = round(size * _UNKNOWN_SHARE)
    else:
        conversations = facts.kv_bytes * context * parallel
    work = (facts.vocabulary or 150_000) * _BATCH * 4
    return size + conversations + work + _PROCESS + _CACHE


def calculate_room(free: int, reservations: Iterable[Reservation]) -> int:
    """Return the memory for another model: what is free, less what others may still take."""
    promised = sum(max(0, each.reserved - each.resident) for each in reservations)
    return max(0, free - promised - _SPARE)


def plan_serving(
    size: int, facts: GgufFacts, *, room: int, parallel: int | None = None
) -> ServingPlan | Shortage:
    """Plan a server within `room`: first fewer conversations at once, then shorter ones."""
    longest = min(CONTEXT, facts.context or CONTEXT)
    shortest = min(LEAST_CONTEXT, longest)
    most = min(parallel or PARALLEL, MOST_PARALLEL)
    context, needed = longest, 0
    while context >= shortest:
        for slots in range(most, 0, -1):
            needed = calculate_memory(size, facts, context=context, parallel=slots)
            if needed <= room:
                return ServingPlan(context=context, parallel=slots, memory=needed)
        context //= 2
    return Shortage(needed=needed, room=room)


def choose_parallel(alone: float, together: float) -> int:
    """Return how many answers at once are worth it, by the tokens a second of one and of two."""
    return PARALLEL if together >= alone * WORTH else 1


def choose_quantization(sizes: Sequence[tuple[str, int]], *, room: int) -> str | None:
    """Return the file that keeps most of a model and fits in `room`; None if none fits.

    Files above 8 bits a number, which are twice as large and hardly better, come last.
    """
    fitting = [
        (name, size)
        for name, size in sizes
        if not isinstance(plan_serving(size, UNKNOWN_FACTS, room=room), Shortage)
    ]
    return max(fitting, key=lambda each: (not _is_wide(each[0]), each[1]), default=(None, 0))[0]


def is_split(name: str) -> bool:
    """Return whether a file is one of several parts of a model."""
    stem = name.lower().removesuffix(".gguf")
    return "-of-" in stem and stem.rpartition("-of-")[2].isdecimal()


def find_disk_shortage(size: int, *, have: int, free: int) -> int | None:
    """Return how many bytes the disk lacks for the rest of a download; None if it has enough."""
    lacking = max(0, size - have) + _DISK_SPARE - free
    return lacking if lacking > 0 else None


def _is_wide(name: str) -> bool:
    return any(mark in name.upper() for mark in ("F16", "F32", "BF16"))
