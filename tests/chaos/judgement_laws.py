"""The law of outcomes: each answer counts once, by its strongest judgement, and sums are sums."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from uuid import UUID

from tests.chaos.diary import Diary
from tests.chaos.history import History, JudgementRow

MOST_A_DAY: Final = 50
"""Answers of a model at a kind of work that are counted by one source for one owner."""
_WEIGHTS: Final = ("judged", "good", "known_good", "known_bad")
_NOISE: Final = 1e-6
_DECAY: Final = 0.5
"""How much less than the answers themselves their sum may be after some minutes."""


def misjudged(history: History, diary: Diary) -> Iterator[str]:
    """Check that what the statistics hold is what is known of the answers."""
    del diary
    if history.uncounted:
        yield f"{history.uncounted} ends and judgements of answers are not counted"
    yield from _check_answers(history)
    yield from _check_sums(history)
    by_answer: dict[tuple[UUID, int], list[JudgementRow]] = defaultdict(list)
    for each in history.judgements:
        by_answer[each.subtask_id, each.attempt].append(each)
    counted = Counter(_list_limited(each) for each in history.judgements if each.judged)
    for rows in by_answer.values():
        yield from _check_answer(rows, counted)


def _check_answers(history: History) -> Iterator[str]:
    for model, (ended, counted) in history.answers.items():
        if not -_DECAY < counted - ended < _DECAY:
            yield f"{model}: {ended} answers, counted {counted:.2f}"


def _check_sums(history: History) -> Iterator[str]:
    held: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for each in history.judgements:
        for name in _WEIGHTS:
            held[each.model, each.kind, each.source][name] += getattr(each, name) * each.left
    for key in held.keys() | history.sums.keys():
        summed = history.sums.get(key, {})
        for name in _WEIGHTS:
            if abs(held[key][name] - summed.get(name, 0.0)) > _NOISE:
                yield f"{key}: {name} is {summed.get(name)}, the judgements are {held[key][name]}"


def _check_answer(
    rows: Sequence[JudgementRow], counted: Mapping[tuple[object, ...], int]
) -> Iterator[str]:
    best, *others = sorted(rows, key=lambda each: (-each.strength, each.place))
    who = f"attempt {best.attempt} of subtask {best.subtask_id}"
    if best.counts_as(best.strength, best.strength * best.score):
        known = (best.good, best.judged - best.good)
    elif best.owner is not None and counted[_list_limited(best)] >= MOST_A_DAY:
        known = (0.0, 0.0)
    else:
        yield f"{who}: {best.source} counts as {best.judged}, not as {best.strength}"
        return
    for each in others:
        if not each.counts_as(0, 0):
            yield f"{who}: {each.source} counts beside {best.source}"
        if max(abs(each.known_good - known[0]), abs(each.known_bad - known[1])) > _NOISE:
            yield f"{who}: {each.source} is not measured by {best.source}"


def _list_limited(each: JudgementRow) -> tuple[object, ...]:
    return (each.owner, each.model, each.kind, each.source)
