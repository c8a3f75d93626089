"""Projects: what they spend, and who sees their tasks."""

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from gateway.dependencies import AdminOnly, ServicesDep, TasksRead
from gateway.routes.operate.values import Reason
from gateway.strict_json import StrictRoute
from protocol.records import Budget, Member, ProjectRole
from protocol.store.operator import stating

router = APIRouter(prefix="/projects", tags=["projects"], route_class=StrictRoute)

_EXAMPLE: JsonDict = {
    "project": "website",
    "user_id": "8f14e45f-ceea-467f-a9f5-5c0d7e0a1b2c",
    "role": "viewer",
}


class ShownProject(BaseModel):
    """A project as the caller sees it."""

    name: str
    spent_usd: Decimal = Field(description="In this month (UTC).")
    open_tasks: int
    can_edit: bool = Field(description="Whether you may cancel, retry and answer its tasks.")
    members: list[Member]
    caps: list[Budget]


class Projects(BaseModel):
    """Projects by name."""

    projects: list[ShownProject]


class MemberRequest(BaseModel):
    """A user who becomes a member, or gets another role."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    project: str = Field(min_length=1, max_length=100)
    user_id: UUID
    role: ProjectRole = "viewer"
    reason: Reason = None


class RemovedMember(BaseModel):
    """Whether there was such a member."""

    removed: bool


@router.get("", summary="List projects")
async def list_projects(services: ServicesDep, principal: TasksRead) -> Projects:
    """List the projects of which you are a member; with the scope `admin`, all of them."""
    store = services.store
    names = None if principal.is_admin else sorted(principal.read_projects)
    found = [] if names == [] else await store.fetch_projects(names=names)
    caps = (
        [each for each in await store.fetch_budgets() if each.scope == "project"] if found else []
    )
    return Projects(
        projects=[
            ShownProject(
                **each.model_dump(),
                can_edit=principal.is_admin or each.name in principal.edited_projects,
                caps=[cap for cap in caps if cap.key == each.name],
            )
            for each in found
        ]
    )


@router.put("/members", summary="Add a member")
async def set_member(services: ServicesDep, _principal: AdminOnly, body: MemberRequest) -> Member:
    """Add a member of a project, or change their role: a viewer reads, an editor also changes.

    A project with members takes tasks of users only from its editors.
    """
    with stating(body.reason):
        return await services.store.set_member(
            project=body.project, user_id=body.user_id, role=body.role
        )


@router.delete("/members", summary="Remove a member")
async def remove_member(
    services: ServicesDep,
    _principal: AdminOnly,
    project: Annotated[str, Query(min_length=1, max_length=100)],
    user_id: UUID,
    reason: Annotated[Reason, Query()] = None,
) -> RemovedMember:
    """Remove a member. Gateways notice within ten seconds."""
    with stating(reason):
        removed = await services.store.remove_member(project=project, user_id=user_id)
    return RemovedMember(removed=removed)
