"""The parts of a task: who begins, says something and ends, in the task and in its children."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

import pytest

from protocol.ids import utc_now
from protocol.records import Event
from protocol.transcript import (
    ChildBegan,
    PartReader,
    TaskUpdate,
    ToolCallUpdate,
    TranscriptAside,
    TranscriptDelta,
    TranscriptReset,
)

TASK, CHILD, GRANDCHILD = uuid4(), uuid4(), uuid4()
FIRST, SECOND, STEP = uuid4(), uuid4(), uuid4()


def happens(
    status: str, step: UUID = FIRST, *, task: UUID = TASK, attempt: int = 1, **detail: object
) -> Event:
    known: dict[str, object] = {"key": "optimistic", "lane": "a-model", "role": "debate_1"}
    return Event(
        task_id=task, seq=1, at=utc_now(), kind=f"subtask.{status}", subtask_id=step,
        attempt=attempt, detail=known | detail,
    )  # fmt: skip


def says(text: str, step: UUID = FIRST, *, task: UUID = TASK, **more: object) -> TranscriptDelta:
    known = {"kind": "text", "attempt": 1, "offset": 0, "key": "optimistic", "model": "a-model"}
    fields = known | {"role": "debate_1", "is_answer": False} | more
    return TranscriptDelta(task_id=task, subtask_id=step, delta=text, **fields)  # type: ignore[arg-type]


def read(*batches: Iterable[TaskUpdate]) -> list[str]:
    """Return what a reader sees, each batch settled: agent, role, model, status and text."""
    reader, seen = PartReader(), []
    for batch in batches:
        for update in batch:
            seen += list(reader.apply(update))
        seen += list(reader.settle())
    return [
        " ".join(filter(None, (each.agent, each.role, each.model, each.status, each.text)))
        for each in seen
    ]


WHO = "optimistic debate_1 a-model"


def test_a_part_begins_says_and_ends_and_text_of_its_batch_comes_before_the_end() -> None:
    seen = read([happens("running"), says("ye")], [happens("completed"), says("s")])

    assert seen == [f"{WHO} started", f"{WHO} delta ye", f"{WHO} delta s", f"{WHO} complete"]


def test_text_before_the_event_that_begins_its_attempt_begins_the_part_once() -> None:
    assert read([says("yes")], [happens("running")]) == [f"{WHO} started", f"{WHO} delta yes"]


@pytest.mark.parametrize(
    "second",
    [
        [happens("running", attempt=2), says("no", attempt=2)],
        [says("no", attempt=2), happens("running", attempt=2)],
        [TranscriptReset(task_id=TASK, subtask_id=FIRST, attempt=2), says("no", attempt=2)],
        [happens("running", attempt=2), says("late"), says("no", attempt=2)],
    ],
)
def test_another_attempt_begins_the_part_again(second: list[TaskUpdate]) -> None:
    seen = read([happens("running"), says("yes")], second)

    assert seen[:2] == [f"{WHO} started", f"{WHO} delta yes"]
    assert seen[2] == f"{WHO} started"
    assert seen[-2:] == [f"{WHO} started", f"{WHO} delta no"]


def test_the_model_that_an_older_executor_does_not_name_is_that_of_the_event() -> None:
    seen = read([says("yes", model=None)], [happens("running")], [happens("completed")])

    assert seen == [
        "optimistic debate_1 started",
        "optimistic debate_1 delta yes",
        f"{WHO} complete",
    ]


def test_narration_and_what_was_reasoning_are_void_and_reasoning_is_no_part() -> None:
    aside = TranscriptAside(
        task_id=TASK, subtask_id=FIRST, attempt=1, turn=1, kind="narration", is_answer=False
    )
    seen = read([says("let me see"), aside, aside, says("hm", kind="reasoning"),
                 says("yes", turn=2), says("late", turn=1)])  # fmt: skip

    assert [each.removeprefix(f"{WHO} ") for each in seen] == [
        "started", "delta let me see", "started", "delta yes",
    ]  # fmt: skip


def test_steps_of_children_are_named_by_their_way_and_a_child_begins_and_ends_itself() -> None:
    child = ChildBegan(task_id=TASK, subtask_id=SECOND, key="implement/a", child_task_id=CHILD)
    below = ChildBegan(task_id=CHILD, subtask_id=STEP, key="review", child_task_id=GRANDCHILD)
    waits: dict[str, Any] = {"key": "implement/a", "lane": "wait", "kind": "task", "role": None}
    seen = read(
        [happens("waiting", SECOND, **waits), child, below],
        [says("x", uuid4(), task=CHILD, key="draft", role="coding")],
        [says("y", uuid4(), task=GRANDCHILD, key="critic", role=None, model=None)],
        [happens("failed", SECOND, **waits)],
    )

    assert seen == [
        "implement/a started",
        "implement/a/draft coding a-model started",
        "implement/a/draft coding a-model delta x",
        "implement/a/review/critic started",
        "implement/a/review/critic delta y",
        "implement/a failed",
    ]


def test_what_no_model_does_is_no_part() -> None:
    call = ToolCallUpdate(task_id=TASK, subtask_id=FIRST, turn=1, call_id="1", tool="t")

    assert read([happens("running", lane="cio"), happens("running", lane="sandbox:python")]) == []
    assert read([happens("waiting", lane="wait", kind="approve"), call]) == []
    assert read([happens("completed")]) == []
