"""One run: a fleet, users and a nemesis; then quiet, and the checker."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from tests.chaos.checker import check
from tests.chaos.diary import Diary
from tests.chaos.faults import SHARES, Kind, schedule
from tests.chaos.fleet import NAMES, Fleet, running_fleet
from tests.chaos.history import History, read_history
from tests.chaos.mutants import Mutant
from tests.chaos.nemesis import Nemesis
from tests.chaos.workload import Users, orders

SETTLE_SECONDS: Final = 120.0
"""For what is open when the faults are over; two stalls of a vendor fit in."""
_PROGRESS_SECONDS: Final = 5.0
_LAST_REPLAYS: Final = 20
_SETTLED: Final = """
select (select count(*) from public.cogo_tasks where finished_at is null)
     + (select count(*) from cogo.subtasks where finished_at is null)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The number of tasks and faults of a run, and their kinds."""

    seed: int = 1
    tasks: int = 500
    faults: int = 100
    seconds: float = 150.0
    speed: float = 1.0
    """Of the vendor simulator: 1 is as fast as vendors are."""
    settle: float = SETTLE_SECONDS
    shares: Mapping[Kind, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The history of a run, and the laws that it broke."""

    history: History
    diary: Diary
    broken: Mapping[str, Sequence[str]]

    @property
    def is_clean(self) -> bool:
        """Return whether no law was broken."""
        return not any(self.broken.values())


async def run(
    home: Path, size: Size, say: Callable[[str], object], mutant: Mutant | None = None
) -> Result:
    """Run on the empty directory `home`; every process that it starts has ended when it returns."""
    diary = Diary()
    prepare = mutant.sql() if mutant else ()
    async with running_fleet(home, speed=size.speed, prepare=prepare) as fleet:
        async with fleet.working(), fleet.store() as store, asyncio.TaskGroup() as group:
            say(f"{len(NAMES)} agents run; {size.tasks} tasks and {size.faults} faults are to come")
            people = Users(store, diary)
            attending = group.create_task(people.attend(), name="attend")
            await _attack(fleet, people, size, diary, say)
            await settle(fleet, size.settle, say)
            attending.cancel()
        await fleet.vendor_log.read()
        history = await read_history(
            fleet.db_url, fleet.logs(), fleet.vendor_log.models, fleet.read_runs()
        )
    return Result(history=history, diary=diary, broken=check(history, diary))


async def _attack(
    fleet: Fleet, people: Users, size: Size, diary: Diary, say: Callable[[str], object]
) -> None:
    started = time.monotonic()

    def age() -> float:
        return time.monotonic() - started

    faults = schedule(
        size.seed,
        count=size.faults,
        seconds=size.seconds,
        agents=list(NAMES),
        shares=size.shares or SHARES,
    )
    wanted = orders(size.seed, count=size.tasks, seconds=size.seconds * 0.95)
    async with fleet.store() as store, asyncio.TaskGroup() as group:
        nemesis = Nemesis(fleet, store, people, diary)
        telling = group.create_task(_tell(fleet, diary, size, age, say), name="progress")
        async with asyncio.TaskGroup() as actors:
            actors.create_task(people.submit(wanted, age), name="people")
            actors.create_task(nemesis.run(faults, age), name="nemesis")
        telling.cancel()
        await nemesis.replay(_LAST_REPLAYS)


async def _tell(
    fleet: Fleet,
    diary: Diary,
    size: Size,
    age: Callable[[], float],
    say: Callable[[str], object],
) -> None:
    while True:
        await asyncio.sleep(_PROGRESS_SECONDS)
        await fleet.vendor_log.read()
        submitted = len({each.task_id for each in diary.submitted})
        say(
            f"{age():5.0f} s  {submitted} of {size.tasks} tasks, "
            f"{len(diary.struck)} of {size.faults} faults"
        )


async def settle(fleet: Fleet, seconds: float, say: Callable[[str], object]) -> None:
    """Wait until nothing is open, or the time is over: then the checker says what is left."""
    deadline = time.monotonic() + seconds
    left = -1
    while left and time.monotonic() < deadline:
        try:
            connection = await asyncpg.connect(fleet.db_url, timeout=5)
            try:
                found = await connection.fetchval(_SETTLED)
            finally:
                await connection.close(timeout=5)
        except (OSError, asyncpg.PostgresError):
            found = left
        if found != left:
            say(f"       {found} tasks and subtasks are open")
        left = found
        await fleet.vendor_log.read()
        await asyncio.sleep(0.5 if left else 0)
