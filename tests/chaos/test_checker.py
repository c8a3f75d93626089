"""The checker: a history that keeps every law, and one false history for each law."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tests.chaos.checker import LAWS, check
from tests.chaos.diary import Diary, Replayed, Submitted
from tests.chaos.history import (
    REPLAYED,
    Ack,
    AttemptRow,
    CallRow,
    ChildRow,
    EventRow,
    History,
    SubtaskRow,
    TaskRow,
    TurnRow,
)

Lie = Callable[[History, Diary], object]

TASK, PLAN, MAIN = (UUID(int=number) for number in (1, 2, 3))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OUTPUT = '{"text": "done"}'


def a_history() -> tuple[History, Diary]:
    """Build the history of a task whose first executor died and whose second answered."""
    task = TaskRow(
        TASK, "key", "completed", UUID(int=9), OUTPUT, None, Decimal("0.5"), [10, 0, 5, 0]
    )
    plan = SubtaskRow(PLAN, TASK, "PLAN", "completed", False, 1, 0, 5, 0, 5, "{}", 1)
    main = SubtaskRow(MAIN, TASK, "CHAT", "completed", True, 2, 0, 5, 1, 5, OUTPUT, 2)
    kinds = [
        ("task.pending", None, None),
        ("subtask.queued", PLAN, None),
        ("subtask.running", PLAN, 1),
        ("subtask.completed", PLAN, 1),
        ("subtask.running", MAIN, 1),
        ("subtask.queued", MAIN, 1),
        ("subtask.running", MAIN, 2),
        ("subtask.completed", MAIN, 2),
        ("task.completed", None, None),
    ]
    history = History(
        tasks={TASK: task},
        subtasks={PLAN: plan, MAIN: main},
        attempts={
            PLAN: [an_attempt(PLAN, 1, 0, "completed")],
            MAIN: [
                an_attempt(MAIN, 1, 1, "reaped"),
                an_attempt(MAIN, 2, 2, "completed", cost=Decimal("0.5"), tokens=[10, 0, 5, 0]),
            ],
        },
        events={
            TASK: [
                EventRow(TASK, seq, NOON + timedelta(seconds=seq), kind, subtask, attempt)
                for seq, (kind, subtask, attempt) in enumerate(kinds, 1)
            ]
        },
        parents={MAIN: [PLAN]},
        messages={TASK: ["user", "assistant"]},
        results={TASK: 1},
        acks=[Ack(PLAN, 1, "ok"), Ack(MAIN, 2, "ok")],
    )
    diary = Diary(
        submitted=[Submitted(key="key", task_id=TASK, must_fail=False)],
        replayed=[Replayed(subtask_id=MAIN, attempt=1, verb="complete", answer="stale")],
    )
    return history, diary


def an_attempt(
    subtask: UUID,
    number: int,
    place: int,
    outcome: str,
    *,
    cost: Decimal | None = Decimal(0),
    tokens: list[int] | None = None,
) -> AttemptRow:
    begun = NOON + timedelta(seconds=place)
    ended = begun + timedelta(seconds=1)
    agent = f"executor-{number}"
    used = tokens or [0, 0, 0, 0]
    return AttemptRow(
        subtask, number, TASK, agent, "lane", begun, ended, outcome, None, cost, used, None
    )


def in_task(**fields: Any) -> Lie:
    return lambda history, _: history.tasks.update({TASK: replace(history.tasks[TASK], **fields)})


def in_main(**fields: Any) -> Lie:
    return lambda history, _: history.subtasks.update(
        {MAIN: replace(history.subtasks[MAIN], **fields)}
    )


def in_attempt(number: int, **fields: Any) -> Lie:
    def lie(history: History, _: Diary) -> None:
        attempts = history.attempts[MAIN]
        attempts[number - 1] = replace(attempts[number - 1], **fields)

    return lie


def one_more_event(kind: str) -> Lie:
    def lie(history: History, _: Diary) -> None:
        event = replace(history.events[TASK][7], seq=10, kind=kind)
        history.events[TASK].append(event)

    return lie


def put_before(seq: int, kind: str) -> Lie:
    """Insert an event of the task; later ones move on."""

    def lie(history: History, _: Diary) -> None:
        events = history.events[TASK]
        later = [replace(each, seq=each.seq + 1) for each in events[seq - 1 :]]
        new = replace(events[seq - 1], kind=kind, subtask_id=None, attempt=None)
        history.events[TASK] = [*events[: seq - 1], new, *later]

    return lie


def without_event(seq: int) -> Lie:
    """Remove an event and renumber those after it."""

    def lie(history: History, _: Diary) -> None:
        events = history.events[TASK]
        later = [replace(each, seq=each.seq - 1) for each in events[seq:]]
        history.events[TASK] = [*events[: seq - 1], *later]

    return lie


STEP, CHILD, QUESTION = (UUID(int=number) for number in (4, 5, 6))


def add_workflow(history: History, _: Diary) -> None:
    """Add a workflow: a step that was asked twice, one of them a child task."""
    history.flows[TASK] = 2
    plan = history.subtasks[PLAN]
    history.subtasks[PLAN] = replace(plan, kind="flow")
    step = replace(history.subtasks[MAIN], sink=False)
    history.subtasks[STEP] = replace(step, id=STEP, end_no=1)
    history.subtasks[QUESTION] = replace(step, id=QUESTION, kind="task", end_no=2)
    history.attempts[STEP] = [
        an_attempt(STEP, 1, 1, "reaped"),
        an_attempt(STEP, 2, 2, "completed"),
    ]
    child = replace(history.tasks[TASK], id=CHILD, parent_id=TASK)
    history.tasks[CHILD] = child
    history.children.append(ChildRow(CHILD, TASK, QUESTION, child.cost_usd, 0))
    history.calls.extend([a_call(1, "lost"), a_call(2, "completed")])
    history.asked["model"] = 2


def a_call(attempt: int, outcome: str, *, at: float = 0.5, number: int = 0) -> CallRow:
    begun = NOON + timedelta(seconds=attempt + at)
    return CallRow(UUID(int=10 * attempt + number), STEP, attempt, "model", begun, [outcome])


SUSPENDED = {PLAN: [an_attempt(PLAN, 1, 0, "suspended")]}


def in_workflow(lie: Lie) -> Lie:
    def lie_in_workflow(history: History, diary: Diary) -> None:
        add_workflow(history, diary)
        lie(history, diary)

    return lie_in_workflow


def in_step(step: UUID, **fields: Any) -> Lie:
    return in_workflow(
        lambda history, _: history.subtasks.update(
            {step: replace(history.subtasks[step], **fields)}
        )
    )


def in_child(**fields: Any) -> Lie:
    def lie(history: History, _: Diary) -> None:
        history.children[0] = replace(history.children[0], **fields)

    return in_workflow(lie)


def one_more_call(call: CallRow) -> Lie:
    return in_workflow(lambda history, _: history.calls.append(call))


def add_loop(history: History, _: Diary) -> None:
    """Let the first executor die in a tool loop that the second one ends."""
    history.turns[MAIN] = [
        a_turn(1, "answer", 1, calls='look{"n": 1} and pay{"n": 2}'),
        a_turn(2, "begun", 1),
        a_turn(3, "result", 1, status="ok", content="pay 2"),
        a_turn(4, "result", 2, status="ok", content="look 1"),
        a_turn(5, "approval", 2),
    ]
    history.runs.extend(["look 1", "pay 2", "look 1"])
    history.subtasks[MAIN] = replace(history.subtasks[MAIN], reaps=0)


def a_turn(seq: int, kind: str, attempt: int, **fields: Any) -> TurnRow:
    at = NOON + timedelta(seconds=attempt, milliseconds=seq)
    return TurnRow(MAIN, seq, kind, attempt, at, **fields)


def in_loop(lie: Lie) -> Lie:
    def both(history: History, diary: Diary) -> None:
        add_loop(history, diary)
        lie(history, diary)

    return both


def in_turn(seq: int, **fields: Any) -> Lie:
    def lie(history: History, _: Diary) -> None:
        turn = history.turns[MAIN][seq - 1]
        history.turns[MAIN][seq - 1] = replace(turn, **fields)

    return in_loop(lie)


LIES: list[tuple[str, Lie]] = [
    ("absent", lambda history, _: [each.clear() for each in (history.tasks, history.subtasks)]),
    ("absent", in_task(idempotency_key="other")),
    ("lost", in_task(status="running")),
    ("lost", in_task(result='{"text": "other"}')),
    ("lost", lambda _, diary: diary.cancelled.add(TASK)),
    ("lost", lambda history, _: history.results.clear()),
    ("lost", lambda history, _: history.acks.append(Ack(MAIN, 1, "ok"))),
    ("lost", in_main(output=None)),
    ("duplicated", in_attempt(1, outcome="completed")),
    ("duplicated", in_main(output_attempt=1)),
    ("duplicated", lambda history, _: history.acks.append(Ack(MAIN, 2, "ok"))),
    ("duplicated", one_more_event("task.failed")),
    ("duplicated", lambda history, _: history.messages[TASK].append("assistant")),
    ("duplicated", lambda history, _: history.results.update({TASK: 2})),
    ("resurrected", one_more_event("subtask.queued")),
    ("resurrected", one_more_event("subtask.cancelled")),
    ("held", put_before(7, "task.held")),
    ("premature", lambda history, _: history.parents.update({PLAN: [MAIN]})),
    ("gaps", lambda history, _: history.events[TASK].pop(1)),
    ("untold", without_event(9)),
    ("untold", without_event(6)),
    ("untold", without_event(8)),
    ("untold", in_main(status="failed")),
    ("overlaps", in_attempt(1, ended_at=NOON + timedelta(seconds=3))),
    ("overlaps", in_attempt(1, ended_at=None)),
    ("misnumbered", lambda history, _: history.attempts[MAIN].pop(0)),
    ("misnumbered", in_main(attempt=1)),
    ("misnumbered", in_main(reaps=0)),
    ("misnumbered", in_attempt(1, outcome="failed")),
    (
        "unfenced",
        lambda _, diary: diary.replayed.append(replace(diary.replayed[0], answer="ok")),
    ),
    ("unfenced", in_main(output=str(REPLAYED))),
    ("unexplained", in_task(status="failed", error={"class": "internal"})),
    ("unexplained", in_task(status="cancelled")),
    (
        "unexplained",
        lambda _, diary: diary.submitted.append(replace(diary.submitted[0], must_fail=True)),
    ),
    ("orphaned", in_main(status="queued")),
    ("orphaned", in_attempt(2, ended_at=None)),
    ("miscounted", in_task(cost_usd=Decimal(1))),
    ("miscounted", in_task(tokens=[10, 0, 6, 0])),
    ("miscounted", in_attempt(1, cost_usd=None)),
    ("miscounted", add_workflow),
    ("paid twice", one_more_call(a_call(2, "completed", number=1))),
    ("paid twice", one_more_call(a_call(3, "completed"))),
    ("paid twice", one_more_call(a_call(2, "failed", at=2, number=1))),
    ("paid twice", in_workflow(lambda history, _: history.asked.update(model=3))),
    ("misordered", in_step(STEP, end_no=2)),
    ("misordered", in_step(STEP, end_no=None)),
    ("misordered", in_step(STEP, status="cancelled")),
    ("misordered", in_step(STEP, end_no=3)),
    ("asleep", in_step(PLAN, status="blocked", deps_left=1)),
    ("asleep", in_workflow(lambda history, _: history.attempts.update(SUSPENDED))),
    ("unapplied", in_child(wakes=1)),
    ("unapplied", in_child(cost_usd=Decimal(1))),
    ("unapplied", in_step(QUESTION, status="waiting")),
    ("unapplied", in_step(QUESTION, output='{"text": "other"}')),
    ("unapplied", in_step(STEP, kind="event")),
    ("reserved", lambda history, _: history.reservations.append(UUID(int=7))),
    ("unanswered", in_workflow(lambda history, _: history.questions.update({STEP: 1}))),
    ("run twice", in_loop(lambda history, _: history.runs.append("pay 2"))),
    ("run twice", in_loop(lambda history, _: history.runs.remove("pay 2"))),
    ("asked again", in_turn(4, kind="answer", calls='look{"n": 1} and pay{"n": 2}')),
    ("misplaced", in_loop(lambda history, _: history.turns[MAIN].pop(1))),
    ("misplaced", in_turn(2, attempt=2)),
    ("misplaced", in_turn(4, attempt=1)),
    ("misplaced", in_turn(1, is_replayed=True)),
    ("misplaced", in_turn(1, created_at=NOON + timedelta(seconds=9))),
    ("misnumbered", in_loop(in_main(reaps=1))),
    ("unseen", in_workflow(lambda history, _: history.asked.clear())),
    ("misjudged", lambda history, _: history.answers.update(model=(1, 0.0))),
]


def test_a_history_that_keeps_every_law_is_not_blamed() -> None:
    assert check(*a_history()) == {law: [] for law in LAWS}
    history, diary = a_history()
    add_loop(history, diary)
    assert check(history, diary) == {law: [] for law in LAWS}


@pytest.mark.parametrize(("law", "lie"), LIES)
def test_each_false_history_is_reported_under_its_law(law: str, lie: Lie) -> None:
    history, diary = a_history()

    lie(history, diary)

    assert check(history, diary)[law]


def test_a_workflow_that_keeps_every_law_is_not_blamed() -> None:
    history, diary = a_history()

    add_workflow(history, diary)

    laws = ("paid twice", "misordered", "asleep", "unapplied", "reserved", "unanswered")
    assert {law: check(history, diary)[law] for law in laws} == {law: [] for law in laws}


def test_there_is_a_false_history_for_every_law() -> None:
    assert {law for law, _ in LIES} == LAWS.keys()


def a_redriven_history() -> tuple[History, Diary]:
    """Build the history of a subtask that failed, was redriven, and was answered."""
    history, diary = a_history()
    first, second = history.attempts[MAIN]
    history.attempts[MAIN] = [replace(first, outcome="failed"), second]
    in_main(reaps=0)(history, diary)
    kinds = [
        ("task.pending", None, None),
        ("subtask.queued", PLAN, None),
        ("subtask.running", PLAN, 1),
        ("subtask.completed", PLAN, 1),
        ("subtask.running", MAIN, 1),
        ("subtask.failed", MAIN, 1),
        ("task.failed", None, None),
        ("task.running", None, None),
        ("subtask.queued", MAIN, 1),
        ("subtask.running", MAIN, 2),
        ("subtask.completed", MAIN, 2),
        ("task.completed", None, None),
    ]
    history.events[TASK] = [
        EventRow(TASK, seq, NOON + timedelta(seconds=seq / 6), kind, subtask, attempt)
        for seq, (kind, subtask, attempt) in enumerate(kinds, 1)
    ]
    history.results[TASK] = 2
    diary.redriving[TASK] += 1
    return history, diary


def test_a_redrive_forgets_failures_and_explains_a_second_end() -> None:
    assert check(*a_redriven_history()) == {law: [] for law in LAWS}


def test_a_redrive_forgets_nothing_of_what_its_task_went_on_without() -> None:
    history, diary = a_redriven_history()
    events = history.events[TASK]
    # The plan stands for a member of a team: failed, and left as it was.
    events[3] = replace(events[3], kind="subtask.failed")
    history.attempts[PLAN] = [replace(history.attempts[PLAN][0], outcome="failed")]
    plan = replace(history.subtasks[PLAN], status="failed", failures=1, output=None)
    history.subtasks[PLAN] = replace(plan, output_attempt=None)
    history.acks.remove(Ack(PLAN, 1, "ok"))

    assert check(history, diary)["misnumbered"] == []


def test_without_a_redrive_the_same_history_is_a_resurrection() -> None:
    history, diary = a_redriven_history()
    diary.redriving.clear()

    broken = check(history, diary)

    assert broken["resurrected"]
    assert broken["duplicated"]
