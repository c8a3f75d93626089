"""Long-term memory in SQL, as clients of the REST API call it."""

# ruff: noqa: S608 -- the statements are put together from our own names.

import hashlib
from collections.abc import Sequence
from typing import Any

from tests.support.sql.agent import Row
from tests.support.sql.database import Connection, rows


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
