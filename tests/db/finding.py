"""Lists of tasks, as cogo_find_tasks() gives them."""

from typing import Any

from tests.support.sql.database import Connection


async def find(
    who: Connection, limit: int = 50, before: int | None = None, **filters: Any
) -> list[str]:
    """Return the prompts of a page."""
    page = await read_page(who, limit, before, **filters)
    return [task["prompt"] for task in page["tasks"]]


async def read_page(
    who: Connection, limit: int = 50, before: int | None = None, **filters: Any
) -> dict[str, Any]:
    page: dict[str, Any] = await who.fetchval(
        "select public.cogo_find_tasks($1, $2, $3)", filters, limit, before
    )
    return page


async def count(who: Connection, **filters: Any) -> tuple[int, bool]:
    [row] = await who.fetch("select * from public.cogo_count_tasks($1)", filters)
    return row["count"], row["is_more"]
