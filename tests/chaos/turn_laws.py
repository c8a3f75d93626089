"""The laws of tool loops: of stored turns, and of tools that run."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from tests.chaos.diary import Diary
from tests.chaos.history import History, TurnRow

ONCE: Final = frozenset({"pay", "ship"})
"""Tools that must not run twice; each of their calls has arguments of its own."""
_PROGRESS: Final = frozenset({"answer", "result"})


def makes_progress(turn: TurnRow) -> bool:
    """Return whether deaths before a turn are forgiven."""
    return turn.kind in _PROGRESS


def run_twice(history: History, diary: Diary) -> Iterator[str]:
    """Check that no tool runs twice unless it may, and that what is stored has happened."""
    del diary
    runs = Counter(history.runs)
    for line, count in runs.items():
        if count > 1 and line.partition(" ")[0] in ONCE:
            yield f"{line}: ran {count} times"
    for turns in history.turns.values():
        for turn in turns:
            if turn.kind == "result" and turn.status == "ok" and not runs[turn.content or ""]:
                yield f"subtask {turn.subtask_id}: {turn.content} is stored, and did not run"


def asked_again(history: History, diary: Diary) -> Iterator[str]:
    """Check that no model is asked again for a turn that is stored.

    The calls of each turn have arguments of their own, so the same ones would be there twice.
    """
    del diary
    for subtask_id, turns in history.turns.items():
        answers = Counter(each.calls for each in turns if each.kind == "answer")
        for calls, count in answers.items():
            if count > 1:
                yield f"subtask {subtask_id}: {count} turns have the calls {calls}"


def misplaced(history: History, diary: Diary) -> Iterator[str]:
    """Check that turns are numbered without gaps, each stored by the holder of the lease."""
    del diary
    for subtask_id, turns in history.turns.items():
        numbers = [each.seq for each in turns]
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"subtask {subtask_id}: turns {numbers}"
        for earlier, later in pairwise(turns):
            if earlier.attempt > later.attempt:
                yield f"subtask {subtask_id}: turn {later.seq} is of attempt {later.attempt}"
        attempts = {each.attempt: each for each in history.attempts.get(subtask_id, [])}
        for turn in turns:
            if turn.kind == "approval":
                continue
            holder = attempts.get(turn.attempt)
            is_late = holder is None or (
                holder.ended_at is not None and turn.created_at > holder.ended_at
            )
            if is_late or turn.is_replayed:
                yield f"subtask {subtask_id}: turn {turn.seq} is of nobody who held it"


def unseen(history: History, diary: Diary) -> Iterator[str]:
    """Check that the vendors have seen every call that is booked as answered."""
    del diary
    answered = Counter(each.model for each in history.calls if "completed" in each.outcomes)
    for model, count in answered.items():
        if count > history.asked[model]:
            yield (
                f"{model}: {count} calls are booked, and {history.asked[model]} were seen, "
                f"beside {history.asked['']} whose body did not arrive"
            )
