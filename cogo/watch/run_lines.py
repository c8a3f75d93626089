"""What happens to a task, as lines for people and as JSON for programs. Pure: no I/O."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import ValidationError

from agents.sandbox.report import Report
from agents.workflows.engine import BudgetSpent
from agents.workflows.engine.errors import build_step_error
from cogo.terminal import shorten
from cogo.watch.calls import build_answer_command, format_call, format_call_update, format_question
from cogo.watch.format import (
    describe_wait,
    format_cost,
    format_error,
    format_event,
    shorten_id,
)
from cogo.watch.steps import DecisionUpdate, RunUpdate, StepUpdate
from protocol.ids import utc_now
from protocol.lanes import is_model_lane
from protocol.records import Event, Task
from protocol.records.flows import is_time_limit
from protocol.transcript import (
    TaskEnded,
    ToolCallUpdate,
    TranscriptAside,
    TranscriptDelta,
    TranscriptReset,
    describe_call,
)
from protocol.verification import TESTED, get_status

Tone = Literal["plain", "good", "bad", "notice"]
_CENT: Final = Decimal("0.01")
_KEPT: Final = 2_000
"""Characters of a text in progress that are kept."""
_MAX_SAID: Final = 300
"""Characters that are shown of what a model says before it calls tools."""
_TONES: Final[Mapping[str, Tone]] = {"error": "bad", "unknown": "bad", "refused": "notice"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """One event of a run."""

    at: datetime
    name: str
    """The key of a step, or a word such as `plan`."""
    text: str
    tone: Tone = "plain"
    data: Mapping[str, Any] = field(default_factory=dict)
    """The event for programs: `event` and its fields."""


@dataclass(slots=True, kw_only=True)
class ActiveStep:
    """A step that is being done."""

    key: str
    role: str | None
    model: str | None
    since: datetime
    characters: int = 0
    tail: str = ""
    turn: int = 1
    """The number of the model's answer."""
    said: str = ""
    """What it says in this turn, the beginning."""
    calls: dict[str, str] = field(default_factory=dict)
    """The calls of tools that have not ended, by id."""

    @property
    def title(self) -> str:
        """The step, its role, its model and its turn."""
        role = f" ({self.role})" if self.role else ""
        turn = f", turn {self.turn}" if self.turn > 1 else ""
        return f"{self.key}{role} {self.model or ''}".rstrip() + turn

    def add_text(self, delta: TranscriptDelta) -> None:
        """Add what is written."""
        if delta.turn > self.turn:
            self.turn, self.said = delta.turn, ""
        if delta.kind == "text" and len(self.said) < _KEPT:
            self.said += delta.delta
        self.characters += len(delta.delta)
        self.tail = (self.tail + delta.delta)[-_KEPT:]

    def forget_text(self) -> None:
        """Remove what was written."""
        self.characters, self.tail, self.said = 0, "", ""


class RunProgress:
    """The state of a run: what is being done, what it has cost, and which lines are next."""

    def __init__(self, task: Task, now: Callable[[], datetime] = utc_now) -> None:
        self.task = task
        self._now = now
        self.active: dict[UUID, ActiveStep] = {}
        self.spent: Decimal | None = Decimal()
        self.is_budget_spent = False
        """Whether a step was refused for want of money."""
        self._models: dict[str, str] = {}
        """The last model by branch and role."""
        self._calls: set[tuple[UUID, int, str, str]] = set()
        """The calls that were told: subtask, turn, id and status."""
        self._planned: set[str] = set()
        """Reasons that the plan has stated."""

    def apply(self, update: RunUpdate) -> Iterator[RunLine]:
        """Yield the lines that an update adds."""
        match update:
            case StepUpdate(row=row) if is_time_limit(row.kind, row.key):
                pass
            case StepUpdate():
                yield from self._apply_step(update)
            case DecisionUpdate():
                for key, value in update.decisions.items():
                    self._planned |= {str(each.get("reason")) for each in _list_models(value)}
                    if (line := _describe_plan(update, key, value)) is not None:
                        yield line
            case TranscriptDelta() | TranscriptReset() | TranscriptAside():
                yield from self._apply_text(update)
            case ToolCallUpdate():
                yield from self._apply_call(update)
            case TaskEnded(task):
                self.active.clear()
                self.task, self.spent = task, task.cost_usd
                self.is_budget_spent |= _is_about_money(task.error)
            case Event(kind="task.held" | "workflow.drift"):
                yield _describe_notice(update)
            case _:
                pass

    def _apply_text(
        self, update: TranscriptDelta | TranscriptReset | TranscriptAside
    ) -> Iterator[RunLine]:
        """Keep what is written; yield what a model has said before it calls tools."""
        active = self.active.get(update.subtask_id)
        if active is None:
            return
        if isinstance(update, TranscriptDelta):
            active.add_text(update)
            return
        if isinstance(update, TranscriptAside) and update.kind == "narration" and active.said:
            data = {"event": "aside", "key": active.key, "turn": update.turn, "text": active.said}
            text = f"says: {shorten(active.said, _MAX_SAID)}"
            yield RunLine(at=self._now(), name=active.key, text=text, data=data)
        active.forget_text()

    def _apply_call(self, call: ToolCallUpdate) -> Iterator[RunLine]:
        """Yield that a tool is called, or what it gave; each once."""
        known = (call.subtask_id, call.turn, call.call_id, call.status)
        if known in self._calls:
            return
        self._calls.add(known)
        if (active := self.active.get(call.subtask_id)) is not None:
            active.turn = max(active.turn, call.turn)
            active.calls.pop(call.call_id, None)
            if call.status == "called":
                active.calls[call.call_id] = format_call(call.tool, call.arguments)
        verb, _, rest = format_call_update(call).partition(" ")
        yield RunLine(
            at=self._now(),
            name=call.key or "main",
            text=f"{verb} {rest.strip()}",
            tone=_TONES.get(call.status, "plain"),
            data={"event": "tool_call", **describe_call(call)},
        )

    def _apply_step(self, update: StepUpdate) -> Iterator[RunLine]:
        row, status = update.row, update.status
        if status != "running":
            self.active.pop(row.id, None)
        if status in {"completed", "failed"}:
            self.spent = update.spent
        match status:
            case "running":
                yield from self._begin(update)
            case "completed":
                yield self._describe_end(update)
            case "failed":
                self.is_budget_spent |= _is_about_money(row.error)
                text = f"failed: {format_error(row.error)}"
                yield _step_line(update, text, tone="bad", error=row.error)
            case "delayed" | "waiting" | "held":
                yield from _describe_questions(update) or [_describe_waiting(update)]
            case "cancelled" if row.not_needed:
                yield _step_line(update, "not needed")
            case _:
                pass

    def _begin(self, update: StepUpdate) -> Iterator[RunLine]:
        row = update.row
        lane = str(update.event.detail.get("lane"))
        model = lane if is_model_lane(lane) else None
        self.active[row.id] = ActiveStep(
            key=update.name, role=update.role, model=model or lane, since=update.event.at
        )
        again = f", attempt {update.event.attempt}" if (update.event.attempt or 1) > 1 else ""
        if model is None:
            yield _step_line(update, f"runs in {lane}{again}")
            return
        part = f"{update.name.rpartition('/')[0]}/{update.role}"
        before = self._models.get(part)
        self._models[part] = model
        why = f": {update.reason}" if update.reason and before != model else ""
        if before not in {None, model} and update.role == "coding":
            data = {"event": "escalation", "from": before, "to": model, "reason": update.reason}
            yield _line(update.event, "escalates", f"from {before} to {model}{why}", data,
                        tone="notice")  # fmt: skip
            why = ""
        if update.reason in self._planned:
            why = ""
        role = f" ({update.role})" if update.role else ""
        yield _step_line(update, f"{model}{role} writes{again}{why}", model=model)

    def _describe_end(self, update: StepUpdate) -> RunLine:
        row = update.row
        output = row.output or {}
        cost = f", {format_cost(self.spent)} so far"
        report = _read_report(output)
        if report is not None:
            tone: Tone = "good" if report.passed else "bad"
            return _step_line(update, report.summary, tone=tone, report=output["report"])
        if row.kind == "approve":
            verdict = "approved" if output.get("approved") else "refused"
            comment = f": {output['comment']}" if output.get("comment") else ""
            return _step_line(update, f"{verdict}{comment}", tone="notice")
        if row.kind != "ask":
            return _step_line(update, f"ended{cost if row.kind == 'task' else ''}")
        took = row.finished_at - (row.started_at or row.created_at) if row.finished_at else None
        has_waited = output.get("tools_used")  # for tools, and perhaps for persons
        seconds = "" if took is None or has_waited else f" in {max(took.total_seconds(), 0):.1f} s"
        return _step_line(update, f"{row.lane} {_measure(output)}{seconds}{cost}", model=row.lane)

    def build_limit(self) -> str:
        """Return what the run has cost, and its limit."""
        limit = f" of at most {_format_limit(self.task.budget_usd)}" if self.task.budget_usd else ""
        return f"{format_cost(self.spent)}{limit}"


def format_clock(seconds: float) -> str:
    """Return a duration as minutes and seconds, `1:05`."""
    return f"{max(int(seconds), 0) // 60}:{max(int(seconds), 0) % 60:02}"


def get_next_commands(task: Task) -> list[tuple[str, str]]:
    """Return the commands that may follow a task with code, and what they do."""
    name = shorten_id(task.id)
    if not isinstance((task.result or {}).get("generated_code"), str):
        return [(f"`cogo show {name}`", "shows the result again")]
    params = task.params if isinstance(task.params, dict) else {}
    has_path = (task.result or {}).get("file_path") or params.get("target_file")
    path = "" if has_path else " --target-file PATH"
    commands = [(f"`cogo diff {name}{path}`", "shows what would change")]
    status = get_status(task.result)
    if status in TESTED:
        commands.append((f"`cogo apply {name}{path}`", "commits it to a branch"))
    elif status != "failed":
        what = "commits it to a branch, though nothing shows that it works"
        commands.append((f"`cogo apply {name}{path} --unverified`", what))
    return commands


def _line(
    event: Event, name: str, text: str, data: dict[str, Any], *, tone: Tone = "plain"
) -> RunLine:
    return RunLine(at=event.at, name=name, text=text, tone=tone, data=data)


def _describe_notice(event: Event) -> RunLine:
    name, _, rest = (format_event(event) or "").partition(" ")
    text = rest.strip() or f"go on: `cogo resume {shorten_id(event.task_id)}`"
    return _line(event, name, text, {"event": name, "text": text}, tone="notice")


def _step_line(update: StepUpdate, text: str, *, tone: Tone = "plain", **more: Any) -> RunLine:
    row = update.row
    data = {
        "event": "step", "key": update.name, "role": update.role, "kind": row.kind,
        "status": update.status, "attempt": update.event.attempt, "reason": update.reason,
        "cost_usd": update.spent, "text": text,
    }  # fmt: skip
    return _line(update.event, update.name, text, data | more, tone=tone)


def _describe_plan(update: DecisionUpdate, key: str, value: object) -> RunLine | None:
    """Return the line about a decision that people want to see: models, or no sandbox."""
    kind = key.rpartition("/")[2].partition(":")[0].partition("#")[0]
    data = {"event": "decision", "key": key, "value": value}
    text: str | None = None
    if models := _list_models(value):
        separator = ", then " if kind == "ladder" else ", "
        text = separator.join(map(_describe_rung, models))
    elif kind == "sandbox" and isinstance(value, dict) and value.get("available") is False:
        text = f"no executor has a sandbox for {key.partition(':')[2]}: nothing is run"
    elif kind == "policy" and value not in ("auto", "rules"):
        text = f"policy {value}"
    if text is None:
        return None
    return RunLine(at=update.at, name="plan", text=text, data=data)


def _list_models(decision: object) -> list[dict[str, Any]]:
    models = decision.get("models") if isinstance(decision, dict) else None
    return [each for each in models if isinstance(each, dict)] if isinstance(models, list) else []


def _describe_rung(rung: Mapping[str, Any]) -> str:
    reason = str(rung.get("reason") or "").rstrip(".")
    return f"{rung.get('model')}{f' ({reason})' if reason else ''}"


def _describe_questions(update: StepUpdate) -> list[RunLine]:
    return [
        _step_line(
            update,
            f"{format_question(asked)}   answer: {build_answer_command(asked)}, or with --refuse",
            tone="notice",
            approval=asked,
        )
        for asked in update.approvals
    ]


def _describe_waiting(update: StepUpdate) -> RunLine:
    row, name = update.row, shorten_id(update.row.task_id)
    if update.status == "held":
        return _step_line(update, f"held; go on: `cogo resume {name}`", tone="notice")
    if row.kind == "event":
        wait = describe_wait(row.task_id, row.key, row.kind, row.params.get("name"))
        return _step_line(update, f"waits {wait}", tone="notice")
    if row.kind == "sleep":
        return _step_line(update, f"sleeps until {update.event.detail.get('run_at')}")
    if (cap := update.event.detail.get("cap")) is not None:
        wait = describe_wait(row.task_id, row.key, row.kind, cap=cap)
        return _step_line(update, f"waits {wait}", tone="notice")
    if row.kind == "task":
        return _step_line(update, "waits for a child task")
    if update.status == "waiting":
        return _step_line(update, "waited for an answer")
    when = update.event.detail.get("run_at")
    return _step_line(update, f"is tried again at {when}: {format_error(row.error)}", tone="bad")


def _read_report(output: Mapping[str, Any]) -> Report | None:
    try:
        return Report.model_validate(output["report"]) if "report" in output else None
    except ValidationError:
        return None


def _measure(output: Mapping[str, Any]) -> str:
    """Return how much was written."""
    files = output.get("files")
    code = output.get("generated_code")
    if isinstance(files, dict) and len(files) > 1:
        return f"wrote {len(files)} files"
    if isinstance(code, str):
        count = len(code.splitlines())
        return f"wrote {count} line{'' if count == 1 else 's'} of code"
    turns = output.get("turns")
    loop = f" in {turns} turns" if isinstance(turns, int) and turns > 1 else ""
    return f"wrote {len(str(output.get('text') or ''))} characters{loop}"


def _is_about_money(error: Mapping[str, Any] | None) -> bool:
    return error is not None and isinstance(build_step_error("", error), BudgetSpent)


def _format_limit(limit: Decimal | None) -> str:
    if limit is None:
        return ""
    cents = limit.quantize(_CENT)
    return f"${cents if cents == limit else limit:f}"
