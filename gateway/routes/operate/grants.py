"""Which models and tools owners may use, and whose priorities count among all."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from gateway.dependencies import AdminOnly, ServicesDep
from gateway.problems import Problem
from gateway.routes.operate.values import OwnerPath, Reason
from gateway.strict_json import StrictRoute
from protocol.records import Grants
from protocol.store.operator import stating

router = APIRouter(prefix="/grants", tags=["operate"], route_class=StrictRoute)

Names = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=1_000)
]


class GrantsRequest(BaseModel):
    """What an owner may use. What is absent or null stays; models and providers change together."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"models": ["claude-sonnet"], "tools": ["mcp:docs/*"]}]},
    )

    models: Names | None = Field(
        None, description="Models by any of their names; with `providers` empty: all models."
    )
    providers: Names | None = Field(None, description="All models of these providers.")
    priority: int | None = Field(
        None, ge=-1, le=9, description="The highest that counts among owners; -1 removes it."
    )
    tools: Names | None = Field(
        None, description="Full names, `SOURCE/*`, or `none` alone; empty: all tools."
    )
    reason: Reason = None


class GrantList(BaseModel):
    """The grants of owners. Who is not listed may use everything, at equal priority."""

    grants: list[Grants]


@router.get("", summary="List grants")
async def list_grants(services: ServicesDep, _principal: AdminOnly) -> GrantList:
    """List what owners may use."""
    return GrantList(grants=await services.store.fetch_grants())


@router.put("/{owner}", summary="Restrict or prioritise an owner")
async def set_grants(
    owner: OwnerPath, services: ServicesDep, _principal: AdminOnly, body: GrantsRequest
) -> Grants:
    """Restrict an owner to models, providers and tools, which replace earlier ones."""
    given = body.model_dump(exclude={"reason"}, exclude_none=True)
    if not given:
        raise Problem(
            400,
            "invalid_request",
            "nothing is granted: send models, providers, tools or priority",
            hint="DELETE removes all grants of an owner",
        )
    with stating(body.reason):
        return await services.model_directory.grant(
            owner=owner,
            models=body.models,
            providers=body.providers,
            priority=body.priority,
            tools=body.tools,
        )


@router.delete("/{owner}", summary="Remove the grants of an owner")
async def remove_grants(
    owner: OwnerPath,
    services: ServicesDep,
    _principal: AdminOnly,
    reason: Annotated[Reason, Query()] = None,
) -> Grants:
    """Remove the grants of an owner, who may then use every model and tool."""
    with stating(reason):
        return await services.store.set_grants(owner=owner, priority=-1, tools=[])
