"""The replay of a workflow: its coroutines, driven by the recorded ends of its steps."""

import inspect
from collections import deque
from collections.abc import Coroutine, Mapping
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any, Final, NoReturn

from pydantic import JsonValue

from agents.workflows.engine.errors import (
    DeadlinePassed,
    NotNeeded,
    ReplayEnded,
    StepFailed,
    WorkflowInvalid,
    build_step_error,
    locate_caller,
    locate_coroutine,
)
from agents.workflows.engine.fiber import Fiber, close_coroutine, compare_record, list_ends
from agents.workflows.engine.outcomes import DecisionRequest, Drift, FlowFailed, JudgementLog
from agents.workflows.engine.work import Branch, Step, StepGroup, Work
from protocol.lifecycle import SubtaskState
from protocol.records import TaskBrief
from protocol.records.flows import FlowRecord, StepRecord

MAX_STEPS: Final = 1_000
MAX_OPEN_STEPS: Final = 100
MAX_KEY_CHARACTERS: Final = 300


class Replay:
    """One replay. Ends are applied in their recorded order, each until nothing can go on."""

    def __init__(self, task: TaskBrief, record: FlowRecord, *, home: str) -> None:
        self.task = task
        self.home = home
        """File of the workflow, for messages."""
        self.records: Mapping[str, StepRecord] = {each.key: each for each in record.steps}
        self.decisions = record.decisions
        self.deadline_passed = record.deadline_passed
        self._first_claimed_at = record.first_claimed_at
        self._seed = record.fork.seed if record.fork else task.id
        self.clock = 0
        """The number of the end that is applied."""
        self._ready: deque[Fiber] = deque()
        self._fibers: list[Fiber] = []
        self._to_close: list[Fiber] = []
        self._current: Fiber | None = None
        self._is_closing = False
        self._begun = 0
        self.pending: dict[str, Step[Any]] = {}
        """Begun and not done."""
        self._consumed: dict[str, Decimal] = {}
        self.cancelled: list[str] = []
        self.drift: list[Drift] = []
        self.judgements = JudgementLog()
        self.needed_outputs: list[str] = []
        self.needed_decisions: list[DecisionRequest] = []
        self.failure: FlowFailed | None = None
        """Why the replay ended at once."""
        self.main: Fiber | None = None
        self.value: Any = None
        self.error: BaseException | None = None

    # The driver

    def play(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Run the workflow as far as the record goes."""
        self.main = self._add_fiber(coroutine, "", self._first_claimed_at)
        try:
            self._drain()
            for record in list_ends(self.records.values()):
                if self.is_over:
                    break
                self.clock = record.end_no or 0
                if (step := self.pending.get(record.key)) is not None:
                    self._end_step(step, record)
                    self._drain()
            while not self.is_over and self._end_abandoned():
                self._drain()
        finally:
            self.close()

    @property
    def is_over(self) -> bool:
        """Whether nothing more can be learned from this replay."""
        return bool(
            self.failure
            or (self.main and self.main.is_over)
            or self.needed_outputs
            or self.needed_decisions
        )

    def close(self) -> None:
        """Close all coroutines, so that none is left to the garbage collector."""
        self._is_closing = True
        for fiber in self._fibers:
            close_coroutine(fiber.coroutine)
            for work in fiber.described:
                if isinstance(work, Branch) and not work.is_begun:
                    close_coroutine(work.coroutine)

    def list_waiting(self) -> list[Work[Any]]:
        """Return what the coroutines wait for."""
        return [
            each.waits_for
            for each in self._fibers
            if not each.is_over and each.waits_for is not None
        ]

    def list_undone(self) -> list[Work[Any]]:
        """Return the steps and branches that were described and never begun."""
        return [
            work
            for fiber in self._fibers
            for work in fiber.described
            if not work.is_begun and not work.is_done and not isinstance(work, StepGroup)
        ]

    # For the workflow, through `Run`

    @property
    def current(self) -> Fiber:
        """The coroutine that runs. Raises ReplayEnded if the replay is over."""
        if self._is_closing or self.failure is not None:
            raise ReplayEnded
        if self._current is None:
            raise WorkflowInvalid("a run can be used only while its workflow runs")
        return self._current

    @property
    def random(self) -> Random:
        """The random numbers of the current coroutine."""
        fiber = self.current
        if fiber.random is None:
            fiber.random = Random(f"{self._seed}/{fiber.prefix}")  # noqa: S311
        return fiber.random

    @property
    def spent(self) -> Decimal:
        """The known cost of the steps that were consumed."""
        return sum(self._consumed.values(), Decimal())

    def describe(self, work: Work[Any], name: str = "") -> None:
        """Add work of the current coroutine; `name` is what its key is made of."""
        fiber = self.current
        if name:
            work.key = self._number(f"{fiber.prefix}{name}")
        fiber.described.append(work)

    def decide(self, name: str, kind: str, arguments: dict[str, JsonValue]) -> JsonValue:
        """Return the recorded decision, or end the replay to ask for it."""
        fiber = self.current
        key = self._number(f"{fiber.prefix}{name}")
        if key in self.decisions:
            return self.decisions[key]
        if len(self.decisions) + len(self.needed_decisions) >= MAX_STEPS:
            self.fail("workflow_error", f"more than {MAX_STEPS} decisions in one task")
        self.needed_decisions.append(DecisionRequest(key=key, kind=kind, arguments=arguments))
        fiber.is_over = fiber is not self.main
        raise ReplayEnded

    def fail(self, error_class: str, message: str) -> NoReturn:
        """End the replay, and with it the task, at the line that runs."""
        where = locate_caller(inspect.currentframe(), self.home)
        self.failure = FlowFailed(
            error_class=error_class, message=f"{where}: {message}" if where else message
        )
        raise ReplayEnded

    def begin(self, work: Work[Any]) -> None:
        """Begin work, unless it has begun."""
        fiber = self.current
        if work.is_begun or work.is_done:
            return
        work.is_begun = True
        match work:
            case Step():
                self._begin_step(work)
            case Branch():
                self._add_fiber(work.coroutine, f"{work.key}/", fiber.now, work)
            case StepGroup():
                for each in work.members:
                    self.begin(each)
                for each in work.list_pending():
                    each.waiters.append(work)
                if work.resolve():
                    self._finish(work)

    def consume(self, work: Work[Any]) -> Any:
        """Return the value of work that is done, or raise its error."""
        self._note_consumed(work, self.current)
        match work.error:
            case None:
                return work.value
            case StepFailed() as failed:
                raise failed.with_traceback(None)
            case error:
                raise error

    def cancel(self, work: Work[Any]) -> None:
        """End work that is not needed any more."""
        if work.is_done:
            return
        match work:
            case Step():
                record = self.records.get(work.key)
                if record is not None and not record.has_ended:
                    self.cancelled.append(work.key)
            case Branch():
                for fiber in self._fibers:
                    if fiber.branch is work and not fiber.is_over:
                        self._stop(fiber)
            case StepGroup():
                for each in work.list_pending():
                    self.cancel(each)
        if not work.is_done:
            work.error = NotNeeded(work.key)
            self._finish(work)

    # The parts of it

    def _add_fiber(
        self,
        coroutine: Coroutine[Any, Any, Any],
        prefix: str,
        now: datetime,
        branch: Branch[Any] | None = None,
    ) -> Fiber:
        fiber = Fiber(coroutine, prefix, now, branch)
        self._fibers.append(fiber)
        self._ready.append(fiber)
        return fiber

    def _number(self, name: str) -> str:
        """Return a key with its number, if it was described before by the same coroutine."""
        counts = self.current.counts
        counts[name] = number = counts.get(name, 0) + 1
        key = name if number == 1 else f"{name}#{number}"
        if len(key) > MAX_KEY_CHARACTERS:
            raise WorkflowInvalid(
                f"the key {key[:40]!r}... with its branches exceeds {MAX_KEY_CHARACTERS} characters"
            )
        return key

    def _begin_step(self, step: Step[Any]) -> None:
        self._begun += 1
        if self._begun > MAX_STEPS:
            self.fail("workflow_error", f"more than {MAX_STEPS} steps in one task; use run.again")
        record = step.record = self.records.get(step.key)
        if record is None and self.deadline_passed:
            step.error = DeadlinePassed(step.key)
            self._finish(step)
            return
        if record is not None:
            self._compare(step, record)
        self.pending[step.key] = step
        if record is not None and record.end_no is not None and record.end_no <= self.clock:
            self._end_step(step, record)
        elif len(self.pending) > MAX_OPEN_STEPS:
            self.fail("workflow_error", f"more than {MAX_OPEN_STEPS} steps at once")

    def _compare(self, step: Step[Any], record: StepRecord) -> None:
        """Note a changed request; the record counts. End the replay if they do not fit."""
        match compare_record(step, record):
            case Drift() as drift:
                self.drift.append(drift)
            case (error_class, message):
                self.fail(error_class, message)

    def _end_step(self, step: Step[Any], record: StepRecord) -> None:
        if record.status is SubtaskState.COMPLETED:
            if record.output is None and record.is_output_left_out:
                self.needed_outputs.append(step.key)
                return
            try:
                step.value = step.read(record)
            except Exception as error:
                step.error = error
        else:
            step.error = build_step_error(step.key, record.error)
        self._finish(step)

    def _end_abandoned(self) -> bool:
        """End open steps that cannot end any more; return whether there were any."""
        for step in list(self.pending.values()):
            record = step.record
            if record is not None and record.status is SubtaskState.CANCELLED:
                error = {"class": "not_needed" if record.not_needed else "cancelled"}
                step.error = build_step_error(step.key, error)
            elif self.deadline_passed:
                step.error = DeadlinePassed(step.key)
            else:
                continue
            self._finish(step)
            return True
        return False

    def _finish(self, work: Work[Any]) -> None:
        """Mark work as done and resume what waits for it."""
        work.is_done = True
        if isinstance(work, Step):
            self.pending.pop(work.key, None)
        work.end = self.clock
        waiters, work.waiters = work.waiters, []
        for each in waiters:
            if isinstance(each, Fiber):
                if not each.is_over:
                    each.waits_for = None
                    self._ready.append(each)
            elif not each.is_done and each.resolve():
                self._finish(each)

    def _stop(self, fiber: Fiber) -> None:
        """Stop the coroutine of a branch that is not needed, and what it has begun."""
        fiber.is_over = True
        self._to_close.append(fiber)
        for each in fiber.described:
            self.cancel(each)

    def _drain(self) -> None:
        """Run every coroutine that can go on."""
        while self._ready and self.failure is None:
            fiber = self._ready.popleft()
            if not fiber.is_over:
                self._run(fiber)
            self._current = None
            while self._to_close:
                self._close_stopped(self._to_close.pop())

    def _run(self, fiber: Fiber) -> None:
        self._current = fiber
        try:
            waits_for = fiber.coroutine.send(None)
        except StopIteration as stop:
            self._end_fiber(fiber, stop.value, None)
        except ReplayEnded as error:
            if not (self.failure or self.needed_decisions):
                self._end_fiber(fiber, None, error)
        except (Exception, SystemExit) as error:
            self._end_fiber(fiber, None, error)
        else:
            if isinstance(waits_for, Work) and not waits_for.is_done:
                fiber.waits_for = waits_for
                waits_for.waiters.append(fiber)
            else:
                self._refuse_foreign(fiber, waits_for)

    def _end_fiber(self, fiber: Fiber, value: Any, error: BaseException | None) -> None:
        fiber.is_over = True
        if fiber.branch is None:
            self.value, self.error = value, error
            return
        if fiber.branch.is_done:
            return
        fiber.branch.value = value
        if error is not None:
            fiber.branch.error = (
                error if isinstance(error, Exception) else WorkflowInvalid(str(error))
            )
        self._finish(fiber.branch)

    def _refuse_foreign(self, fiber: Fiber, waits_for: object) -> None:
        """End the replay at the line that awaits something that is no step."""
        where = locate_coroutine(fiber.coroutine, self.home)
        self.failure = FlowFailed(
            error_class="workflow_error",
            message=f"{where}: a workflow can await only its steps, not "
            f"{type(waits_for).__name__}; to wait for a time use run.sleep_until",
        )

    def _close_stopped(self, fiber: Fiber) -> None:
        self._is_closing = True
        try:
            close_coroutine(fiber.coroutine)
        finally:
            self._is_closing = False

    def _note_consumed(self, work: Work[Any], fiber: Fiber) -> None:
        """Move the time and the budget of a coroutine on to the end of `work`."""
        match work:
            case Step(record=StepRecord() as record):
                if record.cost_usd is not None:
                    self._consumed[work.key] = record.cost_usd
                if record.ended_at is not None:
                    fiber.now = max(fiber.now, record.ended_at)
            case Branch():
                ended = [each.now for each in self._fibers if each.branch is work]
                fiber.now = max(fiber.now, *ended)
            case StepGroup():
                for each in work.members:
                    if each.is_done and not isinstance(each.error, NotNeeded):
                        self._note_consumed(each, fiber)
