"""The workload: users submit tasks, twice when in doubt, and cancel, hold and redrive some."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from protocol.errors import CogoError, StoreUnavailable
from protocol.records import NewTask, Task
from protocol.store.queue import QueueStore
from tests.chaos.diary import Diary, Submitted

_PROMPTS: Final = (
    ("CHAT", "Say hello"),
    ("CHAT", "Say what is plain"),
    ("GENERATE_CODE", "Write fibonacci(n)"),
    ("GENERATE_CODE", "Generate optimized sorting algorithm"),
    ("GENERATE_CODE", "Write a complex and advanced csv parser"),
)
_BAD: Final = 0.03
_IN_DOUBT: Final = 0.1
_IN_SESSION: Final = 0.2
_IN_TEAM: Final = 0.2
"""Of the tasks: planned as several subtasks at once and one that waits for all of them."""
_REFUSED: Final = 0.06
"""Of the tasks: the vendor refuses the first question, and no other model is asked."""
_SESSIONS: Final = 20
_USERS: Final = 3
_PAUSE: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A task that will be submitted."""

    at: float
    """Seconds after the start of the run."""
    task: NewTask
    key: str
    must_fail: bool
    may_fail: bool
    is_repeated: bool
    """Submitted again, as by somebody who did not hear the answer."""


def orders(seed: int, *, count: int, seconds: float) -> list[Order]:
    """Draw `count` orders, evenly over the time; the same arguments give the same orders."""
    rng = random.Random(f"orders {seed}")  # noqa: S311 - orders that can be drawn again
    sessions = [UUID(int=rng.getrandbits(128), version=4) for _ in range(_SESSIONS)]
    return [_order(rng, seed, place, seconds / count, sessions) for place in range(count)]


def _order(
    rng: random.Random, seed: int, place: int, every: float, sessions: Sequence[UUID]
) -> Order:
    must_fail = rng.random() < _BAD
    kind, prompt = rng.choice(_PROMPTS)
    key = f"chaos-{seed}-{place}"
    in_session = kind == "CHAT" and rng.random() < _IN_SESSION
    in_team, may_fail = rng.random() < _IN_TEAM, rng.random() < _REFUSED
    refusal = " [[fault:400 times=1]]" if may_fail else ""
    task = NewTask(
        # The number makes the prompt unique: the simulator counts its faults by prompt.
        prompt=f"{prompt} (number {place} of seed {seed}){refusal}",
        type="WRITE_POEM" if must_fail else kind,
        priority=rng.randrange(10),
        preferences={"policy": "ensemble"} if in_team else {},
        session_id=rng.choice(sessions) if in_session else None,
        idempotency_key=key,
    )
    return Order(
        at=(place + rng.random()) * every,
        task=task,
        key=key,
        must_fail=must_fail,
        may_fail=may_fail,
        is_repeated=rng.random() < _IN_DOUBT,
    )


class Users:
    """Users who work through the store, with a record of their calls and answers."""

    def __init__(self, store: QueueStore, diary: Diary) -> None:
        self._store = store
        self._diary = diary

    async def submit(self, what: Sequence[Order], since: Callable[[], float]) -> None:
        """Submit everything at its time, by a few people side by side; `since` is the run's age."""
        async with asyncio.TaskGroup() as group:
            for number in range(_USERS):
                group.create_task(self._submit(what[number::_USERS], since), name="user")

    async def cancel(self, task_id: UUID) -> bool:
        """Cancel a task; False when it was over before."""
        self._diary.cancelling.add(task_id)
        is_done = await self._ask(lambda: self._store.cancel_task(task_id=task_id, reason="chaos"))
        if is_done:
            self._diary.cancelled.add(task_id)
        return is_done

    async def hold(self, task_id: UUID, seconds: float) -> None:
        """Pause a task for a while, unless it is over before."""
        await self._ask(lambda: self._store.pause_task(task_id=task_id))
        try:
            await asyncio.sleep(seconds)
        finally:
            await self._ask(lambda: self._store.resume_task(task_id=task_id))

    async def redrive(self, task_id: UUID) -> None:
        """Put a failed task back to work."""

        def ask() -> Awaitable[Task]:
            self._diary.redriving[task_id] += 1
            return self._store.redrive_task(task_id=task_id)

        await self._ask(ask)

    async def _ask(self, ask: Callable[[], Awaitable[Task]]) -> bool:
        """Ask until there is an answer; False when the task was in no state for it."""
        while True:
            try:
                await ask()
            except StoreUnavailable:
                await asyncio.sleep(_PAUSE)
            except CogoError:  # it ended meanwhile
                return False
            else:
                return True

    async def _submit(self, what: Sequence[Order], since: Callable[[], float]) -> None:
        for order in what:
            await asyncio.sleep(max(0.0, order.at - since()))
            for _ in range(2 if order.is_repeated else 1):
                task = await self._insist(order.task)
                self._diary.submitted.append(
                    Submitted(
                        key=order.key,
                        task_id=task.id,
                        must_fail=order.must_fail,
                        may_fail=order.may_fail,
                    )
                )

    async def _insist(self, task: NewTask) -> Task:
        while True:
            try:
                return await self._store.submit_task(task)
            except StoreUnavailable:
                await asyncio.sleep(_PAUSE)
