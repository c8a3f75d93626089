"""What the tasks of other rows ask for."""

from collections.abc import Iterable
from typing import Annotated, TypeAlias
from uuid import UUID

from pydantic import Field

from gateway.auth.principal import Principal
from gateway.dependencies import HasStore

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
