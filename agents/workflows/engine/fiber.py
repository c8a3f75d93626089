"""The parts of a replay: coroutines, what steps ask for, recorded ends."""

import hashlib
import json
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from random import Random
from typing import Any, Final

from agents.workflows.engine.outcomes import Drift, StepRequest
from agents.workflows.engine.work import Branch, Step, Work
from protocol.json_values import make_storable
from protocol.records.flows import StepRecord

MAX_PREFETCHED: Final = 32
"""Outputs that are asked for together, since a replay needs most of what has ended."""
_CLOSE_TRIES: Final = 10


@dataclass(eq=False, slots=True)
class Fiber:
    """A coroutine of the workflow: its main one, or that of a branch."""

    coroutine: Coroutine[Any, Any, Any]
    prefix: str
    """Of the keys of its steps, such as `a/`."""
    now: datetime
    branch: Branch[Any] | None = None
    waits_for: Work[Any] | None = None
    is_over: bool = False
    described: list[Work[Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    """How often each key was described."""
    random: Random | None = None


def close_coroutine(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Close a coroutine, whatever its `finally` blocks do."""
    for _ in range(_CLOSE_TRIES):
        try:
            coroutine.close()
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
        else:
            return


def build_step_request(step: Step[Any]) -> StepRequest:
    """Return what a step asks for. Raises OutOfRange if it cannot be stored."""
    request = make_storable(step.request, name=f"step {step.key!r}")
    return StepRequest(
        key=step.key,
        kind=step.kind,
        request=request if isinstance(request, dict) else {},
        digest=compute_digest(step),
        role=step.role,
        answer=step.answer,
    )


def compute_digest(step: Step[Any]) -> str:
    """Return a hash of the kind and the request of a step, the same on every machine."""
    text = json.dumps([step.kind, step.request], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def compare_record(step: Step[Any], record: StepRecord) -> Drift | tuple[str, str] | None:
    """Return how a step differs from its record; class and message of the error if it may not."""
    if record.kind != step.kind:
        return (
            "workflow_changed",
            f"step {step.key!r} was recorded as {record.kind!r} and is {step.kind!r} now; "
            "give changed steps new keys",
        )
    now = compute_digest(step)
    if record.digest is None or record.digest == now:
        return None
    if record.is_reused and step.kind != "sleep":  # that names a time, which differs in a fork
        return (
            "fork_mismatch",
            f"step {step.key!r} asks for something else now, so its result does not fit; "
            "fork from that step or an earlier one",
        )
    return Drift(key=step.key, was=record.digest, now=now)


def list_ends(records: Iterable[StepRecord]) -> list[StepRecord]:
    """Return the records of steps that have ended, in the order of their ends."""
    return sorted((each for each in records if each.end_no is not None), key=attrgetter("end_no"))


def list_prefetched(records: Iterable[StepRecord], needed: Iterable[str], since: int) -> list[str]:
    """Return the keys of the outputs that are needed now, and of those probably needed next."""
    keys = dict.fromkeys(needed)
    for each in list_ends(records):
        if len(keys) >= MAX_PREFETCHED:
            break
        if each.is_output_left_out and (each.end_no or 0) >= since:
            keys[each.key] = None
    return list(keys)
