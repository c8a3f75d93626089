"""Conversations in a project without agents."""

from datetime import timedelta
from uuid import UUID, uuid4

from protocol.records import ClaimedSubtask, Completion, NewTask, SessionMessage
from protocol.transport.supabase_store import SupabaseStore


async def hold_turns(
    store: SupabaseStore, count: int, *, session_id: UUID, owner: UUID | None = None
) -> UUID:
    """Add turns to a session, as orchestrators do; return its id."""
    for number in range(1, count + 1):
        await store.submit_task(NewTask(prompt=f"q{number}", owner=owner, session_id=session_id))
        claims = await store.claim_subtasks(
            agent_id="o", lanes=["cio"], limit=1, lease=timedelta(minutes=1), request_id=uuid4()
        )
        [lease] = [each for each in claims if isinstance(each, ClaimedSubtask)]
        messages = [
            SessionMessage(role="user", content=f"q{number}"),
            SessionMessage(role="assistant", content=f"a{number}"),
        ]
        [answer] = await store.complete_subtasks(
            agent_id="o",
            items=[Completion(ref=lease.ref, output={"text": "x"}, messages=messages)],
        )
        assert answer.answer == "ok", answer
    return session_id
