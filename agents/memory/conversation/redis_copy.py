"""A copy of the newest messages of conversations in Redis, which is read faster than Postgres.

Postgres stays the record. A claim says how far the session is, so a copy that is older is noticed
whatever became of Redis: lost, flushed, restored from a replica, or never written. What it lacks is
then read from Postgres. An answer that cannot be used, or does not come in a fraction of a second,
is none.
"""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from loguru import logger
from pydantic import BaseModel, ConfigDict, ValidationError

from agents.memory.conversation.breaker import Breaker
from agents.memory.conversation.store import (
    PAGE_CHARACTERS,
    Conversations,
    PostgresConversations,
    SessionKey,
)
from protocol.errors import CogoError
from protocol.records import SessionPage, SessionSummary, StoredSessionMessage
from protocol.store.sessions import SessionReadStore

TIMEOUT_SECONDS: Final = 0.2
LIFETIME_SECONDS: Final = 6 * 3_600
"""A copy that nobody writes is gone after that; the database names deleted sessions for longer."""
FORGET_SECONDS: Final = 10.0
FORGET_AGAIN: Final = timedelta(minutes=10)
MAX_VALUE_BYTES: Final = 2_000_000
"""Larger values are neither written nor read."""
MAX_COPIED_CHARACTERS: Final = PAGE_CHARACTERS
MAX_COPIED_MESSAGES: Final = 400
_PREFIX: Final = "cogo:session:"
_T = TypeVar("_T")


class RedisUnavailable(Exception):
    """Redis did not answer, or refused a command."""


class RedisCommands(Protocol):
    """The few commands that are used; all raise RedisUnavailable.

    `cogo.wiring.memory.conversation_copy` has those of the official client.
    """

    async def read(self, key: str, most: int) -> bytes:
        """Return at most so many bytes of a value; b"" if there is none."""
        ...

    async def write(self, key: str, value: bytes, seconds: int) -> None:
        """Set a value that is deleted after a time."""
        ...

    async def delete(self, *keys: str) -> None:
        """Delete values."""
        ...


class _Copy(BaseModel):
    """The value under a key."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = 1
    owner: UUID | None
    session_id: UUID
    seq: int
    revision: int
    summary: SessionSummary | None = None
    messages: list[StoredSessionMessage]
    """The newest first, without gaps."""
    is_more: bool

    @property
    def last_message(self) -> int:
        """The `seq` of the newest message."""
        return self.messages[0].seq if self.messages else 0

    def matches(self, session: SessionKey) -> bool:
        """Return whether it is a copy of this session, and not of one with the same id."""
        return (self.version, self.owner, self.session_id, self.seq) == (
            1,
            session.owner,
            session.id,
            session.seq,
        )

    def to_page(self) -> SessionPage:
        """Return it as the database would."""
        return SessionPage(
            seq=self.seq,
            last_message=self.last_message or None,
            revision=self.revision,
            summary=self.summary,
            messages=self.messages,
            is_more=self.is_more,
        )


class RedisConversations:
    """Reads conversations from their copies, and from Postgres what these lack."""

    def __init__(
        self,
        redis: RedisCommands,
        store: SessionReadStore,
        *,
        jitter: random.Random,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._jitter = jitter
        self._redis = redis
        self._store = store
        self._reads = Breaker(now)
        self._writes = Breaker(now)
        """Of its own: a replica, or a full server, answers and takes no writes."""

    async def read_page(self, session: SessionKey, *, before: int | None) -> SessionPage | None:
        """See `Conversations.read_page`; older pages are always those of Postgres."""
        if before is not None or session.seq is None:
            return await self._read_record(session, before=before)
        copy = await self._find_copy(session)
        if copy is not None and copy.last_message >= (session.last_message or 0):
            return copy.to_page()
        return await self._renew(session, copy)

    async def refresh(self, session: SessionKey) -> None:
        """Add what was said since to the copy. Never raises."""
        if session.seq is None:
            return
        with suppress(CogoError):
            await self._renew(session, await self._find_copy(session))

    async def run(self) -> None:
        """See `Conversations.run`.

        Each copy is deleted several times: who read it before may write it once more.
        """
        within = timedelta(seconds=LIFETIME_SECONDS)
        while True:
            with suppress(CogoError):
                seqs = await self._store.fetch_forgotten_sessions(within=within)
                if await self.forget(seqs):
                    within = FORGET_AGAIN
            await asyncio.sleep(FORGET_SECONDS * self._jitter.uniform(0.8, 1.2))

    async def forget(self, seqs: Iterable[int]) -> bool:
        """Delete the copies of deleted sessions; return whether Redis did it."""
        keys = [f"{_PREFIX}{seq}" for seq in seqs]
        return not keys or await self._change(lambda: self._redis.delete(*keys))

    async def _find_copy(self, session: SessionKey) -> _Copy | None:
        """Return the copy of a session, unless messages of it were changed since."""
        key = f"{_PREFIX}{session.seq}"
        value = await self._ask(
            self._reads, lambda: self._redis.read(key, MAX_VALUE_BYTES + 1), otherwise=b""
        )
        if not value or len(value) > MAX_VALUE_BYTES:
            return None
        try:
            copy = _Copy.model_validate_json(value)
        except ValidationError:
            return None
        is_usable = copy.matches(session) and copy.revision >= session.revision
        return copy if is_usable else None

    async def _renew(self, session: SessionKey, copy: _Copy | None) -> SessionPage | None:
        """Read from Postgres what the copy lacks, and write the copy that has it."""
        if copy is not None and copy.messages:
            page = await self._read_record(session, after=copy.last_message)
            is_same = page is not None and page.revision == copy.revision
            if page is not None and is_same and not page.is_more:
                newer = page.model_copy(
                    update={
                        "messages": [*page.messages, *copy.messages],
                        "is_more": copy.is_more,
                    }
                )
                await self._write(session, newer)
                return newer
        page = await self._read_record(session)
        if page is not None:
            await self._write(session, page)
        return page

    async def _read_record(
        self, session: SessionKey, *, before: int | None = None, after: int | None = None
    ) -> SessionPage | None:
        return await self._store.read_session(
            owner=session.owner,
            session_id=session.id,
            before=before,
            after=after,
            characters=PAGE_CHARACTERS,
        )

    async def _write(self, session: SessionKey, page: SessionPage) -> None:
        if page.seq != session.seq or not page.messages:
            return  # it was deleted, and begun anew
        messages = _keep_newest(page.messages)
        copy = _Copy(
            owner=session.owner,
            session_id=session.id,
            seq=page.seq,
            revision=page.revision,
            summary=page.summary,
            messages=messages,
            is_more=page.is_more or len(messages) < len(page.messages),
        )
        value = copy.model_dump_json().encode("utf-8", "replace")
        key = f"{_PREFIX}{session.seq}"
        if len(value) <= MAX_VALUE_BYTES:
            await self._change(lambda: self._redis.write(key, value, LIFETIME_SECONDS))
        else:
            await self._change(lambda: self._redis.delete(key))

    async def _change(self, command: Callable[[], Awaitable[None]]) -> bool:
        """Run a command that writes; return whether it is done."""

        async def run() -> bool:
            await command()
            return True

        return await self._ask(self._writes, run, otherwise=False)

    async def _ask(
        self, breaker: Breaker, command: Callable[[], Awaitable[_T]], *, otherwise: _T
    ) -> _T:
        """Run a command; return `otherwise` if there is no answer in time, or none is expected."""
        if not breaker.may_try():
            return otherwise
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                answer = await command()
        except asyncio.CancelledError:
            breaker.abandon_trial()
            raise
        except (RedisUnavailable, TimeoutError) as error:
            if breaker.record_failure():
                what = "is not written" if breaker is self._writes else "is not read"
                logger.warning(
                    f"Redis {what}: conversations are read from Postgres", error=repr(error)
                )
            return otherwise
        if breaker.record_success():
            logger.info("Redis answers again")
        return answer


def open_conversations(
    store: SessionReadStore, redis: RedisCommands | None, *, jitter: random.Random
) -> Conversations:
    """Return the conversations of a store, with copies if there is a Redis."""
    if redis is None:
        return PostgresConversations(store)
    return RedisConversations(redis, store, jitter=jitter)


def _keep_newest(messages: list[StoredSessionMessage]) -> list[StoredSessionMessage]:
    """Return the newest messages that a copy keeps."""
    size = 0
    kept: list[StoredSessionMessage] = []
    for each in messages[:MAX_COPIED_MESSAGES]:
        size += len(each.content) + len(_dump(each.exchange))
        if kept and size > MAX_COPIED_CHARACTERS:
            break
        kept.append(each)
    return kept


def _dump(value: Any) -> str:
    return "" if value is None else json.dumps(value)
