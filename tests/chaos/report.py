"""The report of a run: what happened, what broke, and how fast work went on."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from agents.runtime.options import RuntimeOptions
from tests.chaos.checker import LAWS
from tests.chaos.diary import Diary, Struck
from tests.chaos.faults import Kind
from tests.chaos.history import AttemptRow, History

_SHOWN: Final = 5
_DEATHS: Final = frozenset({Kind.KILL, Kind.VANISH, Kind.STOP, Kind.FREEZE})
_VENDORS: Final = frozenset({Kind.VENDOR_429, Kind.VENDOR_500, Kind.VENDOR_CUT, Kind.VENDOR_STALL})
_ERRORS: Final[Mapping[Kind, str]] = {
    Kind.VENDOR_429: "rate_limited",
    Kind.VENDOR_500: "overloaded",
    Kind.VENDOR_CUT: "connection",
    Kind.VENDOR_STALL: "timeout",
}


def summary(history: History, diary: Diary) -> Iterator[str]:
    """Return how much happened: a run without faults that hit proves nothing."""
    tasks = Counter(task.status for task in history.tasks.values())
    outcomes = Counter(
        each.outcome or "open" for attempts in history.attempts.values() for each in attempts
    )
    struck = Counter(each.kind for each in diary.struck)
    replies = Counter(each.answer for each in diary.replayed)
    yield f"tasks     {sum(tasks.values())}: {_counts(tasks)}"
    kinds = Counter(each.kind for each in history.subtasks.values())
    yield f"subtasks  {sum(kinds.values())}: {_counts(kinds)}"
    losers = sum(each.not_needed for each in history.subtasks.values())
    yield f"workflows {len(history.flows)} of several steps, {losers} steps not needed"
    calls = Counter(outcome for each in history.calls for outcome in each.outcomes)
    seen = sum(history.asked.values())
    yield f"calls     {len(history.calls)}: {_counts(calls)}; the vendors saw {seen}"
    yield f"attempts  {sum(outcomes.values())}: {_counts(outcomes)}"
    yield f"faults    {sum(struck.values())}: {_counts(struck)}"
    yield f"replays   {sum(replies.values())}: {_counts(replies)}"


def verdict(broken: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Return a line for each law, with the first cases of those that were broken."""
    for name, cases in broken.items():
        law = LAWS.get(name)
        about = (law.__doc__ if law else None) or "Check that everybody was told what is stored."
        yield f"{name:<12} {len(cases):>5}  {about.splitlines()[0]}"
        yield from (f"    {case}" for case in cases[:_SHOWN])


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """How long a fault delayed one piece of work, in seconds; None where unknown."""

    total: float
    returned: float | None = None
    """Until the lease was given back, or the failure was recorded."""
    claimed: float | None = None
    """From then until an agent had claimed it again: a pause of the vendor's, or no free slot."""
    begun: float | None = None
    """From then until the model said its first word."""


_PARTS: Final = ("returned", "claimed", "begun")


def recoveries(history: History, diary: Diary) -> Iterator[str]:
    """Return a table of the times from a fault to the first progress of the next attempt."""
    lease = RuntimeOptions().lease.total_seconds()
    yield f"seconds from a fault until work goes on (a lease is {lease:.0f} s); the parts at p95"
    headings = "".join(f"{name:>9}" for name in ("p50", "p95", "max", *_PARTS))
    yield f"{'fault':<14} {'faults':>6} {'samples':>7}{headings}"
    for kind in Kind:
        faults = [each for each in diary.struck if each.kind is kind]
        samples = [each for fault in faults for each in _samples(fault, history)]
        if samples:
            totals = [each.total for each in samples]
            figures = [percentile(totals, 0.5), percentile(totals, 0.95), max(totals)]
            parts = [_p95_of(samples, name) for name in _PARTS]
            shown = "".join(f"{each:>9.2f}" if each is not None else "        -" for each in parts)
            whole = "".join(f"{each:>9.2f}" for each in figures)
            yield f"{kind:<14} {len(faults):>6} {len(samples):>7}{whole}{shown}"


def _p95_of(samples: Sequence[Recovery], name: str) -> float | None:
    known = [value for each in samples if (value := getattr(each, name)) is not None]
    return percentile(known, 0.95) if known else None


def _samples(fault: Struck, history: History) -> Iterator[Recovery]:
    if fault.kind in _DEATHS:
        yield from _after_death(fault, history)
    elif fault.kind is Kind.POSTGRES:
        later = (e.at for events in history.events.values() for e in events if e.at > fault.at)
        first = min(later, default=None)
        if first is not None:
            yield Recovery(total=(first - fault.at).total_seconds())
    elif fault.kind is Kind.REALTIME:
        yield from (Recovery(total=each.total_seconds()) for each in _claim_delays(fault, history))
    elif fault.kind in _VENDORS:
        yield from _after_failure(fault, history)


def _after_death(fault: Struck, history: History) -> Iterator[Recovery]:
    """From the fault to the next attempt, for each subtask that the agent held and lost."""
    for attempts in history.attempts.values():
        for lost, following in pairwise(attempts):
            is_hit = lost.agent_id == fault.agent_id and lost.claimed_at <= fault.at
            if is_hit and lost.outcome == "reaped" and _ends_after(lost, fault.at):
                yield _between(fault.at, lost, following)


def _after_failure(fault: Struck, history: History) -> Iterator[Recovery]:
    """From the end of each attempt that the vendor spoilt to the next; a stall from its silence."""
    for attempts in history.attempts.values():
        for failed, following in pairwise(attempts):
            began = failed.claimed_at
            is_hit = fault.at <= began + timedelta(seconds=1) and began <= fault.until
            reason = (failed.error or {}).get("class", "")
            if is_hit and failed.ended_at is not None and reason == _ERRORS[fault.kind]:
                is_stall = fault.kind is Kind.VENDOR_STALL
                since = _first_progress(failed) if is_stall else failed.ended_at
                yield _between(since, failed, following)


def _between(since: datetime, lost: AttemptRow, following: AttemptRow) -> Recovery:
    returned = lost.ended_at or following.claimed_at
    begun = _first_progress(following)
    return Recovery(
        total=(begun - since).total_seconds(),
        returned=(returned - since).total_seconds(),
        claimed=(following.claimed_at - returned).total_seconds(),
        begun=(begun - following.claimed_at).total_seconds(),
    )


def _claim_delays(fault: Struck, history: History) -> Iterator[timedelta]:
    """From queued to claimed, for what was queued while no doorbell could ring."""
    for events in history.events.values():
        for queued, claimed in pairwise(e for e in events if e.subtask_id is not None):
            is_pair = queued.kind == "subtask.queued" and claimed.kind == "subtask.running"
            same = queued.subtask_id == claimed.subtask_id
            if is_pair and same and fault.at <= queued.at <= fault.until:
                yield claimed.at - queued.at


def _first_progress(attempt: AttemptRow) -> datetime:
    return attempt.claimed_at + timedelta(milliseconds=attempt.first_token_ms or 0)


def _ends_after(attempt: AttemptRow, moment: datetime) -> bool:
    return attempt.ended_at is None or attempt.ended_at >= moment


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which this share of all values lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def _counts(counter: Counter[str] | Counter[Kind]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counter.most_common())
