"""Long-term memory in SQL, as clients of the REST API call it."""

# ruff: noqa: S608 -- the statements are put together from our own names.

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.sql.agent import Agent, Row
from tests.support.sql.database import Connection, rows
from tests.support.sql.waits import finish


async def call(who: Connection, function: str, **arguments: Any) -> list[Row]:
    """Call a function with keywords; return its rows."""
    given = ", ".join(f"p_{name} => ${place}" for place, name in enumerate(arguments, 1))
    return rows(
        await who.fetch(f"select * from public.cogo_{function}({given})", *arguments.values())
    )


async def remember(who: Connection, owner: object, *facts: str, **more: Any) -> list[Row]:
    """Remember facts of an owner."""
    given = [{"content": fact} | more for fact in facts]
    return await call(who, "remember", owner=owner, facts=given)


async def add_document(
    who: Connection, owner: object, source: str, chunks: Sequence[str], **more: Any
) -> Row:
    """Add a document of these chunks; its hash is theirs unless one is given."""
    given: Row = {
        "title": source,
        "sha256": hashlib.sha256("\n".join(chunks).encode()).hexdigest(),
        "chunks": [{"content": chunk} for chunk in chunks],
    }
    [answer] = await call(who, "add_document", owner=owner, source=source, **given | more)
    return answer


async def search(who: Connection, owner: object, query: str, **more: Any) -> list[Row]:
    """Search the memory of an owner."""
    return await call(who, "search_memory", owner=owner, query=query, **more)


async def find(who: Connection, owner: object, query: str, **more: Any) -> list[str]:
    """Search the memory of an owner; return only the texts."""
    return [hit["content"] for hit in await search(who, owner, query, **more)]


async def run_memory(who: Connection, model: str | None = None, **more: Any) -> Row:
    """Let memory take results and ask for more, as orchestrators do."""
    [answer] = await call(
        who, "run_memory", agent_id="orchestrator-1", embedding_model=model, **more
    )
    return answer


async def open_follow_ups(who: Connection) -> list[Row]:
    """Return the open tasks that memory has asked for."""
    return rows(
        await who.fetch(
            "select * from public.cogo_tasks where follow_up is not null and finished_at is null"
            " order by seq"
        )
    )


async def embed(agent: Agent, vectors: Mapping[str, object]) -> None:
    """Finish all open tasks of memory that embed, with the vector of each text."""
    for task in await open_follow_ups(agent.connection):
        found = [vectors.get(text) for text in task["params"]["input"]]
        await finish(agent, task["id"], embeddings=found)


async def has_pgvector(who: Connection) -> bool:
    """Return whether vectors can be compared here."""
    return bool(await who.fetchval("select cogo.find_vector_types() is not null"))
