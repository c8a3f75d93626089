"""State that many watchers share: an event with versions, and objects that run while watched."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar


class VersionedEvent:
    """An event with a version. Waiting with the version last seen misses no change."""

    def __init__(self) -> None:
        self._version = 0
        self._next = asyncio.Event()
        self._followers: set[VersionedEvent] = set()

    def notify(self) -> None:
        """Increment the version and wake all waiters."""
        self._version += 1
        happened, self._next = self._next, asyncio.Event()
        happened.set()
        for each in self._followers:
            each.notify()

    @contextmanager
    def forward(self, other: "VersionedEvent") -> Iterator[None]:
        """Notify another event, too, while the block runs."""
        self._followers.add(other)
        try:
            yield
        finally:
            self._followers.discard(other)

    async def wait(self, seen: int, *, within: float) -> int:
        """Wait for a later version than `seen`, at most `within` seconds; return the version."""
        change = self._next
        if self._version == seen:
            try:
                async with asyncio.timeout(within):
                    await change.wait()
            except TimeoutError:
                pass
        return self._version


class Runnable(Protocol):
    """An object that runs until it is cancelled."""

    async def run(self) -> None:
        """Run; raise nothing."""
        ...


_K = TypeVar("_K", bound=Hashable)
_R = TypeVar("_R", bound=Runnable)


class SharedRunners(Generic[_K, _R]):
    """Objects by key, each of which runs while at least one watcher needs it.

    Use it within `async with`, on one loop.
    """

    def __init__(self, create: Callable[[_K], _R]) -> None:
        self._create = create
        self._running: dict[_K, tuple[_R, asyncio.Task[None]]] = {}
        self._watchers: Counter[_K] = Counter()
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for _, running in self._running.values():
            running.cancel()
        await self._group.__aexit__(kind, error, trace)

    @property
    def watchers(self) -> int:
        """The number of watchers."""
        return self._watchers.total()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Start work that may outlive its request. It must not raise."""
        self._group.create_task(work)

    @asynccontextmanager
    async def share(self, key: _K) -> AsyncIterator[_R]:
        """Provide the object for `key`, which is created for its first watcher."""
        if key not in self._running:
            runner = self._create(key)
            name = type(runner).__name__
            self._running[key] = runner, self._group.create_task(runner.run(), name=name)
        self._watchers[key] += 1
        try:
            yield self._running[key][0]
        finally:
            self._watchers[key] -= 1
            if not self._watchers[key]:
                del self._watchers[key]
                _, running = self._running.pop(key)
                running.cancel()
