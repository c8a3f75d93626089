"""Where conversations are read: Postgres is the record, and `redis_copy` a faster copy."""

from dataclasses import dataclass
from typing import Final, Protocol, Self
from uuid import UUID

from agents.memory.conversation.tokens import approximate_tokens
from agents.memory.conversation.turns import PastConversation, build_turns
from protocol.records import SessionPage, StoredSessionMessage, TaskBrief
from protocol.store.sessions import SessionReadStore

PAGE_MESSAGES: Final = 100
PAGE_CHARACTERS: Final = 200_000
MAX_PAGES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionKey:
    """A session, and how far it was when its task was claimed."""

    owner: UUID | None
    id: UUID
    seq: int | None = None
    """The number of its row, which no other session ever has; None: unknown."""
    last_message: int | None = None
    revision: int = 0
    """Grows when a message is changed or deleted."""

    @classmethod
    def from_task(cls, task: TaskBrief) -> Self | None:
        """Return the session of a task; None if it has none."""
        if task.session_id is None:
            return None
        known = task.session
        return cls(
            owner=task.owner,
            id=task.session_id,
            seq=None if known is None else known.seq,
            last_message=None if known is None else known.last_message,
            revision=0 if known is None else known.revision,
        )

    @property
    def is_empty(self) -> bool:
        """Whether it is known that nothing was said before."""
        return self.seq is not None and self.last_message is None


class Conversations(Protocol):
    """Reads pages of conversations."""

    async def read_page(self, session: SessionKey, *, before: int | None) -> SessionPage | None:
        """Return the newest messages before a `seq`; None if there is no such session.

        Raises what `SessionReadStore` raises.
        """
        ...

    async def refresh(self, session: SessionKey) -> None:
        """Note that the session has grown. Never raises."""
        ...

    async def run(self) -> None:
        """Delete copies of sessions that were deleted, until cancelled."""
        ...


class PostgresConversations:
    """The record of conversations."""

    def __init__(self, store: SessionReadStore) -> None:
        self._store = store

    async def read_page(self, session: SessionKey, *, before: int | None) -> SessionPage | None:
        """See `Conversations.read_page`."""
        return await self._store.read_session(
            owner=session.owner,
            session_id=session.id,
            before=before,
            limit=PAGE_MESSAGES,
            characters=PAGE_CHARACTERS,
        )

    async def refresh(self, session: SessionKey) -> None:
        """See `Conversations.refresh`: there is no copy."""

    async def run(self) -> None:
        """See `Conversations.run`: there is no copy."""


async def load_conversation(
    conversations: Conversations, session: SessionKey, *, tokens: int, turns: int | None = None
) -> PastConversation:
    """Read a conversation backwards until it has `turns`, or fills `tokens`.

    What is read is bounded by these, however long the conversation is.
    """
    if session.is_empty or tokens <= 0 or turns == 0:
        return PastConversation()
    messages: list[StoredSessionMessage] = []
    summary, is_more, size = None, True, 0
    for _ in range(MAX_PAGES):
        before = messages[-1].seq if messages else None
        page = await conversations.read_page(session, before=before)
        if page is None or not page.messages:
            is_more = False
            break
        summary = summary or page.summary
        messages += page.messages
        size += sum(approximate_tokens(each.content) for each in page.messages)
        is_more = page.is_more
        answers = sum(each.role == "assistant" for each in messages)
        is_enough = turns is not None and answers > turns
        if not is_more or is_enough or size > tokens:
            break
    found = build_turns(messages[::-1])
    if turns is not None:
        # Whoever asks for the last turns gets these, and nothing of the time before.
        return PastConversation(turns=tuple(found[-turns:]))
    return PastConversation(turns=tuple(found), summary=summary, is_whole=not is_more)
