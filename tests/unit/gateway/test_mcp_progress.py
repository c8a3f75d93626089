"""One line about what a task does now."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from gateway.mcp.progress import TaskProgress
from protocol.messages import ToolStatus
from protocol.records import Event, SelectionRow
from protocol.transcript import ChildBegan, ToolCallUpdate, TranscriptDelta, TranscriptReset

NOW = datetime(2026, 11, 29, tzinfo=UTC)
TASK, CHILD = uuid4(), uuid4()
FLOW, FIRST, SECOND, INNER = uuid4(), uuid4(), uuid4(), uuid4()


def event(what: str, step: UUID | None, task: UUID = TASK, **detail: object) -> Event:
    return Event(task_id=task, seq=1, at=NOW, kind=what, subtask_id=step, detail=detail)


def delta(step: UUID, offset: int, text: str, task: UUID = TASK) -> TranscriptDelta:
    return TranscriptDelta(
        task_id=task, subtask_id=step, attempt=1, kind="text", offset=offset, delta=text
    )


def call(status: ToolStatus | str) -> ToolCallUpdate:
    return ToolCallUpdate(
        task_id=TASK, subtask_id=FIRST, turn=1, call_id="c", tool="search", status=status  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_line_names_the_steps_their_models_and_what_they_do() -> None:
    progress = TaskProgress(TASK)
    lines = [progress.describe()]
    for update in (
        event("subtask.running", FLOW, kind="flow", lane="cio"),
        SelectionRow(id=uuid4(), subtask_id=FIRST, selected_model="gpt", created_at=NOW),
        event("subtask.running", FIRST, key="optimistic"),
        event("subtask.queued", SECOND, key="cautious"),
        delta(FIRST, 10, "hello"),
        call("called"),
        call("ok"),
        TranscriptReset(task_id=TASK, subtask_id=FIRST, attempt=2),
        event("subtask.completed", FIRST, key="optimistic"),
        event("subtask.waiting", SECOND, key="cautious", kind="approve"),
        event("subtask.cancelled", SECOND, key="cautious"),
        event("task.completed", None),
    ):
        progress.apply(update)
        lines.append(progress.describe())

    assert lines == [
        "the task waits to begin; 0 steps done",
        "0 steps done; the workflow decides what follows",
        "0 steps done; a step (gpt) is queued",
        "0 steps done; optimistic (gpt) works",
        "0 steps done; optimistic (gpt) works; cautious is queued",
        "0 steps done; optimistic (gpt) writes, 15 characters; cautious is queued",
        "0 steps done; optimistic (gpt) calls search; cautious is queued",
        "0 steps done; optimistic (gpt) writes, 15 characters; cautious is queued",
        "0 steps done; optimistic (gpt) works; cautious is queued",
        "1 step done; cautious is queued",
        "1 step done; cautious waits for an answer",
        "1 step done; the workflow decides what follows",
        "1 step done; the workflow decides what follows",
    ]


def test_steps_of_a_child_task_have_the_key_of_its_step_before_theirs() -> None:
    progress = TaskProgress(TASK)
    for update in (
        event("subtask.waiting", FIRST, key="review", kind="task"),
        ChildBegan(task_id=TASK, subtask_id=FIRST, key="review", child_task_id=CHILD),
        event("subtask.running", FLOW, CHILD, kind="flow", lane="cio"),
        event("subtask.running", INNER, CHILD, key="cautious"),
        event("task.completed", None, CHILD),
    ):
        progress.apply(update)

    assert progress.describe() == "0 steps done; review/cautious works"


def test_what_is_heard_of_a_step_after_its_end_does_not_begin_it_again() -> None:
    progress = TaskProgress(TASK)
    for update in (
        event("subtask.running", FIRST, key="verdict"),
        event("subtask.completed", FIRST, key="verdict"),
        SelectionRow(id=uuid4(), subtask_id=FIRST, selected_model="gpt", created_at=NOW),
        delta(FIRST, 0, "late"),
        call("called"),
    ):
        progress.apply(update)

    assert progress.describe() == "the task waits to begin; 1 step done"


def test_limits_of_time_are_neither_named_nor_counted() -> None:
    progress = TaskProgress(TASK)
    progress.apply(event("subtask.running", FIRST, key="critic"))
    for status in ("delayed", "completed"):
        progress.apply(event(f"subtask.{status}", SECOND, key="critic:limit", kind="sleep"))

        assert progress.describe() == "0 steps done; critic works"


def test_many_steps_are_counted_and_not_named() -> None:
    progress = TaskProgress(TASK)
    for n in range(9):
        progress.apply(event("subtask.running", uuid4(), key=f"step{n}"))

    assert progress.describe().endswith("step4 works; 4 more")
