"""The laws of the queue, checked against the history of a run."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Final, TypeAlias
from uuid import UUID

from tests.chaos import flow_laws, judgement_laws, turn_laws
from tests.chaos.diary import Diary
from tests.chaos.history import REPLAYED, AttemptRow, History, SubtaskRow, TaskRow

Law: TypeAlias = Callable[[History, Diary], Iterator[str]]

_FINAL: Final = frozenset({"completed", "failed", "cancelled"})
_ACCEPTED: Final = (["completed"], ["routed"], ["suspended"])
_COMPLETED: Final = "subtask.completed"
_COUNTED: Final = frozenset({"failed", "rerouted"})
_REFUSED: Final = frozenset({"duplicate", "stale", "closed", "cancel"})


def check(history: History, diary: Diary) -> dict[str, list[str]]:
    """Return what breaks each law, a sentence each; all lists are empty when nothing does."""
    return {name: list(law(history, diary)) for name, law in LAWS.items()}


def absent(history: History, diary: Diary) -> Iterator[str]:
    """Check that every acknowledged submit has exactly one task."""
    keys = Counter(task.idempotency_key for task in history.tasks.values())
    for each in diary.submitted:
        task = history.tasks.get(each.task_id)
        if task is None or task.idempotency_key != each.key:
            yield f"task {each.task_id}: acknowledged, and not there"
        elif keys[each.key] != 1:
            yield f"key {each.key}: made {keys[each.key]} tasks"


def lost(history: History, diary: Diary) -> Iterator[str]:
    """Every task ends, and what was acknowledged is what is stored."""
    for task in history.tasks.values():
        if task.status not in _FINAL:
            yield f"task {task.id}: is {task.status} for good"
        elif not history.results.get(task.id):
            yield f"task {task.id}: its end was not announced"
    for task_id in diary.cancelled:
        if history.tasks[task_id].status != "cancelled":
            yield f"task {task_id}: was cancelled, and is {history.tasks[task_id].status}"
    for subtask in history.subtasks.values():
        task = history.tasks[subtask.task_id]
        if (subtask.status == "completed") != (subtask.output is not None):
            yield f"subtask {subtask.id}: is {subtask.status} with output {subtask.output}"
        if subtask.sink and task.status == "completed" and task.result != subtask.output:
            yield f"task {task.id}: its result is not what its last subtask made"
    for ack in history.acks:
        attempts = history.attempts.get(ack.subtask_id, [])
        outcome = [each.outcome for each in attempts if each.attempt == ack.attempt]
        if ack.answer == "ok" and outcome not in _ACCEPTED:
            yield f"subtask {ack.subtask_id}: attempt {ack.attempt} was accepted, and is {outcome}"


def duplicated(history: History, diary: Diary) -> Iterator[str]:
    """Check for one accepted completion, end and announcement a drive, and one turn."""
    for subtask in history.subtasks.values():
        accepted = [
            e.attempt for e in history.attempts.get(subtask.id, []) if e.outcome == "completed"
        ]
        if len(accepted) > 1:
            yield f"subtask {subtask.id}: attempts {accepted} were accepted"
        stored = None if subtask.output_attempt is None else [subtask.output_attempt]
        if subtask.is_leased and stored is not None and accepted != stored:
            yield f"subtask {subtask.id}: attempt {subtask.output_attempt} stored, not {accepted}"
    told = Counter((ack.subtask_id, ack.attempt) for ack in history.acks if ack.answer == "ok")
    yield from (
        f"subtask {ref[0]}: attempt {ref[1]} was told ok twice" for ref in told if told[ref] > 1
    )
    for task in history.tasks.values():
        ends = [each.kind for each in history.events.get(task.id, []) if _ends_task(each.kind)]
        drives = 1 + _count_redrives(history, diary, task.id)
        if len(ends) > drives:
            yield f"task {task.id}: ended as {ends}"
        if history.results.get(task.id, 0) > len(ends):
            yield f"task {task.id}: its result was announced {history.results[task.id]} times"
        said = history.messages.get(task.id, [])
        is_turn = task.status == "completed" and task.session_id is not None
        if said != (["user", "assistant"] if is_turn else []):
            yield f"task {task.id}: is {task.status} and said {said}"


def resurrected(history: History, diary: Diary) -> Iterator[str]:
    """After the end nothing happens, but that running subtasks hear of it, and redrives."""
    for task_id, events in history.events.items():
        ended_task = ""
        ended: dict[UUID, str] = {}
        for event in events:
            is_redriven = _count_redrives(history, diary, task_id) > 0
            if ended_task == "task.failed" and is_redriven and _revives(event.kind):
                ended_task = ""
                ended = {subtask: kind for subtask, kind in ended.items() if kind == _COMPLETED}
                continue
            if ended_task and event.kind != "subtask.cancelled":
                yield f"task {task_id}: {event.kind} after {ended_task}"
            if event.subtask_id in ended:
                yield f"subtask {event.subtask_id}: {event.kind} after {ended[event.subtask_id]}"
            if _ends_task(event.kind):
                ended_task = event.kind
            elif event.subtask_id and event.kind.partition(".")[2] in _FINAL:
                ended[event.subtask_id] = event.kind


def held(history: History, diary: Diary) -> Iterator[str]:
    """Nothing of a task begins while it is held."""
    del diary
    for task_id, events in history.events.items():
        is_held = False
        for event in events:
            if event.kind.startswith("task."):
                is_held = event.kind == "task.held"
            elif is_held and event.kind == "subtask.running":
                yield f"task {task_id}: {event.subtask_id} was claimed while it was held"


def premature(history: History, diary: Diary) -> Iterator[str]:
    """Check that no subtask begins before those that it waits for have ended."""
    del diary
    begun: dict[UUID, int] = {}
    ended: dict[UUID, int] = {}
    for event in (each for events in history.events.values() for each in events):
        if event.subtask_id is not None and event.kind == "subtask.running":
            begun.setdefault(event.subtask_id, event.seq)
        elif event.subtask_id is not None and event.kind in {_COMPLETED, "subtask.failed"}:
            ended.setdefault(event.subtask_id, event.seq)
    for child, parents in history.parents.items():
        for parent in parents if child in begun else ():
            if ended.get(parent, begun[child]) >= begun[child]:
                yield f"subtask {child}: began before {parent} had ended"


def gaps(history: History, diary: Diary) -> Iterator[str]:
    """Events are numbered from 1 without gaps."""
    del diary
    for task in history.tasks.values():
        numbers = [each.seq for each in history.events.get(task.id, [])]
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"task {task.id}: events {numbers}"


def untold(history: History, diary: Diary) -> Iterator[str]:
    """Check that every end of an attempt and every last state has its event.

    Numbers alone would not show that the last event is missing.
    """
    del diary
    stands: dict[UUID, str] = {}
    ends: set[tuple[UUID | None, int | None]] = set()
    for event in (each for events in history.events.values() for each in events):
        stands[event.subtask_id or event.task_id] = event.kind
        if event.kind != "subtask.running":
            ends.add((event.subtask_id, event.attempt))
    for task in history.tasks.values():
        if stands.get(task.id) != f"task.{task.status}":
            yield f"task {task.id}: is {task.status}, its last event {stands.get(task.id)}"
    for subtask in history.subtasks.values():
        if stands.get(subtask.id) != f"subtask.{subtask.status}":
            yield f"subtask {subtask.id}: is {subtask.status}, last event {stands.get(subtask.id)}"
        for each in history.attempts.get(subtask.id, []):
            if each.ended_at is not None and (subtask.id, each.attempt) not in ends:
                yield f"subtask {subtask.id}: attempt {each.attempt} ended without an event"


def overlaps(history: History, diary: Diary) -> Iterator[str]:
    """Check that each lease begins after the one before has ended."""
    del diary
    for subtask_id, attempts in history.attempts.items():
        for earlier, later in pairwise(attempts):
            if earlier.ended_at is None or earlier.ended_at > later.claimed_at:
                yield (
                    f"subtask {subtask_id}: {earlier.agent_id} held attempt {earlier.attempt} "
                    f"when {later.agent_id} was given attempt {later.attempt}"
                )


def misnumbered(history: History, diary: Diary) -> Iterator[str]:
    """Check that attempts count from 1 to n in the rows, the events and the subtask."""
    del diary
    starts: dict[UUID | None, list[int | None]] = {}
    for events in history.events.values():
        for event in events:
            if event.kind == "subtask.running":
                starts.setdefault(event.subtask_id, []).append(event.attempt)
    for subtask in history.subtasks.values():
        attempts = history.attempts.get(subtask.id, [])
        expected = list(range(1, subtask.attempt + 1))
        numbers = [each.attempt for each in attempts]
        if not expected == numbers == starts.get(subtask.id, []):
            yield f"subtask {subtask.id}: {numbers}, started {starts.get(subtask.id)}"
        since = _forgiven_at(history, subtask)
        counted = [each for each in attempts if since is None or each.claimed_at > since]
        suspended = [place for place, e in enumerate(counted, 1) if e.outcome == "suspended"]
        # A suspension is progress: what went wrong before it is forgiven.
        start = max(suspended, default=0)
        outcomes = Counter(each.outcome for each in counted[start:])
        # So is a stored turn, for deaths before it.
        turns = filter(turn_laws.makes_progress, history.turns.get(subtask.id, []))
        last = max((each.attempt for each in turns), default=0)
        reaped = sum(e.outcome == "reaped" and e.attempt >= last for e in counted[start:])
        if subtask.reaps != reaped:
            yield f"subtask {subtask.id}: {subtask.reaps} reaps, its history {reaped}"
        failed = sum(outcomes[each] for each in _COUNTED)
        if subtask.failures != failed:
            yield f"subtask {subtask.id}: {subtask.failures} failures, its history {failed}"


def unfenced(history: History, diary: Diary) -> Iterator[str]:
    """Check that a write with an attempt that has ended is refused and changes nothing."""
    for each in diary.replayed:
        if each.answer not in _REFUSED:
            yield f"subtask {each.subtask_id}: {each.verb} of {each.attempt} was {each.answer}"
    for subtask in history.subtasks.values():
        if subtask.output is not None and REPLAYED["text"] in subtask.output:
            yield f"subtask {subtask.id}: holds what nobody made"


def unexplained(history: History, diary: Diary) -> Iterator[str]:
    """Check that each task that failed or was cancelled has a reason."""
    bad = {each.task_id for each in diary.submitted if each.must_fail}
    refused = {each.task_id for each in diary.submitted if each.may_fail}
    refused |= {
        task.id for task in history.tasks.values() if _find_root(history, task.id) in refused
    }
    unlucky = {
        each.parent_id
        for each in history.children
        if history.tasks[each.child_id].status in {"failed", "cancelled"}
    }
    ended_steps = {e.child_id for e in history.children if _is_over(history, e.subtask_id)}
    by_task: dict[UUID, list[SubtaskRow]] = {}
    for subtask in history.subtasks.values():
        by_task.setdefault(subtask.task_id, []).append(subtask)
    for task in history.tasks.values():
        reason = (task.error or {}).get("class")
        if task.status == "failed":
            is_refused = task.id in refused and reason == "invalid_request"
            is_bad = task.id in bad and reason == "invalid_task"
            is_spent = task.id not in bad and _is_spent(by_task[task.id])
            if not (is_bad or is_refused or is_spent or task.id in unlucky):
                yield f"task {task.id}: failed with {task.error}"
        elif task.status == "completed" and task.id in bad:
            yield f"task {task.id}: cannot be planned, and is complete"
        elif task.status == "cancelled" and task.id not in diary.cancelling | ended_steps:
            yield f"task {task.id}: nobody cancelled it"


def orphaned(history: History, diary: Diary) -> Iterator[str]:
    """Nothing of a task that is over can still run."""
    del diary
    for subtask in history.subtasks.values():
        if history.tasks[subtask.task_id].status in _FINAL and subtask.status not in _FINAL:
            yield f"subtask {subtask.id}: is {subtask.status}, its task is over"
        for each in history.attempts.get(subtask.id, []):
            if subtask.status in _FINAL and each.ended_at is None:
                yield f"subtask {subtask.id}: is {subtask.status}, attempt {each.attempt} is open"


def miscounted(history: History, diary: Diary) -> Iterator[str]:
    """Cost and tokens of a task are the sums over its attempts and its child tasks.

    The cost is unknown if that of one is unknown.
    """
    del diary
    below: dict[UUID, list[TaskRow]] = {}
    for child in history.tasks.values():
        if child.parent_id is not None:
            below.setdefault(child.parent_id, []).append(child)
    by_task: dict[UUID, list[AttemptRow]] = {}
    for attempts in history.attempts.values():
        for each in attempts:
            if each.ended_at is not None:
                by_task.setdefault(each.task_id, []).append(each)
    for task in history.tasks.values():
        yield from _bill(task, [*by_task.get(task.id, []), *below.get(task.id, [])])


def _bill(task: TaskRow, parts: Sequence[AttemptRow | TaskRow]) -> Iterator[str]:
    costs = [each.cost_usd for each in parts]
    known = [cost for cost in costs if cost is not None]
    cost = sum(known, Decimal(0)) if len(known) == len(costs) else None
    if task.cost_usd != cost:
        yield f"task {task.id}: costs {task.cost_usd}, its attempts {cost}"
    tokens = [sum(each.tokens[place] for each in parts) for place in range(4)]
    if task.tokens != tokens:
        yield f"task {task.id}: {task.tokens} tokens, its attempts {tokens}"


def _find_root(history: History, task_id: UUID) -> UUID:
    parent = history.tasks[task_id].parent_id
    return task_id if parent is None else _find_root(history, parent)


def _count_redrives(history: History, diary: Diary, task_id: UUID) -> int:
    """Count those of the tasks above it as well, which redrive it."""
    task = history.tasks.get(task_id)
    above = task.parent_id if task else None
    own = diary.redriving[task_id]
    return own if above is None else own + _count_redrives(history, diary, above)


def _is_over(history: History, subtask_id: UUID) -> bool:
    subtask = history.subtasks.get(subtask_id)
    return subtask is None or subtask.status in _FINAL


def _is_spent(subtasks: list[SubtaskRow]) -> bool:
    return any(
        each.status == "failed"
        and (each.failures >= each.max_failures or each.reaps >= each.max_reaps)
        for each in subtasks
    )


def _forgiven_at(history: History, subtask: SubtaskRow) -> datetime | None:
    """Return when a redrive last reset the failures of a subtask.

    One whose task went on without it stays as it is.
    """
    forgiven, revived, last, is_over = None, None, "", False
    for event in history.events.get(subtask.task_id, []):
        if event.kind.startswith("task."):
            revived = event.at if is_over and _revives(event.kind) else revived
            is_over = _ends_task(event.kind)
        elif event.subtask_id == subtask.id:
            if last == "subtask.failed" and revived is not None:
                forgiven = revived
            last = event.kind
    return forgiven


def _revives(kind: str) -> bool:
    return kind in {"task.pending", "task.running"}


def _ends_task(kind: str) -> bool:
    thing, _, status = kind.partition(".")
    return thing == "task" and status in _FINAL


LAWS: Final[Mapping[str, Law]] = {
    "absent": absent,
    "lost": lost,
    "duplicated": duplicated,
    "resurrected": resurrected,
    "held": held,
    "premature": premature,
    "gaps": gaps,
    "untold": untold,
    "overlaps": overlaps,
    "misnumbered": misnumbered,
    "unfenced": unfenced,
    "unexplained": unexplained,
    "orphaned": orphaned,
    "miscounted": miscounted,
    "paid twice": flow_laws.paid_twice,
    "misordered": flow_laws.misordered,
    "asleep": flow_laws.asleep,
    "unapplied": flow_laws.unapplied,
    "reserved": flow_laws.reserved,
    "unanswered": flow_laws.unanswered,
    "run twice": turn_laws.run_twice,
    "asked again": turn_laws.asked_again,
    "misplaced": turn_laws.misplaced,
    "unseen": turn_laws.unseen,
    "misjudged": judgement_laws.misjudged,
}
