"""Boards: the list of tasks as it is now, one for each kind of reader, kept while it is watched.

A list is a state, not a history: a watcher who was away gets the list as it is, and misses nothing.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Final, Self
from uuid import UUID

from loguru import logger

from gateway.auth.principal import Principal
from gateway.streams.version import Change
from protocol.bus import Bus
from protocol.errors import CogoError
from protocol.records import TaskLine
from protocol.store.gateway import GatewayStore
from protocol.topics import RESULTS, TASKS

MOST_LINES: Final = 100
"""Of the newest tasks, and of those that are not over."""

Reader = tuple[UUID | None, bool]
"""Whose tasks, and whether everybody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a watcher is told: the whole list, or the lines that are new or other than before."""

    lines: list[TaskLine]
    is_whole: bool
    digest: str
    """Names the list that the watcher has now."""


class Board:
    """The list of one reader. Runs while somebody watches."""

    def __init__(self, reader: Reader, *, store: GatewayStore, poll: timedelta) -> None:
        self.watchers = 0
        self.change = Change()
        self.lines: Mapping[UUID, TaskLine] | None = None
        """By id, the newest first; None until they were read."""
        self.digest = ""
        self._reader = reader
        self._store = store
        self._poll = poll.total_seconds()
        self._bell = asyncio.Event()
        self._is_silent = False

    def ring(self, _message: object = None) -> None:
        """Read the list soon."""
        self._bell.set()

    async def run(self) -> None:
        """Keep the list until cancelled. While the database is away it stays as it was."""
        while True:
            try:
                await self._read()
            except CogoError as error:
                if not self._is_silent:
                    logger.warning("the list of tasks cannot be read now", error=str(error))
                self._is_silent = True
            else:
                self._is_silent = False
            try:
                async with asyncio.timeout(self._poll):
                    await self._bell.wait()
            except TimeoutError:
                pass
            self._bell.clear()

    async def _read(self) -> None:
        owner, every_owner = self._reader
        found = await self._store.fetch_lines(
            limit=MOST_LINES, owner=owner, every_owner=every_owner
        )
        digest = digest_of(found)
        if digest != self.digest:
            self.lines, self.digest = {each.id: each for each in found}, digest
            self.change.tell()


class BoardWatcher:
    """One reader of a board, who has seen the list of `digest`."""

    def __init__(self, board: Board, digest: str) -> None:
        self._board = board
        self._digest = digest
        self._known: Mapping[UUID, TaskLine] | None = None
        self._version = -1

    async def look(self, *, within: float) -> Look | None:
        """Wait for another list than the one that was seen; None after `within` seconds."""
        clock = asyncio.get_running_loop().time
        until = clock() + within
        while True:
            self._version = await self._board.change.wait(self._version, within=until - clock())
            lines, digest = self._board.lines, self._board.digest
            if lines is not None and digest != self._digest:
                break
            if lines is not None and self._known is None:
                self._known = lines
            if clock() >= until:
                return None
        known, self._known, self._digest = self._known, lines, digest
        if known is None:
            return Look(lines=list(lines.values()), is_whole=True, digest=digest)
        changed = [each for each in lines.values() if known.get(each.id) != each]
        return Look(lines=changed, is_whole=False, digest=digest)


class Boards:
    """Use it within `async with`, on one loop. Boards begin and end with their watchers."""

    def __init__(self, *, store: GatewayStore, bus: Bus, poll: timedelta) -> None:
        self._store = store
        self._bus = bus
        self._poll = poll
        self._boards: dict[Reader, tuple[Board, asyncio.Task[None]]] = {}
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
        for _, running in self._boards.values():
            running.cancel()
        await self._group.__aexit__(kind, error, trace)

    @asynccontextmanager
    async def watch(self, principal: Principal, digest: str = "") -> AsyncIterator[BoardWatcher]:
        """Watch what the principal may see; `digest` names the list that is already there."""
        reader = (None, True) if principal.is_admin else (principal.owner, False)
        board = self._board(reader)
        board.watchers += 1
        try:
            yield BoardWatcher(board, digest)
        finally:
            board.watchers -= 1
            if board.watchers == 0:
                _, running = self._boards.pop(reader)
                running.cancel()

    def _board(self, reader: Reader) -> Board:
        known = self._boards.get(reader)
        if known is not None:
            return known[0]
        board = Board(reader, store=self._store, poll=self._poll)
        self._boards[reader] = board, self._group.create_task(self._run(board), name="board")
        return board

    async def _run(self, board: Board) -> None:
        async with (
            self._bus.listen(TASKS, board.ring, on_ready=board.ring),
            self._bus.listen(RESULTS, board.ring, on_ready=board.ring),
        ):
            await board.run()


def digest_of(lines: list[TaskLine]) -> str:
    """Name a list: the same lines have the same name at every gateway."""
    hashed = hashlib.sha256()
    for each in lines:
        hashed.update(each.model_dump_json().encode())
    return hashed.hexdigest()[:32]
