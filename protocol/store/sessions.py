"""Sessions: the conversations that tasks share."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

from protocol.records import ForgottenSessions, SessionPage, SessionRow


class SessionReadStore(Protocol):
    """Reads conversations. Owner None: those of nobody. Raises what QueueStore raises."""

    async def read_session(
        self,
        *,
        owner: UUID | None,
        session_id: UUID,
        before: int | None = None,
        after: int | None = None,
        limit: int = 100,
        characters: int = 200_000,
    ) -> SessionPage | None:
        """Read a page of the messages of a session, newest first; None if there is no such session.

        Those between two `seq`, at most `limit`, and not more than `characters` after the first.
        """
        ...

    async def fetch_forgotten_sessions(self, *, within: timedelta) -> list[int]:
        """Read the `seq` of the sessions that were deleted lately; it is never that of another."""
        ...


class SessionStore(SessionReadStore, Protocol):
    """Lists, copies and deletes sessions."""

    async def fetch_sessions(
        self,
        *,
        limit: int,
        owner: UUID | None = None,
        every_owner: bool = False,
        before: int | None = None,
    ) -> list[SessionRow]:
        """Read sessions, newest first; `before` is the `seq` of the last one of a page."""
        ...

    async def find_sessions(
        self, *, first: UUID, last: UUID, limit: int, every_owner: bool, owner: UUID | None = None
    ) -> list[SessionRow]:
        """Read the sessions whose ids are in a range, ends included."""
        ...

    async def fork_session(
        self,
        *,
        owner: UUID | None,
        session_id: UUID,
        through: int | None = None,
        new_id: UUID | None = None,
    ) -> UUID:
        """Copy a session up to the turn with a message. Raise NotFound, MoveNotAllowed."""
        ...

    async def forget_sessions(
        self,
        *,
        owner: UUID | None = None,
        every_owner: bool = False,
        ids: Sequence[UUID] | None = None,
        before: datetime | Literal["infinity"] | None = None,
        dry_run: bool = False,
    ) -> ForgottenSessions:
        """Delete sessions with messages and summaries: those that match every given argument."""
        ...
