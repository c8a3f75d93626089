"""What the database says of conversations."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from protocol.records import SessionMessage, SessionPage, SessionSummary, StoredSessionMessage


@dataclass(kw_only=True)
class FakeSessions:
    """Has one session, whoever asks."""

    memory: list[SessionMessage] = field(default_factory=list)
    """Its messages, the oldest first, numbered from 1."""
    summary: SessionSummary | None = None
    revision: int = 0
    pages: list[tuple[int | None, int | None]] = field(default_factory=list)
    """What was read: before and after."""
    forgotten: list[int] = field(default_factory=list)

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
        await self._obey("read_session")
        self.pages.append((before, after))
        last = len(self.memory)
        newest = min(before - 1 if before else last, last)
        oldest = max(newest - limit, after or 0)
        return SessionPage(
            seq=1,
            last_message=last or None,
            revision=self.revision,
            summary=self.summary,
            messages=[
                StoredSessionMessage(seq=seq, **self.memory[seq - 1].model_dump())
                for seq in range(newest, oldest, -1)
            ],
            is_more=oldest > (after or 0),
        )

    async def fetch_forgotten_sessions(self, *, within: timedelta) -> list[int]:
        await self._obey("fetch_forgotten_sessions")
        return list(self.forgotten)

    async def _obey(self, method: str) -> None:
        """Do what the test says of a method."""
