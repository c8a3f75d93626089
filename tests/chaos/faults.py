"""The faults of a run: kind, time and target, drawn from a seed before it starts."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """A kind of fault."""

    KILL = "kill"
    """SIGKILL of an agent; its supervisor sees it and gives the leases back, as `cogo up` does."""
    VANISH = "vanish"
    """SIGKILL that nobody sees, as if the machine was gone: the leases run out."""
    STOP = "stop"
    """SIGSTOP past the lease, then SIGCONT: the agent goes on with what it no longer holds."""
    FREEZE = "freeze"
    """SIGSTOP for good; its supervisor sees it, kills it and starts another, as `cogo up` does."""
    POSTGRES = "postgres"
    """SIGKILL of the postmaster; the embedded server starts it again."""
    REALTIME = "realtime"
    """No channel and no broadcast for some seconds."""
    ANSWERS = "answers"
    """For a moment requests arrive and their answers do not."""
    VENDOR_429 = "vendor 429"
    VENDOR_500 = "vendor 500"
    VENDOR_CUT = "vendor cut"
    VENDOR_STALL = "vendor stall"
    CANCEL = "cancel"
    """A person cancels a task that is open."""
    PAUSE = "pause"
    """A person holds tasks that are open, and resumes them later."""
    REDRIVE = "redrive"
    """A person puts tasks that failed back to work."""
    REPLAY = "replay"
    """A client writes with attempts that have ended, under the names of those that held them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One entry of the schedule."""

    kind: Kind
    at: float
    """Seconds after the start of the run."""
    agent: str
    """Whom it hits, if it hits an agent."""
    seconds: float
    """How long it lasts, if it lasts."""


SHARES: Final[Mapping[Kind, int]] = {
    Kind.KILL: 18,
    Kind.VANISH: 6,
    Kind.STOP: 6,
    Kind.FREEZE: 6,
    Kind.POSTGRES: 8,
    Kind.REALTIME: 8,
    Kind.ANSWERS: 10,
    Kind.VENDOR_429: 7,
    Kind.VENDOR_500: 7,
    Kind.VENDOR_CUT: 7,
    Kind.VENDOR_STALL: 2,
    Kind.CANCEL: 8,
    Kind.PAUSE: 6,
    Kind.REDRIVE: 6,
    Kind.REPLAY: 7,
}
"""How frequent each kind is, beside the others."""

_LASTS: Final[Mapping[Kind, tuple[float, float]]] = {
    Kind.STOP: (16.5, 20.0),  # longer than a lease
    Kind.REALTIME: (2.0, 6.0),
    Kind.ANSWERS: (0.1, 0.5),
    Kind.PAUSE: (0.5, 3.0),
    Kind.VENDOR_429: (0.5, 1.5),
    Kind.VENDOR_500: (0.5, 1.5),
    Kind.VENDOR_CUT: (0.5, 1.5),
    Kind.VENDOR_STALL: (0.2, 0.4),  # each request that it hits is silent for a minute
}
_EARLY: Final[Mapping[Kind, float]] = {Kind.STOP: 0.8, Kind.VENDOR_STALL: 0.5}
"""The share of the run in which it comes: what takes long to be noticed must not come last."""


def schedule(
    seed: int,
    *,
    count: int,
    seconds: float,
    agents: Sequence[str],
    shares: Mapping[Kind, int] = SHARES,
) -> list[Fault]:
    """Draw `count` faults, evenly over the time; the same arguments give the same faults."""
    rng = random.Random(f"faults {seed}")  # noqa: S311 - a schedule that can be drawn again
    kinds = _kinds(count, shares)
    kinds.sort(key=lambda kind: rng.random() * _EARLY.get(kind, 1.0))
    return [
        Fault(
            kind=kind,
            at=(place + rng.random()) * seconds / count,
            agent=rng.choice(agents),
            seconds=rng.uniform(*_LASTS.get(kind, (0.0, 0.0))),
        )
        for place, kind in enumerate(kinds)
    ]


def _kinds(count: int, shares: Mapping[Kind, int]) -> list[Kind]:
    """Return the kinds by their shares; the most frequent gets what rounding leaves."""
    whole = sum(shares.values())
    kinds = [kind for kind, share in shares.items() for _ in range(max(1, count * share // whole))]
    frequent = max(shares, key=lambda kind: shares[kind])
    return [*kinds, *[frequent] * (count - len(kinds))][:count]
