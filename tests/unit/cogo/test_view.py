"""A task on a terminal: its text appears once, complete and uninterrupted."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from rich.console import Console
from rich.text import Text

from cogo.cli.tasks.result import format_summary, list_check_lines, list_code_lines, print_result
from cogo.watch.board import open_board
from cogo.watch.follow import follow
from cogo.watch.format import format_event
from cogo.watch.view import Stream, TaskView
from protocol.lifecycle import TaskState
from protocol.messages import Envelope, MessageType, SubtaskProgress
from protocol.records import Event, SelectionRow, Subtask, Task
from protocol.topics import result_topic
from protocol.transcript import (
    TaskEnded,
    TaskUpdate,
    TextKind,
    TranscriptDelta,
    TranscriptReset,
)
from tests.support.agents.fake_bus import FakeBus
from tests.support.agents.fake_store import FakeStore

TASK, FIRST, SECOND = (UUID(f"{number}" * 32) for number in (1, 2, 3))
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def an_event(kind: str, subtask: UUID | None = FIRST, attempt: int = 1, seq: int = 1) -> Event:
    detail = {"lane": "a-model"}
    return Event(
        task_id=TASK, seq=seq, at=NOW, kind=kind, subtask_id=subtask, attempt=attempt,
        agent_id="executor@host", detail=detail,
    )  # fmt: skip


def a_delta(
    text: str, *, subtask: UUID = FIRST, attempt: int = 1, kind: TextKind = "text"
) -> TranscriptDelta:
    return TranscriptDelta(
        task_id=TASK, subtask_id=subtask, attempt=attempt, kind=kind, offset=0, delta=text
    )


def a_task(text: str) -> Task:
    return Task.model_validate(
        {
            "id": TASK, "type": "CHAT", "prompt": "Hello", "status": "completed",
            "created_at": NOW, "result": {"text": text},
        }
    )  # fmt: skip


def seen(*updates: TaskUpdate, stream: Stream = "answer") -> tuple[TaskView, str]:
    """Return the view and the screen after these."""
    screen: list[str] = []
    view = TaskView(
        stream=stream,
        say=lambda line: screen.append(f"<{line.split()[1]}>\n"),
        write=lambda _, text: screen.append(text),
    )
    for each in updates:
        view.show(each)
    return view, "".join(screen)


def test_status_lines_wait_until_the_text_ends() -> None:
    task = a_task("one two\nthree")

    view, screen = seen(
        an_event("subtask.running"),
        a_delta("one "),
        an_event("subtask.delayed", SECOND),
        a_delta("two\nthree"),
        an_event("subtask.completed"),
        TaskEnded(task),
    )

    assert screen == "<claimed>\none two\nthree\n<will>\n<finished>\n"
    assert view.has_shown(task)


def test_a_newer_answer_begins_on_a_line_of_its_own_and_is_not_mixed_with_the_older_one() -> None:
    _, screen = seen(a_delta("one "), a_delta("ANOTHER", subtask=SECOND), a_delta("two"))

    assert screen == "one \nANOTHER"


def test_a_status_line_says_once_which_other_step_is_written() -> None:
    draft = replace(a_delta("def", subtask=SECOND), key="draft", role="coding", is_answer=False)
    lines: list[str] = []
    view = TaskView(stream="answer", say=lines.append, write=lambda _, text: lines.append(text))
    for each in (an_event("subtask.running", SECOND), draft, draft, a_delta("answer")):
        view.show(each)

    assert lines[1:] == [f"{str(TASK)[:8]}  writing      draft (coding) by a-model", "answer"]


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("main", "claimed      by executor, attempt 1"),
        ("draft#2", "claimed      draft#2 by executor, attempt 1"),
    ],
)
def test_a_line_about_one_of_several_steps_names_it(key: str, line: str) -> None:
    event = an_event("subtask.running").model_copy(update={"detail": {"lane": "m", "key": key}})

    assert format_event(event) == line


@pytest.mark.parametrize(
    ("status", "detail", "line"),
    [
        ("running", {"key": "draft", "role": "coding"}, "claimed      draft (coding) by executor"),
        (
            "waiting",
            {"key": "deploy", "kind": "approve"},
            "waiting      for a person to approve deploy: "
            f"`cogo approve {str(TASK)[:8]} --key deploy`",
        ),
        (
            "waiting",
            {"key": "paid", "kind": "event", "name": "invoice-paid"},
            f"waiting      for the event invoice-paid: `cogo send {str(TASK)[:8]} invoice-paid`",
        ),
        ("waiting", {"key": "part", "kind": "task"}, "waiting      for the child task part"),
        (
            "delayed",
            {"key": "nap", "kind": "sleep", "run_at": "2026-11-28T13:00:00Z"},
            "sleeping     nap until 2026-11-28T13:00:00Z",
        ),
        ("delayed", {"key": "limit_1/others:limit", "kind": "sleep"}, None),
        ("completed", {"key": "review/limit_1#2/critic:limit#2", "kind": "sleep"}, None),
        ("blocked", {"lane": "cio", "awaits": 3}, "waiting      for 3 steps"),
        ("blocked", {"lane": "cio", "awaits": 1}, None),
    ],
)
def test_a_line_says_what_a_suspended_workflow_waits_for(
    status: str, detail: dict[str, Any], line: str | None
) -> None:
    event = an_event(f"subtask.{status}").model_copy(update={"detail": {"lane": "m"} | detail})

    shown = format_event(event)

    assert shown is None if line is None else (shown or "").startswith(line)


def test_the_end_of_a_step_that_nobody_leases_names_no_agent() -> None:
    event = an_event("subtask.completed", attempt=0).model_copy(
        update={"detail": {"lane": "wait", "key": "deploy"}}
    )

    assert format_event(event) == "finished     deploy"


def a_selection(subtask: UUID, model: str) -> SelectionRow:
    return SelectionRow(
        id=uuid4(), task_id=TASK, subtask_id=subtask, selected_model=model, reason="cheap",
        created_at=NOW,
    )  # fmt: skip


def a_step_event(kind: str, subtask: UUID, key: str, lane: str, **fields: Any) -> Event:
    event = an_event(kind, subtask).model_copy(update={"detail": {"lane": lane, "key": key}})
    return event.model_copy(update=fields)


def test_lines_say_which_step_was_stamped_and_call_no_check_writing() -> None:
    lines: list[str] = []
    view = TaskView(stream="answer", say=lines.append, write=lambda _, text: lines.append(text))
    output = replace(a_delta("1 passed", subtask=SECOND), key="check", is_answer=False)
    for each in (
        a_step_event("subtask.queued", FIRST, "draft", "m"),
        a_selection(FIRST, "m"),
        a_step_event("subtask.running", SECOND, "check", "sandbox:python"),
        output,
    ):
        view.show(each)

    assert [line.partition("  ")[2] for line in lines] == [
        "stamped      draft m: cheap", "claimed      check by executor, attempt 1",
    ]  # fmt: skip


def test_a_plan_is_announced_once_and_not_at_each_replay() -> None:
    plan = an_event("subtask.running").model_copy(
        update={"detail": {"lane": "cio", "type": "PLAN", "key": "plan"}}
    )

    assert format_event(plan) == "planning     by executor"
    assert format_event(plan.model_copy(update={"attempt": 2})) is None


def test_a_new_attempt_begins_on_a_line_of_its_own() -> None:
    _, screen = seen(
        a_delta("hal"),
        an_event("subtask.delayed"),
        a_delta("whole", attempt=2),
        TaskEnded(a_task("")),
    )

    assert screen == "hal\n<will>\nwhole\n"


def test_an_attempt_that_nobody_ended_gives_way_to_the_next() -> None:
    void = TranscriptReset(task_id=TASK, subtask_id=FIRST, attempt=2)
    later = a_delta("whole", attempt=2)
    view, screen = seen(a_delta("hal"), void, later, TaskEnded(a_task("whole")))

    assert screen == "hal\nwhole\n"
    assert view.has_shown(a_task("whole"))


def test_a_text_that_was_not_read_whole_is_printed_at_the_end() -> None:
    task = a_task("one two three")

    view, _ = seen(a_delta("one "), a_delta("three"), TaskEnded(task))
    assert not view.has_shown(task)

    view, _ = seen(a_delta("one two three"), TaskEnded(task), stream="aside")
    assert not view.has_shown(task)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_tasks_that_move_fit_the_terminal_and_no_word_is_cut(width: int) -> None:
    screen = StringIO()
    console = Console(file=screen, force_terminal=True, width=width, legacy_windows=False)
    answer = "the standard library is enough for what was asked of it here and now"

    with open_board({TASK: "fibonacci"}, simulated=True, console=console) as moving:
        for piece in re.findall(r"\S+\s*", answer):  # as some vendors cut: behind the space
            moving.show(a_delta(piece))
        moving.show(TaskEnded(a_task(answer)))

    shown = Text.from_ansi(screen.getvalue()).plain
    last = [line for line in shown.splitlines() if line.startswith("fibonacci")][-1]
    assert len(last.rstrip()) <= width
    assert "completed" in last
    assert set(last.split()) <= {"fibonacci", "completed", str(len(answer)), *answer.split()}
    assert last.rstrip().endswith("here and now")


class _History(FakeStore):
    """Returns the whole history at once, while the text has only just come."""

    bus: FakeBus
    events: list[Event]
    offset: int = 0
    """Of the text; what comes before it was lost."""
    chosen: Sequence[SelectionRow] = ()

    async def fetch_events(self, *, task_id: UUID, after: int = 0) -> list[Event]:
        progress = SubtaskProgress(
            task_id=TASK, subtask_id=FIRST, attempt=1, offset=self.offset, delta="hello"
        )
        topic = result_topic(TASK)
        said = Envelope.wrap(MessageType.SUBTASK_PROGRESS, progress, source="e", target=topic)
        self.bus.listeners[topic](said)
        return self.events

    async def fetch_subtasks(self, *, task_id: UUID) -> list[Subtask]:
        row = {"id": FIRST, "task_id": TASK, "key": "main", "type": "CHAT", "lane": "a-model"}
        counts = {"attempt": 1, "failures": 0, "reaps": 0, "sink": True}
        checkpoint = {"attempt": 1, "content": "well, "}
        fields = {"status": "running", "created_at": NOW, "checkpoint": checkpoint}
        return [Subtask.model_validate(row | counts | fields)]

    async def fetch_selections(self, *, task_id: UUID) -> list[SelectionRow]:
        return list(self.chosen)

    async def fetch_task(self, *, task_id: UUID) -> Task:
        return a_task("hello")


async def test_text_comes_between_the_events_that_begin_and_end_its_attempt() -> None:
    kinds = ("subtask.running", "subtask.completed", "task.completed")
    store = _History()
    store.bus = FakeBus()
    store.events = [an_event(kind, seq=seq) for seq, kind in enumerate(kinds, start=1)]

    told: list[Any] = [each async for each in follow([TASK], store=store, bus=store.bus)]

    assert [getattr(each, "kind", "end") for each in told] == [
        "subtask.running", "text", "subtask.completed", "task.completed", "end",
    ]  # fmt: skip


async def test_each_selection_follows_the_event_that_queues_its_step() -> None:
    store = _History()
    store.bus = FakeBus()
    store.events = [
        a_step_event("subtask.queued", FIRST, "draft", "m", seq=1),
        a_step_event("subtask.queued", SECOND, "draft#2", "n", seq=2),
        an_event("task.completed", None, seq=3),
    ]
    store.chosen = [a_selection(SECOND, "n"), a_selection(FIRST, "m")]

    told = [each async for each in follow([TASK], store=store, bus=store.bus)]

    assert [each.subtask_id for each in told if isinstance(each, Event | SelectionRow)] == [
        FIRST, FIRST, SECOND, SECOND, None,
    ]  # fmt: skip


async def test_text_that_the_channel_lost_is_read_from_the_row() -> None:
    kinds = ("subtask.running", "subtask.completed", "task.completed")
    store = _History()
    store.bus, store.offset = FakeBus(), len("well, ")
    store.events = [an_event(kind, seq=seq) for seq, kind in enumerate(kinds, start=1)]

    told = [each async for each in follow([TASK], store=store, bus=store.bus)]

    text = "".join(each.delta for each in told if isinstance(each, TranscriptDelta))
    assert text == "well, hello"


def test_the_outcome_of_code_names_what_was_run_and_what_it_cost(
    capsys: pytest.CaptureFixture[str],
) -> None:
    task = a_task("x").model_copy(
        update={
            "result": {
                "text": "x",
                "verification": {"status": "unverified", "reason": "no tests\x1b[31m were run"},
                "receipt": {"sentence": "cheap wrote it, $0.01."},
            }
        }
    )

    assert print_result(task, as_json=False) == 0

    shown = capsys.readouterr().err
    assert "unverified: no tests" in shown
    assert "cheap wrote it, $0.01." in shown
    assert "\x1b[31m" not in shown
    assert list_code_lines(a_task("x")) == []


def test_a_result_of_a_workflow_shows_the_models_of_its_steps_and_its_checks() -> None:
    checks = [{"key": "check", "text": "2 of 2 tests passed"}, None]
    result = {"text": "done", "models": ["a", "b", "c", "d"], "checks": checks}
    task = a_task("").model_copy(update={"result": result, "input_tokens": 7})

    assert "  a, b, c and 1 more  7 tokens" in format_summary(task)
    assert list_check_lines(task) == ["check: 2 of 2 tests passed"]


@pytest.mark.parametrize(
    ("error", "words"),
    [({"class": "not_granted"}, "failed (not_granted)  0 tokens"), (None, "failed  0 tokens")],
)
def test_the_summary_of_a_failed_task_has_the_class_of_its_error(
    error: dict[str, object] | None, words: str
) -> None:
    task = a_task("").model_copy(
        update={"result": None, "status": TaskState.FAILED, "error": error}
    )

    assert words in format_summary(task)
