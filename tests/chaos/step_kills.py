"""Deaths at every step of a workflow: of whoever holds a lease, of Postgres, of the planners."""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from protocol.ids import utc_now
from protocol.records import NewTask
from tests.chaos.checker import check
from tests.chaos.diary import Diary, Struck
from tests.chaos.faults import Kind
from tests.chaos.fleet import Fleet, running_fleet
from tests.chaos.history import History, read_history
from tests.chaos.mutants import change_function
from tests.chaos.run import Result, settle
from tests.chaos.swarm_clients import SwarmClients, find_lost_answers
from tests.chaos.workload import CALLING, FAILING, TOOLS, Users
from tests.support.eventually import eventually

SLOW: Final = change_function(
    "complete_isolated", "\nbegin\n", "\nbegin\n  perform pg_sleep(0.2);\n"
)
"""Ends of attempts take a while, so that holders die before, in and after the transaction."""
_LOOK: Final = 0.02
_ROUND: Final = 600.0
"""Seconds until a round is given up."""
_DISCONNECTED: Final = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What a connection raises when the server is killed."""
_NEW: Final = """
select a.subtask_id, a.attempt, a.agent_id, s.kind, s.key, s.task_id,
       (select b.outcome from public.cogo_attempts b
         where b.subtask_id = a.subtask_id and b.attempt = a.attempt - 1) as before
  from public.cogo_attempts a join cogo.subtasks s on s.id = a.subtask_id
 where a.ended_at is null
"""
_NEW_TURNS: Final = """
select a.subtask_id, a.attempt, a.agent_id, 'turn' as kind, concat(s.key, ' ', t.seq) as key, t.seq
  from cogo.turns t
  join cogo.subtasks s on s.id = t.subtask_id
  join public.cogo_attempts a on a.subtask_id = t.subtask_id and a.attempt = s.attempt
 where a.ended_at is null and t.seq = (
   select max(u.seq) from cogo.turns u where u.subtask_id = t.subtask_id
 )
"""
_OPEN: Final = "select count(*) from public.cogo_tasks where finished_at is null"


class Victim(StrEnum):
    """Who dies when an attempt has begun."""

    HOLDER = "holder"
    """The orchestrator or the executor that holds it."""
    POSTGRES = "postgres"
    PLANNERS = "planners"
    """All orchestrators, whatever has begun."""
    GATEWAY = "gateway"
    """Through which the answer is read, whatever has begun."""


WORKFLOWS: Final = (
    (
        NewTask(type="GENERATE_CODE", prompt="Write fibonacci(n)", params={"tests": FAILING}),
        NewTask(type="CHAOS_TREE", prompt="Write the handbook"),
    ),
    (NewTask(type="CHAT", prompt=CALLING, params={"tools": TOOLS}),),
)
"""Code whose tests fail, so that it is repaired and others try, with child tasks, a question and an
event; then a tool loop, alone: who dies between its turns would take other attempts along."""


SWARMS: Final = (
    (NewTask(type="COORDINATE", prompt="Write fibonacci(n) and is_palindrome(text) for a shop"),),
    (NewTask(type="AUTO", prompt="Write a palindrome check and a binary search"),),
)
"""A plan, child tasks side by side, their tests, a debate among them, a revision; then steps that a
model proposes, with child tasks. Both are asked for, and read, through the gateway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A death in an attempt."""

    victim: Victim
    subtask_id: UUID
    attempt: int
    kind: str
    key: str


async def kill_at_every_step(
    home: Path,
    rounds: Sequence[Sequence[Victim | None]],
    say: Callable[[str], object],
    *,
    speed: float = 4.0,
) -> tuple[Result, list[Hit]]:
    """Run the workflows once for each round; at each new attempt and turn its next victim dies.

    None: nobody does. An attempt that follows a death is spared, so that each step gets further.
    """
    diary = Diary()
    hits: list[Hit] = []
    async with running_fleet(home, speed=speed, prepare=[SLOW]) as fleet:
        async with fleet.working(), fleet.store() as store, asyncio.TaskGroup() as group:
            people = Users(store, diary, refusing=0.0)
            attending = group.create_task(people.attend(), name="attend")
            for number, (victims, tasks) in enumerate(itertools.product(rounds, WORKFLOWS)):
                for place, task in enumerate(tasks):
                    key = f"steps-{number}-{place}"
                    await people.request(replace_task(task, key), key)
                await _run_round(fleet, victims, hits, diary, say)
            await settle(fleet, 60.0, say)
            attending.cancel()
        result = await _conclude(fleet, diary)
    return result, hits


async def kill_at_every_step_of_swarms(
    home: Path,
    rounds: Sequence[Sequence[Victim | None]],
    say: Callable[[str], object],
    *,
    speed: float = 4.0,
    swarms: Sequence[Sequence[NewTask]] = SWARMS,
) -> tuple[Result, list[Hit]]:
    """Do the same with swarms whose answers are read through a gateway, which dies as well.

    An answer that is told otherwise than it is stored breaks the law `told`.
    """
    diary = Diary()
    hits: list[Hit] = []
    async with running_fleet(home, speed=speed, prepare=[SLOW]) as fleet:
        clients = SwarmClients(fleet, diary)
        async with fleet.working(has_gateway=True), asyncio.TaskGroup() as group:
            for number, (victims, tasks) in enumerate(itertools.product(rounds, swarms)):
                reading = []
                for place, task in enumerate(tasks):
                    key = f"swarms-{number}-{place}"
                    task_id = await clients.ask(replace_task(task, key), key)
                    reading.append(group.create_task(clients.follow(task_id), name="follow"))
                await _run_round(fleet, victims, hits, diary, say)
                _, late = await asyncio.wait(reading, timeout=_ROUND)
                for each in late:
                    each.cancel()
            await settle(fleet, 60.0, say)
        result = await _conclude(fleet, diary)
    unread = {each.task_id for each in diary.submitted} - clients.answers.keys()
    told = find_lost_answers(result.history, clients.answers)
    told += [f"task {task_id}: its answer was never read" for task_id in unread]
    say(f"answers broke off {clients.broken_off} times")
    return replace(result, broken={**result.broken, "told": told}), hits


async def _run_round(
    fleet: Fleet,
    victims: Sequence[Victim | None],
    hits: list[Hit],
    diary: Diary,
    say: Callable[[str], object],
) -> None:
    before, began = len(hits), time.monotonic()
    with suppress(TimeoutError):  # the checker says what is left
        async with asyncio.timeout(_ROUND):
            await _kill(fleet, victims, hits, diary)
    names = " and ".join(dict.fromkeys(each for each in victims if each))
    say(f"{names}: {len(hits) - before} deaths in {time.monotonic() - began:.0f} s")


async def _conclude(fleet: Fleet, diary: Diary) -> Result:
    await fleet.vendor_log.read()
    history = await read_history(
        fleet.db_url, fleet.logs(), fleet.vendor_log.models, fleet.read_runs()
    )
    return Result(history=history, diary=diary, broken=check(history, diary))


def replace_task(task: NewTask, key: str) -> NewTask:
    """Return the task with this key, and a prompt of its own."""
    prompt = f"{task.prompt.replace('KEY', key)} ({key})"
    return task.model_copy(update={"prompt": prompt, "idempotency_key": key})


async def _kill(
    fleet: Fleet, victims: Sequence[Victim | None], hits: list[Hit], diary: Diary
) -> None:
    """Kill until nothing is open."""
    # Turns follow each other faster than they are seen, so fewer are spared.
    at_attempts, at_turns = itertools.cycle(victims), itertools.cycle(victims[::2])
    seen: set[tuple[UUID, int]] = set()
    stored: set[tuple[UUID, int]] = set()
    while True:
        try:
            connection = await asyncpg.connect(fleet.db_url, timeout=5)
            try:
                while await connection.fetchval(_OPEN):
                    for row in await connection.fetch(_NEW):
                        ref = (row["subtask_id"], row["attempt"])
                        if ref not in seen and row["before"] not in {"reaped", "released"}:
                            await _strike(fleet, next(at_attempts), row, hits, diary)
                        seen.add(ref)
                    for row in await connection.fetch(_NEW_TURNS):
                        turn = (row["subtask_id"], row["seq"])
                        if turn not in stored:
                            await _strike(fleet, next(at_turns), row, hits, diary)
                        stored.add(turn)
                    await asyncio.sleep(_LOOK)
                return
            finally:
                connection.terminate()
        except _DISCONNECTED:
            await asyncio.sleep(_LOOK)


async def _strike(
    fleet: Fleet, victim: Victim | None, row: asyncpg.Record, hits: list[Hit], diary: Diary
) -> None:
    if victim is None:
        return
    now = utc_now()
    hit = Hit(
        victim=victim,
        subtask_id=row["subtask_id"],
        attempt=row["attempt"],
        kind=row["kind"],
        key=row["key"],
    )
    if victim is Victim.POSTGRES:
        await eventually(fleet.kill_postgres)
        diary.struck.append(Struck(kind=Kind.POSTGRES, at=now, until=utc_now()))
        hits.append(hit)
        return
    if victim is Victim.GATEWAY:
        async with fleet.standing_still():
            is_dead = await fleet.gateway.kill()
        if is_dead:
            diary.struck.append(Struck(kind=Kind.KILL, at=now, until=utc_now()))
            hits.append(hit)
        return
    for member in fleet.members.values():
        is_holder = member.agent_id == row["agent_id"]
        is_planner = victim is Victim.PLANNERS and member.kind == "orchestrator"
        if (is_holder if victim is Victim.HOLDER else is_planner) and member.pid is not None:
            member.kill(seen=True)
            diary.struck.append(
                Struck(kind=Kind.KILL, at=now, until=utc_now(), agent_id=member.agent_id)
            )
            hits.append(hit)


def report_steps(history: History, hits: Sequence[Hit]) -> Iterator[str]:
    """Return how often each kind of step was hit, and what that did to its attempt."""
    for victim in Victim:
        for kind in ("flow", "ask", "check", "turn"):
            found = [each for each in hits if each.victim is victim and each.kind == kind]
            outcomes = [
                attempt.outcome or "open"
                for each in found
                for attempt in history.attempts.get(each.subtask_id, [])
                if attempt.attempt == each.attempt
            ]
            if found:
                ends = ", ".join(f"{outcomes.count(name)} {name}" for name in sorted(set(outcomes)))
                yield f"{victim:<9} {kind:<6} {len(found):>3} deaths; the attempts: {ends}"
