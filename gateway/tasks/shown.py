"""What other rows show of tasks: the prompts, and the params of steps."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Final, TypeAlias
from uuid import UUID

from pydantic import Field

from gateway.auth.principal import Principal
from gateway.dependencies import HasStore

_DATA_URL: Final = re.compile(r"data:[\w.+-]+/[\w.+-]+(;[\w.+=-]+)*,", re.IGNORECASE)
_MOST: Final = 200
Prompts: TypeAlias = Annotated[
    dict[UUID, str],
    Field(description="The beginnings of the prompts of those tasks, by id, if you may see them."),
]


async def load_prompts(
    services: HasStore, principal: Principal, task_ids: Iterable[UUID]
) -> dict[UUID, str]:
    """Return the beginnings of the prompts of tasks that the principal may see."""
    wanted = list(dict.fromkeys(task_ids))
    found = await services.store.fetch_lines_by_id(task_ids=wanted)
    return {each.id: each.prompt for each in found if principal.sees(each)}


def cut_data_urls(value: Any) -> Any:
    """Return JSON with the content of each long data URL replaced by its size.

    Each step of a task repeats the files that it was given; the task itself has them in full.
    """
    if isinstance(value, dict):
        return {name: cut_data_urls(each) for name, each in value.items()}
    if isinstance(value, list):
        return [cut_data_urls(each) for each in value]
    if not isinstance(value, str) or len(value) <= _MOST:
        return value
    found = _DATA_URL.match(value)
    if found is None:
        return value
    is_base64 = found[0].lower().endswith(";base64,")
    body = len(value.rstrip("=") if is_base64 else value) - found.end()
    return f"{found[0]}... ({body * 3 // 4 if is_base64 else body} bytes)"
