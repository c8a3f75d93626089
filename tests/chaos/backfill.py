"""Deaths of agents and of Postgres while a column is filled and its rows are edited."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg

from protocol.ids import utc_now
from tests.chaos.checker import check
from tests.chaos.diary import Diary, Struck
from tests.chaos.faults import Kind
from tests.chaos.fleet import Fleet, running_fleet
from tests.chaos.history import read_history
from tests.chaos.run import Result
from tests.chaos.step_kills import Victim
from tests.support.eventually import eventually

_TABLE: Final = """
create table public.articles (
  id bigint generated always as identity primary key, title text not null, body text not null,
  summary text, stars integer check (stars between 1 and 5)
);
insert into public.articles (title, body)
select format('word%s', n), format('[[say:word%s]]', n)
  from generate_series(1, {rows}) n;
select cogo.ai_column('public.articles', 'summary', prompt => 'Repeat {{body}}', backfill => true);
select cogo.ai_column('public.articles', 'stars', prompt => 'Good? {{title}}', backfill => true);
"""
_EDIT: Final = (
    "update public.articles set body = format('[[say:word%s]] new', $2::int) where id = $1"
)
_OPEN: Final = """
select (select count(*) from cogo.ai_edits)
     + (select count(*) from cogo.ai_cells where state in ('pending', 'asked'))
     + (select count(*) from public.cogo_tasks where finished_at is null)
     + (select count(*) from cogo.ai_columns where backfill_left is not null)
"""
_HOLDERS: Final = """
select a.agent_id from public.cogo_attempts a join public.cogo_tasks t on t.id = a.task_id
 where a.ended_at is null and t.column_id is not null and a.lane <> 'cio' limit 1
"""
_ROWS: Final = """
select r.id, r.summary, r.stars, substring(r.body from 'word[0-9]+') as word,
       array(select c.state from cogo.ai_cells c where c.key = jsonb_build_array(r.id)) as states
  from public.articles r
"""
_ANSWERED: Final = """
select t.column_id, substring(t.prompt from 'word[0-9]+') as word
  from public.cogo_tasks t where t.status = 'completed' and t.column_id is not null
"""
_CANCELLED: Final = """
select id from public.cogo_tasks where status = 'cancelled' and column_id is not null
"""
_WORDS: Final = itertools.count(1_000_000)
_SETTLE: Final = 90.0
_DISCONNECTED: Final = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
_LOOK: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """The result of a run, with what is broken in the columns."""

    result: Result
    kills: Counter[str]
    edits: int
    broken: list[str]

    @property
    def is_clean(self) -> bool:
        """Return whether no law was broken."""
        return self.result.is_clean and not self.broken


async def fill_under_deaths(
    home: Path,
    *,
    rows: int,
    kills: int,
    every: float,
    say: Callable[[str], object],
    speed: float = 4.0,
) -> Backfill:
    """Fill a column of that many rows; each `every` seconds somebody dies, and rows are edited."""
    diary, struck = Diary(), Counter[str]()
    async with running_fleet(home, speed=speed, prepare=[_TABLE.format(rows=rows)]) as fleet:
        async with fleet.working(), asyncio.TaskGroup() as group:
            writer = _Writer(fleet, rows)
            writing = group.create_task(writer.write(), name="writer")
            for victim in itertools.islice(itertools.cycle(Victim), kills):
                await asyncio.sleep(every)
                if await _strike(fleet, victim, diary):
                    struck[victim] += 1
            writing.cancel()
            await _settle(fleet, say)
        broken = await _retried(fleet, _find_broken)
        # Those of rows that were edited before a model was asked.
        dropped = await _retried(fleet, lambda connection: connection.fetch(_CANCELLED))
        diary.cancelling.update(row["id"] for row in dropped)
        await fleet.vendor_log.read()
        history = await read_history(
            fleet.db_url, fleet.logs(), fleet.vendor_log.models, fleet.read_runs()
        )
    result = Result(history=history, diary=diary, broken=check(history, diary))
    return Backfill(result=result, kills=struck, edits=writer.edits, broken=broken)


class _Writer:
    """Edits rows, also while nobody answers."""

    def __init__(self, fleet: Fleet, rows: int) -> None:
        self._fleet = fleet
        self._rows = rows
        self.edits = 0

    async def write(self) -> None:
        dice = random.Random("writer")  # noqa: S311 - draws that can be repeated
        while True:
            with suppress(*_DISCONNECTED):
                async with _connected(self._fleet) as connection:
                    while True:
                        await connection.execute(_EDIT, dice.randint(1, self._rows), next(_WORDS))
                        self.edits += 1
                        await asyncio.sleep(dice.random() * 0.2)
            await asyncio.sleep(_LOOK)


async def _strike(fleet: Fleet, victim: Victim, diary: Diary) -> bool:
    """Kill whoever is named; return whether somebody was alive to die."""
    now = utc_now()
    if victim is Victim.POSTGRES:
        await eventually(fleet.kill_postgres)
        diary.struck.append(Struck(kind=Kind.POSTGRES, at=now, until=utc_now()))
        return True
    holder = await _retried(fleet, lambda connection: connection.fetchval(_HOLDERS))
    has_struck = False
    for member in fleet.members.values():
        is_victim = (
            member.agent_id == holder if victim is Victim.HOLDER else member.kind == "orchestrator"
        )
        if is_victim and member.pid is not None:
            member.kill(seen=True)
            diary.struck.append(
                Struck(kind=Kind.KILL, at=now, until=utc_now(), agent_id=member.agent_id)
            )
            has_struck = True
    return has_struck


async def _settle(fleet: Fleet, say: Callable[[str], object]) -> None:
    with suppress(TimeoutError):  # the laws say what is left
        async with asyncio.timeout(_SETTLE):
            left = -1
            while left != 0:
                now = await _retried(fleet, lambda connection: connection.fetchval(_OPEN))
                if now != left:
                    say(f"       {now} cells, edits and tasks are open")
                left = now
                await fleet.vendor_log.read()
                await asyncio.sleep(0.5 if left else 0)


async def _find_broken(connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
    rows = await connection.fetch(_ROWS)
    answered = Counter((row["column_id"], row["word"]) for row in await connection.fetch(_ANSWERED))
    open_ = await connection.fetchval(_OPEN)
    return [
        *_check_rows(rows),
        *_check_answers(answered),
        *([f"{open_} are open"] if open_ else []),
    ]


def _check_rows(rows: list[Any]) -> Iterator[str]:
    for row in rows:
        if row["states"] != ["done", "done"]:
            yield f"row {row['id']}: its cells are {row['states']}"
        elif row["summary"] != row["word"]:
            yield f"row {row['id']}: {row['summary']} was made of something else than {row['word']}"
        elif row["stars"] is None:
            yield f"row {row['id']}: has no stars"


def _check_answers(answered: Counter[tuple[Any, str]]) -> Iterator[str]:
    for (_, word), count in answered.items():
        if count > 1:
            yield f"{word}: {count} tasks gave a finished answer"


@asynccontextmanager
async def _connected(fleet: Fleet) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(fleet.db_url, timeout=5, command_timeout=10)
    try:
        yield connection
    finally:
        connection.terminate()


async def _retried(
    fleet: Fleet, ask: Callable[["asyncpg.Connection[asyncpg.Record]"], Awaitable[Any]]
) -> Any:
    """Ask the database until it answers."""
    while True:
        try:
            async with _connected(fleet) as connection:
                return await ask(connection)
        except _DISCONNECTED:
            await asyncio.sleep(_LOOK)
