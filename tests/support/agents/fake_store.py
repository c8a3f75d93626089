"""A fake store that grants leases, hangs, refuses or is unavailable as a test says."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NoReturn
from uuid import UUID, uuid4

from protocol.errors import CogoError, StoreUnavailable
from protocol.ids import utc_now
from protocol.records import (
    AgentRecord,
    Attempt,
    Event,
    Extension,
    Failure,
    FailureAnswer,
    LeaseAnswer,
    LeaseRef,
    Limits,
    NewTask,
    QueueRow,
    Reaped,
    ReleaseAnswer,
    SelectionRecord,
    SelectionRow,
    StoredTurn,
    Subtask,
    Task,
    TurnAnswer,
    TurnBatch,
    TurnLine,
    WriteCheck,
)
from protocol.records.models import (
    ControlAction,
    Controlled,
    ModelKnowledge,
    ModelOutcomes,
    ModelReport,
    ModelSwitch,
    PolicySet,
    Rating,
)
from protocol.store.operator import get_operator
from tests.support.files.fake_objects import FakeObjects
from tests.support.tools.fake_answers import FakeAnswers
from tests.support.tools.fake_claims import FakeClaims
from tests.support.tools.fake_columns import FakeColumns
from tests.support.tools.fake_instance import FakeInstance
from tests.support.tools.fake_sessions import FakeSessions

Extending = Literal["ok", "cancel", "lost"]


@dataclass(kw_only=True)
class FakeStore(FakeClaims, FakeSessions, FakeObjects, FakeAnswers, FakeColumns, FakeInstance):
    """Implements `protocol.store.queue.Store` for agents. Its fields are the script and the record.

    Agents use it from two threads; lists only grow, so a test may look at any time. A call's fate
    is settled when it is counted in `asked`: a test that sees the count may change the script, and
    changes the calls that follow, never one that was counted.
    """

    errors: dict[str, CogoError] = field(default_factory=dict)
    """What a method raises, by its name; `all` is every method."""
    hanging: set[str] = field(default_factory=set)
    """Methods that never answer."""
    verdicts: dict[LeaseRef, Extending] = field(default_factory=dict)
    old_tasks: list[int] = field(default_factory=list)
    """How many each call of prune finds."""
    step_outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What leases of flows left out, by key."""
    turns: dict[UUID, list[StoredTurn]] = field(default_factory=dict)
    """What was stored, by subtask. `verdicts` decides whether an attempt may store."""
    others: list[AgentRecord] = field(default_factory=list)
    knowledge: ModelKnowledge = field(
        default_factory=lambda: ModelKnowledge(outcomes=[], health={})
    )

    extensions: list[list[Extension]] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    """The agent of each release of all leases."""
    records: list[AgentRecord] = field(default_factory=list)
    selections: list[SelectionRecord] = field(default_factory=list)
    controls: list[tuple[object, ...]] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    """How often each method was called."""
    opened: int = 0
    closed: int = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator["FakeStore"]:
        """Count who opens and closes."""
        self.opened += 1
        try:
            yield self
        finally:
            self.closed += 1

    async def extend_leases(
        self, *, agent_id: str, leases: Sequence[Extension], lease: timedelta
    ) -> list[LeaseAnswer]:
        self.extensions.append(list(leases))
        await self._obey("extend_leases")
        return [
            LeaseAnswer(
                subtask_id=each.subtask_id,
                attempt=each.attempt,
                answer=self.verdicts.get(
                    LeaseRef(subtask_id=each.subtask_id, attempt=each.attempt), "ok"
                ),
            )
            for each in leases
        ]

    async def fail_subtask(self, *, agent_id: str, failure: Failure) -> FailureAnswer:
        await self._obey("fail_subtask")
        self.failed.append(failure)
        return FailureAnswer(
            subtask_id=failure.ref.subtask_id, attempt=failure.ref.attempt, answer="ok"
        )

    async def release_subtasks(
        self, *, agent_id: str, leases: Sequence[LeaseRef] | None, reason: str, died: bool = False
    ) -> list[ReleaseAnswer]:
        await self._obey("release_subtasks")
        assert leases is None, "agents give everything back at once"
        self.released.append(agent_id)
        return []

    async def record_agent(self, agent: AgentRecord) -> None:
        await self._obey("record_agent")
        self.records.append(agent)

    async def check_writes(self) -> WriteCheck:
        await self._obey("check_writes")
        return WriteCheck(at=utc_now())

    async def reap(self, *, limit: int = 100) -> Reaped:
        await self._obey("reap")
        return Reaped(reaped=0, dead=0, promoted=0, cancelled=0)

    async def prune(self, *, limit: int = 100, older_than: timedelta) -> int:
        await self._obey("prune")
        return self.old_tasks.pop(0) if self.old_tasks else 0

    async def fetch_step_outputs(
        self, *, task_id: UUID, keys: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        await self._obey("fetch_step_outputs")
        return {key: self.step_outputs[key] for key in keys if key in self.step_outputs}

    async def store_turns(self, *, agent_id: str, items: Sequence[TurnBatch]) -> list[TurnAnswer]:
        await self._obey("store_turns")
        return [self._store_batch(each) for each in items]

    def _store_batch(self, batch: TurnBatch) -> TurnAnswer:
        verdict = self.verdicts.get(batch.ref, "ok")
        stored = self.turns.setdefault(batch.ref.subtask_id, [])
        new = [each for each in batch.turns if each.seq > len(stored)]
        if verdict == "ok":
            assert [each.seq for each in new] == [len(stored) + n + 1 for n in range(len(new))]
            stored += [
                StoredTurn(seq=each.seq, kind=each.kind, attempt=batch.ref.attempt, body=each.body)
                for each in new
            ]
        return TurnAnswer(
            subtask_id=batch.ref.subtask_id,
            attempt=batch.ref.attempt,
            answer="stale" if verdict == "lost" else verdict,
        )

    async def fetch_turns(self, *, subtask_id: UUID) -> list[StoredTurn]:
        await self._obey("fetch_turns")
        return list(self.turns.get(subtask_id, []))

    async def fetch_turn_lines(self, *, subtask_id: UUID, after: int = 0) -> list[TurnLine]:
        _not_for_agents()

    async def prune_records(
        self,
        *,
        limit: int = 1000,
        switches_older_than: timedelta | None = None,
        calls_older_than: timedelta | None = None,
    ) -> int:
        await self._obey("prune_records")
        return 0

    async def record_selection(self, selection: SelectionRecord) -> None:
        await self._obey("record_selection")
        self.selections.append(selection)

    async def model_knowledge(self, *, agent_id: str) -> ModelKnowledge:
        await self._obey("model_knowledge")
        return self.knowledge

    async def model_outcomes(self) -> ModelOutcomes:
        _not_for_agents()

    async def fetch_judged_answers(self, **_: object) -> NoReturn:
        _not_for_agents()

    async def feedback(
        self,
        *,
        task_id: UUID,
        score: float,
        comment: str | None = None,
        person: UUID | None = None,
    ) -> Rating:
        _not_for_agents()

    async def control_model(
        self,
        *,
        action: ControlAction,
        subject: str,
        lanes: Sequence[str] = (),
        scope: str = "everywhere",
        reason: str | None = None,
    ) -> Controlled:
        await self._obey("control_model")
        operator = get_operator()
        self.controls.append(
            (action, subject, tuple(lanes), scope, reason, operator and operator.who)
        )
        return Controlled(
            subject=subject, action=action, scope=scope, was="allow", restamped=len(lanes)
        )

    async def set_policy(self, *, policy: str | None, owner: UUID | None = None) -> PolicySet:
        _not_for_agents()

    async def model_report(self, *, since: datetime | None = None) -> list[ModelReport]:
        _not_for_agents()

    async def fetch_switches(self, *, limit: int) -> list[ModelSwitch]:
        _not_for_agents()

    async def fetch_agents(self) -> list[AgentRecord]:
        await self._obey("fetch_agents")
        return self.others

    async def submit_task(self, task: NewTask) -> Task:
        _not_for_agents()

    async def cancel_task(self, *, task_id: UUID, reason: str | None = None) -> Task:
        _not_for_agents()

    async def redrive_task(self, *, task_id: UUID) -> Task:
        _not_for_agents()

    async def redrive_subtask(self, *, subtask_id: UUID) -> Subtask:
        _not_for_agents()

    async def fetch_queue(self) -> list[QueueRow]:
        _not_for_agents()

    async def set_lane(
        self,
        *,
        lane: str,
        paused: bool | None = None,
        max_running: int | None = None,
        per_minute: int | None = None,
    ) -> Limits:
        _not_for_agents()

    async def set_owner(
        self,
        *,
        owner: UUID | None,
        paused: bool | None = None,
        max_running: int | None = None,
        per_minute: int | None = None,
    ) -> Limits:
        _not_for_agents()

    async def pause_task(self, *, task_id: UUID) -> Task:
        _not_for_agents()

    async def resume_task(self, *, task_id: UUID) -> Task:
        _not_for_agents()

    async def approve_subtask(
        self, *, subtask_id: UUID, approved: bool = True, comment: str | None = None
    ) -> Subtask:
        _not_for_agents()

    async def schema_versions(self) -> list[str]:
        _not_for_agents()

    async def fetch_task(self, *, task_id: UUID) -> Task:
        _not_for_agents()

    async def fetch_subtasks(self, *, task_id: UUID) -> list[Subtask]:
        _not_for_agents()

    async def fetch_attempts(self, *, task_id: UUID) -> list[Attempt]:
        _not_for_agents()

    async def fetch_selections(self, *, task_id: UUID) -> list[SelectionRow]:
        _not_for_agents()

    async def fetch_events(self, *, task_id: UUID, after: int = 0) -> list[Event]:
        _not_for_agents()

    async def _obey(self, method: str) -> None:
        await asyncio.sleep(0)  # every call lets others run, as one over a network would
        hangs = method in self.hanging
        error = self.errors.get(method) or self.errors.get("all")
        self.asked[method] += 1  # last: whoever sees it may change the script
        if hangs:
            await asyncio.Event().wait()
        if error is not None:
            raise error


def _not_for_agents() -> NoReturn:
    raise AssertionError("agents have no business with this call")


AWAY = StoreUnavailable("the store is away")


def a_ref() -> LeaseRef:
    """Return a lease."""
    return LeaseRef(subtask_id=uuid4(), attempt=1)
