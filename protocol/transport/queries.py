"""Queries of tables and views over the official client: filters, order, pages."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel

from protocol.json_values import JsonObject
from protocol.records import Visibility
from protocol.transport.rpc_client import (
    PAGE,
    parse_rows,
    read_all_pages,
    require_json,
    send_with_retries,
)

_R = TypeVar("_R", bound=BaseModel)


def filter_by_owner(query: Any, owner: UUID | None, *, every_owner: bool = False) -> Any:
    """Narrow a query to the rows of an owner; None: to those without one."""
    if every_owner:
        return query
    return query.is_("owner", "null") if owner is None else query.eq("owner", str(owner))


def filter_by_visibility(query: Any, visible: Visibility) -> Any:
    """Narrow a query to rows with `owner` and `project` that somebody may see."""
    if visible.only_project is not None:
        query = query.eq("project", visible.only_project)
    conditions = list_visible(visible)
    return query.or_(",".join(conditions)) if conditions else query


def list_visible(visible: Visibility) -> list[str]:
    """Return the conditions of which one makes a row visible; none if all rows are."""
    if visible.every_owner:
        return []
    owned = "owner.is.null" if visible.owner is None else f"owner.eq.{visible.owner}"
    names = ",".join(map(_quote, sorted(visible.projects)))
    return [owned, f"project.in.({names})"] if names else [owned]


def write_visibility(visible: Visibility) -> JsonObject:
    """Return a visibility as RPCs take it."""
    return {
        "owner": None if visible.owner is None else str(visible.owner),
        "every_owner": visible.every_owner,
        "projects": sorted(visible.projects),
        "only_project": visible.only_project,
    }


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def order_newest_first(query: Any, columns: Sequence[str], last: BaseModel | None) -> Any:
    """Order a query by columns that together are unique, and start after the row `last`."""
    if last is not None:
        facts = {name: getattr(last, name) for name in columns}
        values = {
            name: each.isoformat() if isinstance(each, datetime) else each
            for name, each in facts.items()
        }
        clauses = []
        for place, column in enumerate(columns):
            parts = [f'{name}.eq."{values[name]}"' for name in columns[:place]]
            parts.append(f'{column}.lt."{values[column]}"')
            clauses.append(f"and({','.join(parts)})")
        query = query.or_(",".join(clauses))
    for column in columns:
        query = query.order(column, desc=True)
    return query


async def read_pages(row: type[_R], query: Callable[[], Any]) -> list[_R]:
    """Read all rows of an ordered query, page by page. Rows may be appended meanwhile."""
    return await read_all_pages(
        lambda start: read_query(row, query().range(start, start + PAGE - 1))
    )


async def read_query(row: type[_R], query: Any) -> list[_R]:
    """Send a query of the official client and parse its rows."""
    call = f"reading {row.__name__}"

    async def send() -> Any:
        # The client's own retries would multiply those of `send_with_retries`.
        return require_json((await query.retry(enabled=False).execute()).data, call=call)

    return parse_rows(row, await send_with_retries(send, call=call))
