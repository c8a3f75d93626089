"""The workload: users submit tasks, twice when in doubt, and cancel, hold and redrive some."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from pydantic import JsonValue

from protocol.errors import CogoError, StoreUnavailable
from protocol.records import EVERYTHING, ApprovalRow, NewTask, Task
from protocol.transport.supabase_store import SupabaseStore
from tests.chaos.diary import Diary, Submitted

_PASSING: Final = "def test_it():\n    assert fibonacci(10) == 55\n"
FAILING: Final = "def test_it():\n    assert fibonacci(10) == 56\n"
_SLOW: Final = "def total(values):\n    return sum([each for each in values])\n"
_CODE: Final[dict[str, JsonValue]] = {"code": _SLOW, "language": "python"}

TOOLS: Final[list[JsonValue]] = [f"chaos_tools.{name}" for name in ("look", "pay", "ship")]
CALLING: Final = (
    'look {"n": "KEY.1"} and pay {"n": "KEY.2"}, then ship {"n": "KEY.3"} and look {"n": "KEY.4"}, '
    'then pay {"n": "KEY.5"}'
)
"""Three turns with calls. KEY makes the arguments of each task its own."""

_PROMPTS: Final[Sequence[tuple[str, str, dict[str, JsonValue]]]] = (
    ("CHAT", "Say hello", {}),
    ("CHAT", "Say what is plain", {}),
    ("CHAT", "Say it again", {}),
    ("GENERATE_CODE", "Write fibonacci(n)", {"tests": _PASSING}),
    ("GENERATE_CODE", "Write fibonacci(n), carefully", {"tests": FAILING}),
    ("GENERATE_CODE", "Write a complex and advanced csv parser", {}),
    ("GENERATE_CODE", "Generate optimized sorting algorithm", {"verify": "off"}),
    ("ANALYZE_CODE", "Is it right?", _CODE),
    ("OPTIMIZE_CODE", "Make total(values) faster", _CODE),
    ("DEBATE", "Tabs or spaces?", {}),
    ("STRATEGY", "Grow the shop", {}),
    ("COORDINATE", "Plan the fair", {}),
    ("AUTO", "Write a palindrome check for the fair", {}),
    ("CHAOS_TREE", "Write the handbook", {}),
    ("CHAOS_TREE", "Write the almanac", {}),
    ("CHAOS_RACE", "Write the motto", {}),
    ("CHAT", CALLING, {"tools": TOOLS}),
    ("CHAT", CALLING, {"tools": TOOLS}),
)
"""All types of ours, and workflows of a user with every kind of step."""
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
_ATTENDING: Final = 0.5
"""Seconds between looks at what people are asked."""
_EARLY: Final = 0.5
"""Of the events: sent at once, most often before a step waits for them."""
_REFUSING: Final = 0.2
_LOOKED_AT: Final = 100


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
    kind, prompt, params = rng.choice(_PROMPTS)
    key = f"chaos-{seed}-{place}"
    in_session = kind == "CHAT" and rng.random() < _IN_SESSION
    in_team, may_fail = rng.random() < _IN_TEAM, rng.random() < _REFUSED
    in_team = in_team and "tools" not in params  # each member would call them
    refusal = " [[fault:400 times=1]]" if may_fail else ""
    task = NewTask(
        # The number makes the prompt unique: the simulator counts its faults by prompt.
        prompt=f"{prompt.replace('KEY', key)} (number {place} of seed {seed}){refusal}",
        type="WRITE_POEM" if must_fail else kind,
        params=params,
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

    def __init__(self, store: SupabaseStore, diary: Diary, *, refusing: float = _REFUSING) -> None:
        self._store = store
        self._diary = diary
        self._refusing = refusing
        self._rng = random.Random("users")  # noqa: S311 - draws that need no secrecy
        self._unsent: list[UUID] = []
        """Tasks that wait, or will wait, for an event."""

    async def attend(self) -> None:
        """Answer what tasks ask and send the events that they wait for, until cancelled."""
        while True:
            await asyncio.sleep(_ATTENDING)
            try:
                asked = await self._store.find_approvals(limit=_LOOKED_AT, visible=EVERYTHING)
            except StoreUnavailable:
                continue
            for each in asked:
                await self._answer(each)
            unsent, self._unsent = self._unsent, []
            for task_id in unsent:
                await self._send(task_id)

    async def _answer(self, asked: ApprovalRow) -> None:
        approved = self._rng.random() >= self._refusing
        for _ in range(2 if self._rng.random() < _IN_DOUBT else 1):
            await self._ask(
                lambda: self._store.answer_approval(approval_id=asked.id, approved=approved)
            )

    async def _send(self, task_id: UUID) -> None:
        # The key makes it one event, however often it is sent.
        for _ in range(2 if self._rng.random() < _IN_DOUBT else 1):
            await self._ask(
                lambda: self._store.send_event(
                    task_id=task_id, name="go", payload={"by": "a user"}, idempotency_key="go"
                )
            )

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

    async def _ask(self, ask: Callable[[], Awaitable[object]]) -> bool:
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
                await self.request(
                    order.task, order.key, must_fail=order.must_fail, may_fail=order.may_fail
                )

    async def request(
        self, task: NewTask, key: str, *, must_fail: bool = False, may_fail: bool = False
    ) -> None:
        """Submit a task until there is an answer, and send the event for which it will wait."""
        submitted = await self._insist(task)
        self._diary.submitted.append(
            Submitted(key=key, task_id=submitted.id, must_fail=must_fail, may_fail=may_fail)
        )
        if task.type == "CHAOS_TREE":
            if self._rng.random() < _EARLY:
                await self._send(submitted.id)
            else:
                self._unsent.append(submitted.id)

    async def _insist(self, task: NewTask) -> Task:
        while True:
            try:
                return await self._store.submit_task(task)
            except StoreUnavailable:
                await asyncio.sleep(_PAUSE)
