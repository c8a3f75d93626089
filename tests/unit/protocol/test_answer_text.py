"""The text of a task's answer: of one step at a time, never mixed, and in the end the result."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

import pytest

from protocol.ids import utc_now
from protocol.messages import SubtaskProgress
from protocol.records import Subtask, Task
from protocol.transcript import (
    AnswerText,
    ReadPosition,
    TaskEnded,
    TaskUpdate,
    Transcript,
    TranscriptDelta,
    TranscriptReset,
    is_answer_step,
)

TASK, TESTS, FIRST, SECOND = uuid4(), uuid4(), uuid4(), uuid4()


def says(step: UUID, text: str, *, is_answer: bool = True) -> TranscriptDelta:
    return TranscriptDelta(
        task_id=TASK, subtask_id=step, attempt=1, kind="text", offset=0, delta=text,
        is_answer=is_answer,
    )  # fmt: skip


def ends(result: dict[str, Any]) -> TaskEnded:
    row = {"id": TASK, "type": "CHAT", "prompt": "p", "status": "completed", "result": result}
    return TaskEnded(Task.model_validate(row | {"created_at": utc_now()}))


def read(updates: Iterable[TaskUpdate]) -> tuple[str, list[str]]:
    """Return the text that a reader has in the end, and the texts that were void."""
    answer, text, void = AnswerText(), "", list[str]()
    for update in updates:
        for each in answer.apply(update):
            if isinstance(each, TranscriptDelta):
                text += each.delta
            elif isinstance(each, TranscriptReset):
                void.append(text)
                text = ""
    return text, void


def test_other_steps_never_speak() -> None:
    parallel = [
        says(TESTS, "assert", is_answer=False),
        says(FIRST, "one "),
        says(TESTS, " f(1)", is_answer=False),
        says(FIRST, "two"),
    ]

    assert read([*parallel, ends({"text": "one two"})]) == ("one two", [])


def test_a_newer_answer_voids_the_one_before_and_late_text_of_that_is_left_out() -> None:
    updates = [says(FIRST, "bad"), says(SECOND, "go"), says(FIRST, " late"), says(SECOND, "od")]

    assert read(updates) == ("good", ["bad"])


@pytest.mark.parametrize(
    ("said", "result", "expected"),
    [
        ([], "whole", ("whole", [])),
        ([says(FIRST, "who")], "whole", ("whole", [])),
        ([says(FIRST, "whole")], "whole", ("whole", [])),
        ([says(FIRST, "other")], "whole", ("whole", ["other"])),
        ([says(FIRST, "whole"), says(SECOND, "worse")], "whole", ("whole", ["whole", "worse"])),
    ],
)
def test_the_result_of_a_workflow_is_what_a_reader_has_in_the_end(
    said: list[TaskUpdate], result: str, expected: tuple[str, list[str]]
) -> None:
    assert read([*said, ends({"text": result, "workflow": "DEBATE"})]) == expected


def test_the_output_of_a_step_is_left_as_it_was_streamed() -> None:
    # Some models mark text as reasoning only when it has ended.
    assert read([says(FIRST, "<think>hm</think>yes"), ends({"text": "yes"})]) == (
        "<think>hm</think>yes",
        [],
    )


def test_a_new_attempt_of_another_step_voids_nothing() -> None:
    reset = TranscriptReset(task_id=TASK, subtask_id=TESTS, attempt=2)

    assert read([says(FIRST, "one"), reset, says(FIRST, " two")]) == ("one two", [])


def a_row(**fields: Any) -> Subtask:
    row = {
        "id": FIRST, "task_id": TASK, "key": "draft", "type": "CHAT", "lane": "a-model",
        "status": "completed", "attempt": 1, "failures": 0, "reaps": 0, "sink": False,
        "created_at": utc_now(), "output": {"text": "one"},
    }  # fmt: skip
    return Subtask.model_validate(row | fields)


def deltas(transcript: Transcript) -> list[TranscriptDelta]:
    found = transcript.read(dict[UUID, ReadPosition]())
    return [each for each in found if isinstance(each, TranscriptDelta)]


def test_rows_say_which_step_it_is_as_messages_do() -> None:
    by_row, by_message = Transcript(TASK), Transcript(TASK)
    by_row.apply_row(a_row(metadata={"role": "reviewer", "answer": False}))
    by_message.apply_delta(
        SubtaskProgress(
            task_id=TASK, subtask_id=FIRST, attempt=1, key="draft", role="reviewer",
            model="a-model", answer=False, offset=0, delta="one",
        )
    )  # fmt: skip

    assert deltas(by_row) == deltas(by_message)
    [delta] = deltas(by_row)
    assert (delta.key, delta.role, delta.is_answer) == ("draft", "reviewer", False)


@pytest.mark.parametrize(
    "row",
    [a_row(type="PLAN", lane="cio"), a_row(lane="sandbox:python"), a_row(lane="wait")],
    ids=lambda row: row.lane,
)
def test_only_models_have_text(row: Subtask) -> None:
    transcript = Transcript(TASK)
    transcript.apply_row(row)

    assert deltas(transcript) == []


@pytest.mark.parametrize(
    ("metadata", "params", "expected"),
    [
        ({}, {}, True),
        ({}, {"draft": True}, False),
        ({"answer": True}, {"draft": True}, True),
        ({"answer": False}, {}, False),
        ({"answer": "yes"}, {}, True),
    ],
)
def test_metadata_say_whether_a_step_is_the_answer(
    metadata: dict[str, Any], params: dict[str, Any], expected: bool
) -> None:
    assert is_answer_step(metadata, params) is expected
