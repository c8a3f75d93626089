"""The laws of workflows: of their steps, child tasks and questions, and of what they pay."""

from collections import Counter
from collections.abc import Iterator
from typing import Final
from uuid import UUID

from tests.chaos.diary import Diary
from tests.chaos.history import AttemptRow, CallRow, History

_FINAL: Final = frozenset({"completed", "failed", "cancelled"})
_ENDED: Final = frozenset({"completed", "failed"})
_PAID: Final = frozenset({"completed", "lost"})
"""Outcomes of calls that the vendor may have answered."""
_TAKEN_BACK: Final = frozenset({"reaped", "cancelled"})
"""Outcomes of attempts whose holder could not write their end."""


def paid_twice(history: History, diary: Diary) -> Iterator[str]:
    """Check that only the unfinished call of an attempt that was taken back is made again.

    Each attempt pays for one answer, beside those that it stores; nothing is called for what has
    ended, and the vendors have seen no request that is not booked.
    """
    del diary
    by_subtask: dict[UUID, list[CallRow]] = {}
    for call in history.calls:
        if call.subtask_id is not None:
            by_subtask.setdefault(call.subtask_id, []).append(call)
    stored = Counter(
        (each.subtask_id, each.attempt)
        for turns in history.turns.values()
        for each in turns
        if each.kind == "answer"
    )
    for subtask_id, calls in by_subtask.items():
        attempts = {each.attempt: each for each in history.attempts.get(subtask_id, [])}
        paid = Counter(each.attempt for each in calls if _PAID.intersection(each.outcomes))
        for number, count in paid.items():
            attempt = attempts.get(number or 0)
            kept = stored[subtask_id, number or 0]
            if count > kept + 1:
                yield f"subtask {subtask_id}: attempt {number} paid for {count} answers"
            if count > kept and (attempt is None or not _may_have_paid(attempt)):
                outcome = attempt.outcome if attempt else "unknown"
                yield f"subtask {subtask_id}: attempt {number} paid, and is {outcome}"
        ends = [each.ended_at for each in attempts.values() if each.outcome == "completed"]
        for call in calls:
            if any(end is not None and call.begun_at > end for end in ends):
                yield f"subtask {subtask_id}: call {call.id} was made after its end"
    booked = Counter(each.model for each in history.calls)
    # A request that broke off before its body was read has no model.
    if history.asked.total() > booked.total():
        yield f"{history.asked.total()} requests were sent, and {booked.total()} calls are booked"
    for model, count in history.asked.items():
        if model and count > booked[model]:
            yield f"{model}: was asked {count} times, and {booked[model]} calls are booked"


def _may_have_paid(attempt: AttemptRow) -> bool:
    # An answer that fails its checks is paid, and its attempt has failed.
    return attempt.outcome in {"completed", "failed", "rerouted", "released", *_TAKEN_BACK}


def misordered(history: History, diary: Diary) -> Iterator[str]:
    """Check that the ends of a workflow's steps are numbered, each with a number of its own."""
    del diary
    numbers: dict[UUID, list[int]] = {}
    for subtask in history.subtasks.values():
        ends = history.flows.get(subtask.task_id)
        if ends is None or subtask.kind == "flow" or subtask.sink:
            continue
        if (subtask.end_no is not None) != (subtask.status in _ENDED):
            yield f"subtask {subtask.id}: is {subtask.status}, its end_no {subtask.end_no}"
        if subtask.end_no is not None:
            numbers.setdefault(subtask.task_id, []).append(subtask.end_no)
            if subtask.end_no > ends:
                yield f"subtask {subtask.id}: ended as number {subtask.end_no} of {ends}"
    for task_id, ends_of in numbers.items():
        if len(set(ends_of)) != len(ends_of):
            yield f"task {task_id}: its steps ended as {sorted(ends_of)}"


def asleep(history: History, diary: Diary) -> Iterator[str]:
    """Check that each workflow goes on after the steps that it waits for."""
    del diary
    marked = Counter(each.task_id for each in history.subtasks.values() if each.awaited)
    for subtask in history.subtasks.values():
        if subtask.awaited and (subtask.status in _FINAL or subtask.not_needed):
            task = history.tasks[subtask.task_id]
            if task.status not in _FINAL:
                yield f"subtask {subtask.id}: is {subtask.status}, and its workflow waits for it"
        if subtask.kind != "flow":
            continue
        left, open_ = subtask.deps_left, marked[subtask.task_id]
        if subtask.status not in _FINAL and left != open_ and not (left == 1 and open_ > 1):
            yield f"flow {subtask.id}: waits for {left} steps, and {open_} are marked"
        attempts = history.attempts.get(subtask.id, [])
        is_suspended = bool(attempts) and attempts[-1].outcome == "suspended"
        if is_suspended and history.tasks[subtask.task_id].status == "completed":
            yield f"flow {subtask.id}: was suspended, and its task is complete"


def unapplied(history: History, diary: Diary) -> Iterator[str]:
    """Check that what child tasks and events bring has reached the steps that wait for them."""
    del diary
    for each in history.children:
        child, step = history.tasks[each.child_id], history.subtasks.get(each.subtask_id)
        if each.wakes:
            yield f"child {child.id}: {each.wakes} wakes were not applied"
        if child.status in _FINAL and each.cost_usd != child.cost_usd:
            yield f"child {child.id}: costs {child.cost_usd}, and {each.cost_usd} is booked"
        if step is None or step.status == "cancelled":
            continue
        if child.status in _FINAL and step.status != (
            "completed" if child.status == "completed" else "failed"
        ):
            yield f"child {child.id}: is {child.status}, its step {step.status}"
        elif child.status == "completed" and child.result != step.output:
            yield f"child {child.id}: its result is not the output of its step"
    for subtask in history.subtasks.values():
        taken = history.taken.get(subtask.id, 0)
        if subtask.kind == "event" and taken != (subtask.status == "completed"):
            yield f"subtask {subtask.id}: is {subtask.status}, and took {taken} events"


def reserved(history: History, diary: Diary) -> Iterator[str]:
    """Check that nothing is reserved for calls that have ended."""
    del diary
    yield from (f"call {each}: its cost is still reserved" for each in history.reservations)


def unanswered(history: History, diary: Diary) -> Iterator[str]:
    """Check that nobody is asked on behalf of what has ended."""
    del diary
    for subtask_id, count in history.questions.items():
        subtask = history.subtasks.get(subtask_id)
        if count > 1 or subtask is None or subtask.status in _FINAL:
            status = subtask.status if subtask else "deleted"
            yield f"subtask {subtask_id}: is {status}, and {count} questions are open"
