"""What `cogo run` shows of recorded updates, on a screen and in its exit code."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from pydantic import JsonValue
from rich.console import Console
from rich.text import Text

from cogo.cli.tasks.run_outcome import Accepted, describe_outcome, find_exit_code
from cogo.watch.run_lines import RunLine, RunProgress, get_next_commands
from cogo.watch.run_screen import LiveScreen, format_line
from cogo.watch.steps import DecisionUpdate, RunUpdate, StepUpdate, follow_steps
from protocol.errors import StoreUnavailable
from protocol.records import ApprovalRow, Event, SelectionRow, Subtask, Task, TaskLine
from protocol.store.gateway import GatewayStore
from protocol.transcript import TaskEnded, TranscriptDelta
from tests.support.agents.fake_bus import FakeBus

TASK = UUID("3f2a9c1e-0000-4000-8000-000000000000")
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
REPORT = {
    "verdict": "failed", "sandbox": "bubblewrap", "language": "python", "total": 2,
    "passed_tests": 1, "failed_tests": 1,
    "failures": [{"test": "test_a", "message": "assert 1 == 2\x1b[31m"}],
}  # fmt: skip
CODE = {"generated_code": "x = 1\ny = 2\n", "files": {"main.py": "x"}}


def a_task(status: str = "running", **fields: Any) -> Task:
    row = {"id": TASK, "type": "GENERATE_CODE", "prompt": "Write", "status": status}
    return Task.model_validate({**row, "created_at": NOW, "cost_usd": "0.012", **fields})


def a_row(key: str, *, kind: str = "ask", lane: str = "cheap", **fields: Any) -> Subtask:
    row = {
        "id": uuid4(), "task_id": TASK, "key": key, "type": "GENERATE_CODE", "lane": lane,
        "kind": kind, "status": "completed", "attempt": 1, "failures": 0, "reaps": 0,
        "sink": False, "created_at": NOW, "started_at": NOW,
        "finished_at": NOW + timedelta(seconds=2), "metadata": {"role": "coding"},
    }  # fmt: skip
    return Subtask.model_validate(row | fields)


def an_event(status: str, row: Subtask, seq: int = 1, attempt: int = 1) -> Event:
    detail = {"lane": row.lane, "key": row.key, "kind": row.kind}
    return Event(
        task_id=TASK, seq=seq, at=NOW + timedelta(seconds=65), kind=f"subtask.{status}",
        subtask_id=row.id, attempt=attempt, agent_id="executor@host", detail=detail,
    )  # fmt: skip


def a_step(status: str, row: Subtask, **fields: Any) -> StepUpdate:
    return StepUpdate(event=an_event(status, row), row=row, **fields)


def told(*updates: RunUpdate, progress: RunProgress | None = None) -> list[RunLine]:
    progress = progress or RunProgress(a_task())
    return [line for update in updates for line in progress.apply(update)]


def a_ladder(*models: str) -> DecisionUpdate:
    rungs: list[JsonValue] = [{"model": each, "reason": f"{each} is good."} for each in models]
    return DecisionUpdate(task_id=TASK, at=NOW, decisions={"ladder:coding": {"models": rungs}})


def test_the_story_of_a_repair_and_an_escalation() -> None:
    draft, check = a_row("draft", output=CODE), a_row("check", kind="check", lane="sandbox:python")
    check = check.model_copy(update={"output": {"report": REPORT}, "metadata": {}})
    second = a_row("draft#2", lane="dear")
    lines = told(
        a_ladder("cheap", "dear"),
        a_step("running", draft, reason="cheap is good."),
        a_step("completed", draft, spent=Decimal("0.0012")),
        a_step("running", check),
        a_step("completed", check, spent=Decimal("0.0012")),
        a_step("running", second, reason="another maker"),
    )

    assert [(each.name, each.text) for each in lines] == [
        ("plan", "cheap (cheap is good), then dear (dear is good)"),
        ("draft", "cheap (coding) writes"),
        ("draft", "cheap wrote 2 lines of code in 2.0 s, $0.0012 so far"),
        ("check", "runs in sandbox:python"),
        ("check", "1 of 2 tests passed: test_a: assert 1 == 2\x1b[31m"),
        ("escalates", "from cheap to dear: another maker"),
        ("draft#2", "dear (coding) writes"),
    ]
    assert [each.tone for each in lines] == [
        "plain", "plain", "plain", "plain", "bad", "notice", "plain",
    ]  # fmt: skip
    assert lines[4].data["report"] == REPORT
    assert format_line(lines[1], NOW).startswith("  1:05  draft ")


def test_branches_with_models_of_their_own_are_no_escalation() -> None:
    lines = told(
        a_step("running", a_row("member_1/draft", lane="a")),
        a_step("running", a_row("member_2/draft", lane="b")),
    )

    assert [each.name for each in lines] == ["member_1/draft", "member_2/draft"]


@pytest.mark.parametrize(
    ("kind", "status", "fields", "words"),
    [
        ("event", "waiting", {"params": {"name": "go"}}, "`cogo send 3f2a9c1e go`"),
        ("task", "waiting", {}, "waits for a child task"),
        ("ask", "held", {}, "`cogo resume 3f2a9c1e`"),
        ("ask", "delayed", {"error": {"message": "overloaded"}}, "overloaded"),
        ("ask", "failed", {"error": {"message": "no model"}}, "failed: no model"),
        ("ask", "cancelled", {"not_needed": True}, "not needed"),
        ("approve", "completed", {"output": {"approved": False, "comment": "no"}}, "refused: no"),
    ],
)
def test_what_a_step_waits_for_or_came_to(
    kind: str, status: str, fields: dict[str, Any], words: str
) -> None:
    [line] = told(a_step(status, a_row("step", kind=kind, **fields)))

    assert words in line.text


def test_a_question_says_how_it_is_answered() -> None:
    row = a_row("deploy", kind="approve", status="waiting")
    asked = ApprovalRow(
        id=uuid4(), task_id=TASK, subtask_id=row.id, key="deploy", question="Now?", asked_at=NOW
    )

    [line] = told(a_step("waiting", row, approvals=(asked,)))

    assert line.text.startswith("Now?   answer: `cogo approve 3f2a9c1e --key deploy`")


def test_each_question_about_a_call_has_a_line_that_is_safe_to_paste() -> None:
    row = a_row("chat", kind="ask", status="waiting")
    asked = [
        ApprovalRow(
            id=uuid4(), task_id=TASK, subtask_id=row.id, key=f"chat/{call}", call_id=call,
            question="Now?", show={"tool": "now", "arguments": {}}, asked_at=NOW,
        )
        for call in ("call_1", "$(reboot)")
    ]  # fmt: skip

    lines = told(a_step("waiting", row, approvals=tuple(asked)))

    assert [each.text.partition("`")[2].partition("`")[0] for each in lines] == [
        "cogo approve 3f2a9c1e --key chat/call_1",
        "cogo approve 3f2a9c1e --key 'chat/$(reboot)'",
    ]
    assert [each.step for each in asked] == ["chat", "chat"]


def test_the_screen_shows_what_is_written_the_cost_and_the_limit_and_no_escapes() -> None:
    progress = RunProgress(a_task(budget_usd="0.2"))
    row = a_row("draft", lane="cheap\x1b[2J")
    delta = TranscriptDelta(
        task_id=TASK, subtask_id=row.id, attempt=1, kind="text", offset=0, delta="one\n\x1b[2Jtwo"
    )
    lines = told(a_step("running", row), delta, progress=progress)
    screen = StringIO()
    console = Console(file=screen, force_terminal=True, width=80, legacy_windows=False)
    live = LiveScreen(progress, console, now=lambda: NOW + timedelta(seconds=70))
    live.set_hint("y/n")

    live.show(lines[0])
    drawn = live.render().plain

    assert drawn.splitlines()[0].split() == [
        "0:05", "draft", "(coding)", "cheap\\x1b[2J", "11", "characters",
    ]  # fmt: skip
    assert [line.strip() for line in drawn.splitlines()[1:]] == [
        "one", "\\x1b[2Jtwo", "1:10  $0.0000 of at most $0.20   y/n",
    ]  # fmt: skip
    assert "cheap\\x1b[2J (coding) writes" in Text.from_ansi(screen.getvalue()).plain


@pytest.mark.parametrize(
    ("status", "result", "is_budget_spent", "accepts", "code"),
    [
        ("completed", "verified", False, "verified", 0),
        ("completed", "verified", True, "verified", 0),
        ("completed", "self_tested", False, "verified", 5),
        ("completed", "self_tested", False, "self-tested", 0),
        ("completed", "unverified", False, "verified", 5),
        ("completed", "unverified", True, "verified", 3),
        ("completed", "unverified", False, "self-tested", 5),
        ("completed", "unverified", False, "unverified", 0),
        ("completed", "failed", False, "unverified", 1),
        ("completed", "failed", True, "unverified", 3),
        ("completed", None, False, "verified", 0),
        ("completed", "of a later version", False, "verified", 5),
        ("failed", None, False, "verified", 1),
        ("failed", None, True, "verified", 3),
        ("cancelled", None, False, "verified", 4),
    ],
)
def test_exit_codes(
    status: str, result: str | None, is_budget_spent: bool, accepts: str, code: int
) -> None:
    output = {"text": "x"} if result is None else {"verification": {"status": result}}
    task = a_task(status, result=output if status == "completed" else None)

    found = find_exit_code(task, is_budget_spent=is_budget_spent, accepts=Accepted(accepts))

    assert found == code


def test_code_of_which_nothing_is_said_is_unverified() -> None:
    task = a_task("completed", result={"generated_code": "x = 1"})

    assert find_exit_code(task) == 5
    assert describe_outcome(RunProgress(task), 2, result_is=None)[0] == (
        "unverified", ": the result does not say that it was tested",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("error", "is_spent"),
    [
        ({"class": "budget"}, True),
        ({"class": "spend_cap"}, True),
        ({"class": "failed", "message": "budget"}, False),
    ],
)
def test_a_refusal_for_want_of_money_is_remembered(error: dict[str, str], is_spent: bool) -> None:
    by_step, by_task = RunProgress(a_task()), RunProgress(a_task())

    told(a_step("failed", a_row("draft", error=error)), progress=by_step)
    told(TaskEnded(a_task("failed", error=error)), progress=by_task)

    assert (by_step.is_budget_spent, by_task.is_budget_spent) == (is_spent, is_spent)


def test_the_outcome_has_the_verdict_the_costs_and_the_next_commands() -> None:
    verification = {"status": "failed", "reason": "1 of 2 tests passed: test_a: assert 1 == 2"}
    result = CODE | {"verification": verification, "notes": ["not all was tried"],
                     "receipt": {"sentence": "cheap passed 1 of 2, $0.01."}}  # fmt: skip
    progress = RunProgress(a_task(budget_usd="0.2"))
    told(TaskEnded(a_task("completed", budget_usd="0.2", result=result,
                          finished_at=NOW + timedelta(seconds=61))), progress=progress)  # fmt: skip

    assert describe_outcome(progress, 1, result_is="written to a.py") == [
        ("failed", ": 1 of 2 tests passed: test_a: assert 1 == 2"),
        ("receipt", "cheap passed 1 of 2, $0.01."),
        ("note", "not all was tried"),
        ("cost", "$0.0120 of at most $0.20 in 1:01"),
        ("result", "written to a.py"),
        ("next", "`cogo diff 3f2a9c1e --target-file PATH`   shows what would change"),
    ]


@pytest.mark.parametrize(
    ("status", "command"),
    [
        ("verified", "`cogo apply 3f2a9c1e --target-file PATH`"),
        ("self_tested", "`cogo apply 3f2a9c1e --target-file PATH`"),
        ("unverified", "`cogo apply 3f2a9c1e --target-file PATH --unverified`"),
        ("failed", None),
    ],
)
def test_code_that_failed_its_tests_is_not_suggested_for_a_commit(
    status: str, command: str | None
) -> None:
    task = a_task("completed", result=CODE | {"verification": {"status": status}})

    _, *apply = [each for each, _ in get_next_commands(task)]

    assert apply == ([] if command is None else [command])


@dataclass
class _History:
    """A task that has ended, in a store that is unavailable at first."""

    rows: Sequence[Subtask]
    events: list[Event]
    failures: int = 2
    read: list[UUID] = field(default_factory=list)

    async def fetch_events(self, *, task_id: UUID, after: int = 0) -> list[Event]:
        return [each for each in self.events if each.seq > after]

    async def fetch_selections(self, *, task_id: UUID) -> list[SelectionRow]:
        return [SelectionRow(id=uuid4(), subtask_id=self.rows[1].id, reason="cheap",
                             created_at=NOW)]  # fmt: skip

    async def fetch_task(self, *, task_id: UUID) -> Task:
        return a_task("completed", result={"text": "x"})

    async def fetch_subtasks(self, *, task_id: UUID) -> list[Subtask]:
        return list(self.rows)

    async def find_subtasks(self, *, task_id: UUID, ids: Sequence[UUID]) -> list[Subtask]:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("it restarts")
        self.read += ids
        return [each for each in self.rows if each.id in ids]

    async def fetch_lines_between(self, *, first: UUID, last: UUID, limit: int) -> list[TaskLine]:
        return [TaskLine(id=first, seq=1, type="T", prompt="p", priority=5, created_at=NOW,
                         status="completed", cost_usd=Decimal("0.01"))]  # fmt: skip


async def test_steps_are_followed_with_their_rows_although_the_store_restarts() -> None:
    flow = a_row("plan", kind="flow", lane="cio", decisions={"ladder:coding": {"models": []}})
    draft = a_row("draft", output=CODE, finished_at=NOW + timedelta(seconds=65))
    told_events = [("queued", flow), ("running", flow), ("queued", draft), ("blocked", flow),
                   ("running", draft), ("completed", draft), ("completed", flow)]  # fmt: skip
    events = [an_event(status, row, seq) for seq, (status, row) in enumerate(told_events, 1)]
    last = Event(task_id=TASK, seq=len(events) + 1, at=NOW, kind="task.completed")
    store = _History([flow, draft], [*events, last])

    updates = [
        each
        async for each in follow_steps(
            TASK, store=cast("GatewayStore", store), bus=FakeBus(), poll=0.01
        )
    ]

    steps = [each for each in updates if isinstance(each, StepUpdate)]
    assert [each.status for each in steps] == ["queued", "running", "completed"]
    assert [each.reason for each in steps] == [None, "cheap", "cheap"]
    assert [each.spent for each in steps] == [None, None, Decimal("0.01")]
    assert [each.decisions for each in updates if isinstance(each, DecisionUpdate)] == [
        flow.decisions
    ]
    assert store.read.count(draft.id) == 1, "a row that has ended is read once"
    assert isinstance(updates[-1], TaskEnded)
