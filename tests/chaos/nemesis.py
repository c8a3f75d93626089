"""The nemesis: carries out a schedule of faults and records what it did."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx

from protocol.errors import CogoError, StoreUnavailable
from protocol.ids import utc_now
from protocol.records import (
    Completion,
    ErrorInfo,
    Failure,
    FailureAction,
    LeaseRef,
    NewTurn,
    TurnBatch,
)
from protocol.store.queue import QueueStore
from tests.chaos.diary import Diary, Replayed, Struck
from tests.chaos.faults import Fault, Kind
from tests.chaos.fleet import Fleet, Member
from tests.chaos.history import REPLAYED
from tests.chaos.workload import Users
from tests.support.eventually import eventually

_VENDOR: Final[Mapping[Kind, str]] = {
    Kind.VENDOR_429: "429 retry_after=1 times=1",
    Kind.VENDOR_500: "500 times=1",
    Kind.VENDOR_CUT: "cut after=2 times=1",
    Kind.VENDOR_STALL: "stall after=2 times=1",
}
_BIRTH: Final = 90.0
"""Seconds; how long a fault waits for an agent that is started again, also on a busy machine."""
_PAUSE: Final = 0.25
_REPLAYS: Final = 3

_OPEN: Final = """
select id from public.cogo_tasks where finished_at is null order by status desc, seq desc limit $1
"""
_FAILED: Final = """
select id from public.cogo_tasks where status = 'failed' order by finished_at desc limit $1
"""
_HELD_AT_ONCE: Final = 4
_REDRIVEN_AT_ONCE: Final = 4
# Those whose subtask runs again come first: a write that is let through does most harm there.
_ENDED: Final = """
select a.subtask_id, a.attempt, a.agent_id
  from public.cogo_attempts a join cogo.subtasks s on s.id = a.subtask_id
 where a.ended_at is not null and a.lane <> 'cio'
 order by (s.status = 'running') desc, (a.attempt < s.attempt) desc, a.ended_at desc
 limit $1
"""


class Nemesis:
    """Injects faults into the fleet. Each is undone when its block or task ends."""

    def __init__(self, fleet: Fleet, store: QueueStore, people: Users, diary: Diary) -> None:
        self._fleet = fleet
        self._store = store
        self._people = people
        self._diary = diary
        self._vendor_faults: list[str] = []

    async def run(self, schedule: Sequence[Fault], since: Callable[[], float]) -> None:
        """Carry out the schedule; `since` is the age of the run. Returns when all is undone."""
        async with asyncio.TaskGroup() as group:
            for fault in schedule:
                await asyncio.sleep(max(0.0, fault.at - since()))
                group.create_task(self._strike(fault), name=fault.kind)

    async def replay(self, count: int) -> None:
        """Write with attempts that have ended, as the agents that held them."""
        for row in await self._fetch(_ENDED, count):
            await self._replay(row["subtask_id"], row["attempt"], row["agent_id"])

    async def _strike(self, fault: Fault) -> None:
        member = self._fleet.members[fault.agent]
        match fault.kind:
            case Kind.KILL | Kind.VANISH:
                await self._born(member)
                with self._noted(fault.kind, member.agent_id):
                    member.kill(seen=fault.kind is Kind.KILL)
            case Kind.STOP:
                await self._stop(member, fault.seconds)
            case Kind.FREEZE:
                await self._born(member)
                with self._noted(fault.kind, member.agent_id):
                    member.freeze()
            case Kind.POSTGRES:
                with self._noted(fault.kind):
                    await eventually(self._fleet.kill_postgres)
            case Kind.REALTIME:
                with self._noted(fault.kind), self._fleet.line.without_realtime():
                    await asyncio.sleep(fault.seconds)
            case Kind.ANSWERS:
                with self._noted(fault.kind), self._fleet.line.losing_answers():
                    await asyncio.sleep(fault.seconds)
            case Kind.CANCEL:
                await self._cancel()
            case Kind.PAUSE:
                await self._hold(fault.seconds)
            case Kind.REDRIVE:
                with self._noted(fault.kind):
                    for row in await self._fetch(_FAILED, _REDRIVEN_AT_ONCE):
                        await self._people.redrive(row["id"])
            case Kind.REPLAY:
                with self._noted(fault.kind):
                    await self.replay(_REPLAYS)
            case _:
                await self._break_vendor(fault)

    @contextlib.contextmanager
    def _noted(self, kind: Kind, agent_id: str | None = None) -> Iterator[None]:
        started = utc_now()
        yield
        self._note(kind, started, agent_id)

    def _note(self, kind: Kind, started: datetime, agent_id: str | None = None) -> None:
        self._diary.struck.append(Struck(kind=kind, at=started, until=utc_now(), agent_id=agent_id))

    async def _born(self, member: Member) -> None:
        """Wait until the agent that was hit before lives again."""
        async with asyncio.timeout(_BIRTH):
            await member.process.ready.wait()

    async def _stop(self, member: Member, seconds: float) -> None:
        await self._born(member)
        with self._noted(Kind.STOP, member.agent_id):
            pid = member.stop()
            try:
                await asyncio.sleep(seconds)
            finally:
                if pid is not None:
                    member.go_on(pid)

    async def _break_vendor(self, fault: Fault) -> None:
        spec = _VENDOR[fault.kind]
        with self._noted(fault.kind):
            self._vendor_faults.append(spec)
            await self._tell_simulator()
            try:
                await asyncio.sleep(fault.seconds)
            finally:
                self._vendor_faults.remove(spec)
                await self._tell_simulator()

    async def _tell_simulator(self) -> None:
        body = {"faults": [{"spec": spec} for spec in self._vendor_faults]}
        async with httpx.AsyncClient(base_url=self._fleet.simulator_url) as simulator:
            (await simulator.post("/_simulator/faults", json=body)).raise_for_status()

    async def _cancel(self) -> None:
        with self._noted(Kind.CANCEL):
            for row in await self._fetch(_OPEN, 1):
                await self._people.cancel(row["id"])

    async def _hold(self, seconds: float) -> None:
        with self._noted(Kind.PAUSE):
            async with asyncio.TaskGroup() as group:
                for row in await self._fetch(_OPEN, _HELD_AT_ONCE):
                    group.create_task(self._people.hold(row["id"], seconds), name="hold")

    async def _replay(self, subtask_id: UUID, attempt: int, agent_id: str) -> None:
        ref = LeaseRef(subtask_id=subtask_id, attempt=attempt)
        completion = Completion(ref=ref, output=REPLAYED)
        failure = Failure(
            ref=ref,
            error=ErrorInfo(class_="replayed", message="A write with an attempt that has ended."),
            action=FailureAction.GIVE_UP,
            retry_after=timedelta(0),
        )
        await self._insist(ref, "complete", partial(self._complete, agent_id, completion))
        await self._insist(ref, "fail", partial(self._fail, agent_id, failure))
        turn = NewTurn(seq=1, kind="answer", body=REPLAYED)
        await self._insist(
            ref, "store", partial(self._store_turn, agent_id, TurnBatch(ref=ref, turns=[turn]))
        )

    async def _complete(self, agent_id: str, completion: Completion) -> str:
        [answer] = await self._store.complete_subtasks(agent_id=agent_id, items=[completion])
        return answer.answer

    async def _fail(self, agent_id: str, failure: Failure) -> str:
        return (await self._store.fail_subtask(agent_id=agent_id, failure=failure)).answer

    async def _store_turn(self, agent_id: str, batch: TurnBatch) -> str:
        [answer] = await self._store.store_turns(agent_id=agent_id, items=[batch])
        return answer.answer

    async def _insist(self, ref: LeaseRef, verb: str, write: Callable[[], Awaitable[str]]) -> None:
        """Write until there is an answer, and note it; an error is one that nobody should get."""
        answer = ""
        while not answer:
            try:
                answer = await write()
            except StoreUnavailable:
                await asyncio.sleep(_PAUSE)
            except CogoError as error:
                answer = type(error).__name__
        self._diary.replayed.append(
            Replayed(subtask_id=ref.subtask_id, attempt=ref.attempt, verb=verb, answer=answer)
        )

    async def _fetch(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """Ask the database itself, until it answers."""
        async with asyncio.timeout(_BIRTH):
            while True:
                try:
                    connection = await asyncpg.connect(self._fleet.db_url, timeout=5)
                    try:
                        return await connection.fetch(query, *arguments)
                    finally:
                        await connection.close(timeout=5)
                except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    await asyncio.sleep(_PAUSE)
