"""The law of outcomes: statistics that keep it, and some that do not."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from tests.chaos.diary import Diary
from tests.chaos.history import History, JudgementRow
from tests.chaos.judgement_laws import MOST_A_DAY, misjudged

ANSWER, OWNER = UUID(int=3), UUID(int=4)
RUN = JudgementRow(
    subtask_id=ANSWER, attempt=2, owner=OWNER, model="m", kind="chat", source="run", place=4,
    strength=1, score=1, judged=1, good=1, known_good=0, known_bad=0, left=0.5,
)  # fmt: skip
FORM = replace(
    RUN, source="form", place=7, strength=1, score=0, judged=0, good=0, known_good=1, known_bad=0
)


def a_history(*judgements: JudgementRow) -> History:
    """Build a history whose sums are those of these judgements, of an answer each or of one."""
    sums: dict[tuple[str, str, str], dict[str, float]] = {}
    for each in judgements:
        held = sums.setdefault((each.model, each.kind, each.source), {})
        for name in ("judged", "good", "known_good", "known_bad"):
            held[name] = held.get(name, 0.0) + getattr(each, name) * each.left
    count = len({(each.subtask_id, each.attempt) for each in judgements})
    return History(judgements=[*judgements], sums=sums, answers={"m": (count, count - 0.001)})


def find(history: History) -> list[str]:
    return list(misjudged(history, Diary()))


def test_an_answer_that_counts_once_by_its_strongest_judgement_keeps_the_law() -> None:
    assert find(a_history(RUN, FORM)) == []
    assert find(a_history()) == []


def test_an_answer_may_be_left_out_only_after_many_of_its_owner() -> None:
    others = [replace(RUN, subtask_id=UUID(int=10 + each)) for each in range(MOST_A_DAY)]
    left_out = replace(RUN, judged=0.0, good=0.0)

    assert find(a_history(left_out, *others)) == []
    assert find(a_history(left_out, *others[1:]))
    assert find(a_history(*(replace(each, owner=None) for each in (left_out, *others))))


def in_sums(**weights: float) -> Callable[[History], object]:
    return lambda history: history.sums["m", "chat", "run"].update(weights)


def in_judgement(nth: int, **fields: Any) -> Callable[[History], object]:
    def lie(history: History) -> None:
        rows = list(history.judgements)
        rows[nth] = replace(rows[nth], **fields)
        changed = a_history(*rows)
        history.judgements[:] = changed.judgements
        history.sums.update(changed.sums)

    return lie


@pytest.mark.parametrize(
    "lie",
    [
        in_sums(judged=1.0),
        in_sums(good=0.0),
        lambda history: history.sums.clear(),
        lambda history: history.sums.update({("n", "chat", "run"): {"judged": 1.0}}),
        lambda history: history.judgements.clear(),
        lambda history: history.answers.update(m=(2, 1.0)),
        lambda history: history.answers.update(m=(1, 2.0)),
        in_judgement(0, judged=0.5),
        in_judgement(0, judged=0.0, good=0.0),
        in_judgement(1, judged=1.0),
        in_judgement(1, known_good=0.0),
        in_judgement(1, place=3),
    ],
)
def test_statistics_that_are_not_those_of_the_answers_are_reported(
    lie: Callable[[History], object],
) -> None:
    history = a_history(RUN, FORM)

    lie(history)

    assert find(history)


def test_what_is_not_counted_is_reported() -> None:
    assert find(replace(a_history(), uncounted=1))
