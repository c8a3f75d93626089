"""Tasks on behalf of somebody: asked for, found again, and nobody else's."""

from uuid import UUID

from gateway.auth.principal import Principal
from gateway.dependencies import Parts
from protocol.errors import NotFound
from protocol.records import NewTask, Task


async def submitted(parts: Parts, principal: Principal, new: NewTask) -> Task:
    """Insert a task whose owner is the principal's."""
    return await parts.store.submit_task(new.model_copy(update={"owner": principal.owner}))


async def visible(parts: Parts, principal: Principal, task_id: UUID) -> Task:
    """Read a task. Raises NotFound, also when it is somebody else's."""
    task = await parts.store.fetch_task(task_id=task_id)
    if not principal.sees(task.owner):
        raise NotFound(f"there is no task {task_id}, or it is not yours")
    return task
