"""`cogo swarm`: who takes part, what each says, what it costs, on a screen of any size."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from rich.console import Console

from cogo.watch.participants import SwarmProgress
from cogo.watch.run_lines import RunLine
from cogo.watch.said import format_said
from cogo.watch.steps import RunUpdate, StepUpdate
from cogo.watch.swarm_screen import SwarmScreen, open_swarm_screen
from protocol.records import Event, Subtask, Task
from protocol.transcript import TaskEnded, TranscriptDelta, TranscriptReset

TASK, CHILD = uuid4(), uuid4()
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def a_task(status: str = "running", **fields: Any) -> Task:
    row = {"id": TASK, "type": "DEBATE", "prompt": "Which?", "status": status, "created_at": NOW}
    return Task.model_validate(row | {"cost_usd": "0.012"} | fields)


def a_row(key: str, *, role: str | None = "debate_1", **fields: Any) -> Subtask:
    row = {
        "id": uuid4(), "task_id": TASK, "key": key, "type": "CHAT", "lane": "a-model",
        "status": "running", "attempt": 1, "failures": 0, "reaps": 0, "sink": False,
        "created_at": NOW, "metadata": {"role": role},
    }  # fmt: skip
    return Subtask.model_validate(row | fields)


def a_step(status: str, row: Subtask, **fields: Any) -> StepUpdate:
    detail: dict[str, Any] = {"lane": row.lane, "key": row.key}
    detail |= {"role": row.metadata["role"]} if row.kind == "ask" else {"kind": row.kind}
    event = Event(
        task_id=row.task_id, seq=1, at=NOW + timedelta(seconds=2), kind=f"subtask.{status}",
        subtask_id=row.id, attempt=row.attempt, detail=detail,
    )  # fmt: skip
    return StepUpdate(event=event, row=row, **fields)


def says(row: Subtask, text: str) -> TranscriptDelta:
    return TranscriptDelta(
        task_id=row.task_id, subtask_id=row.id, attempt=1, kind="text", offset=0, delta=text,
        is_answer=False,
    )  # fmt: skip


def after(*updates: RunUpdate) -> tuple[SwarmProgress, list[RunLine]]:
    progress = SwarmProgress(a_task(), now=lambda: NOW + timedelta(seconds=5))
    return progress, [line for each in updates for line in progress.apply(each)]


def a_screen(progress: SwarmProgress, *, height: int = 30) -> tuple[SwarmScreen, StringIO]:
    out = StringIO()
    console = Console(file=out, width=100, height=height, force_terminal=True, color_system=None)
    screen = SwarmScreen(progress, console)
    screen.now = lambda: NOW + timedelta(seconds=5)
    return screen, out


def test_each_participant_has_a_block_with_what_it_says_now_and_what_it_has_cost() -> None:
    first, second = a_row("optimistic"), a_row("cautious", role="debate_2", lane="b-model")
    progress, lines = after(
        a_step("running", first, agent="optimistic"),
        a_step("running", second, agent="cautious"),
        says(first, "yes"),
        says(second, '{"verdict": "No, not\\u001b yet'),
        a_step("completed", first, agent="optimistic", cost=Decimal("0.004")),
    )

    drawn = a_screen(progress)[0].render_blocks().plain.splitlines()

    assert drawn == [
        "  0:00  optimistic  debate_1  a-model  complete  $0.0040  3 characters",
        "  0:03  cautious    debate_2  b-model  working            30 characters",
        "        verdict: No, not\\x1b yet",
    ]
    assert [each.name for each in lines] == ["optimistic", "cautious", "optimistic"]


def test_steps_of_a_child_task_stand_behind_it_and_the_child_has_a_cost_of_its_own() -> None:
    child = a_row("implement/a", role=None, kind="task", lane="wait", attempt=0)
    draft = a_row("draft", task_id=CHILD, role="coding")
    late = a_row("review", role="critic")
    progress, _ = after(
        a_step("waiting", child, agent="implement/a"),
        a_step("running", late, agent="review"),
        a_step("running", draft, agent="implement/a/draft"),
        a_step("completed", child, agent="implement/a", cost=None),
    )

    found = [(each.agent, each.model, each.status) for each in progress.participants]

    assert found == [
        ("implement/a", None, "complete"),
        ("implement/a/draft", "a-model", "working"),
        ("review", "a-model", "working"),
    ]
    assert "unknown" in a_screen(progress)[0].render_blocks().plain.splitlines()[0]


@pytest.mark.parametrize(
    ("key", "shown"), [("limit_1/others:limit", 0), ("verdict:limit#2", 0), ("until_monday", 2)]
)
def test_limits_of_time_are_not_shown_but_other_sleeps_are(key: str, shown: int) -> None:
    clock = a_row(key, role=None, kind="sleep", lane="cio")
    progress = SwarmProgress(a_task(), now=lambda: NOW)

    lines = [*progress.apply(a_step("delayed", clock))]
    lines += progress.apply(a_step("cancelled", clock.model_copy(update={"not_needed": True})))

    assert len(lines) == shown


def test_what_failed_says_why_what_is_tried_again_begins_anew_and_the_end_ends_all() -> None:
    failed = a_row("optimistic", error={"class": "budget", "message": "no money"})
    again, open_one = a_row("cautious"), a_row("balanced")
    progress, lines = after(
        a_step("running", failed),
        a_step("running", again),
        says(again, "old"),
        TranscriptReset(task_id=TASK, subtask_id=again.id, attempt=2),
        a_step("delayed", again),
        a_step("running", open_one),
        a_step("failed", failed, cost=Decimal(0)),
    )
    states = {each.agent: each for each in progress.participants}
    assert (states["optimistic"].status, states["optimistic"].error) == ("failed", "no money")
    assert (states["cautious"].status, states["cautious"].text) == ("waiting", "")

    screen, out = a_screen(progress)
    for line in lines:
        screen.show(line)
    assert "no money" in out.getvalue()
    assert "writes" not in out.getvalue()  # the blocks say it

    list(progress.apply(TaskEnded(a_task("completed", result={}, finished_at=NOW))))
    assert {each.status for each in progress.participants} == {"failed", "not needed"}


@pytest.mark.parametrize("height", [6, 12, 40])
def test_blocks_fit_the_screen(height: int) -> None:
    rows = [a_row(f"step_{number}") for number in range(14)]
    updates: list[RunUpdate] = [a_step("running", each) for each in rows]
    updates += [says(each, "one\ntwo\nthree\n" * 9) for each in rows]
    updates += [a_step("completed", each, cost=Decimal(0)) for each in rows[:12]]
    progress, _ = after(*updates)

    drawn = a_screen(progress, height=height)[0].render_blocks().plain.splitlines()

    assert len(drawn) <= height - 2
    assert "step_13" in "\n".join(drawn)
    assert ("more have ended" in drawn[0]) is (height < 18)


async def test_in_the_end_each_participant_has_its_line() -> None:
    row = a_row("optimistic")
    progress, _ = after(a_step("running", row), a_step("completed", row, cost=Decimal("0.004")))
    out = StringIO()
    console = Console(file=out, width=100, height=30, force_terminal=True, color_system=None)

    async with open_swarm_screen(progress, console):
        pass

    last = out.getvalue().rpartition("\x1b[2K")[2]  # after the screen was cleared
    assert last.split() == ["0:00", "optimistic", "debate_1", "a-model", "complete", "$0.0040"]


ANSWER = {
    "verdict": 'Yes, in "small" steps',
    "reasons": ["a, b [c]", "it is {easy}: so\nbegin"],
    "steps": [{"name": "plan", "days": 2}, {"name": "do", "days": None}],
    "confidence": 70,
}


def test_data_is_shown_as_lines_and_also_its_beginning() -> None:
    whole = json.dumps(ANSWER)

    assert format_said(whole).splitlines() == [
        'verdict: Yes, in "small" steps',
        "reasons: ",
        "  - a, b [c]",
        "  - it is {easy}: so",
        "begin",
        "steps: ",
        "  - name: plan",
        "    days: 2",
        "  - name: do",
        "    days: null",
        "confidence: 70",
    ]
    for end in range(2, len(whole)):
        shown = format_said(whole[:end])
        assert format_said(whole).startswith(shown.rstrip(": \n-")), whole[:end]
    assert format_said("A text {with} braces") == "A text {with} braces"
    assert format_said('```json\n{"a": 1}\n```') == "a: 1"


@pytest.mark.parametrize(
    "text", ["{]", "{}}", "{:,]", '{"', '{"\\', '{"a":"\\u12', "{" * 5000, "{,"]
)
def test_what_is_no_json_after_all_breaks_nothing(text: str) -> None:
    assert isinstance(format_said(text), str)


def test_a_participant_keeps_a_part_of_a_very_long_text() -> None:
    row = a_row("optimistic")
    progress, _ = after(a_step("running", row), *(says(row, "x" * 9_000) for _ in range(5)))

    [known] = progress.participants
    assert (known.characters, len(known.text)) == (45_000, 20_000)
