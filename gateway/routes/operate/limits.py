"""Pauses and limits of lanes and owners."""

from typing import Final, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from gateway.dependencies import AdminOnly, ServicesDep
from gateway.problems import Problem
from gateway.routes.operate.values import Because, LanePath, OwnerPath, Reason
from gateway.strict_json import StrictRoute
from protocol.records import Limits
from protocol.store.operator import stating

router = APIRouter(tags=["operate"], route_class=StrictRoute)

_MOST: Final = 2**31 - 1
_REMOVED: Final = -1
"""The value with which the database removes a limit."""


class LimitRequest(BaseModel):
    """Limits over all agents together. What is absent stays as it is; null removes a limit."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"max_running": 8, "per_minute": None}]},
    )

    max_running: int | None = Field(None, ge=0, le=_MOST, description="Running at once.")
    per_minute: int | None = Field(None, ge=1, le=_MOST, description="Started per minute.")
    reason: Reason = None

    def read_changes(self) -> tuple[int | None, int | None]:
        """Return `max_running` and `per_minute` as the store takes them.

        Raise Problem if nothing changes.
        """
        given = self.model_dump(include={"max_running", "per_minute"}, exclude_unset=True)
        if not given:
            raise Problem(
                400,
                "invalid_request",
                "nothing to change: send max_running, per_minute or both",
                hint="null removes a limit",
            )
        set_to = {name: _REMOVED if value is None else value for name, value in given.items()}
        return set_to.get("max_running"), set_to.get("per_minute")


@router.post("/lanes/{lane:path}/{action}", summary="Pause or resume a lane")
async def switch_lane(
    lane: LanePath,
    action: Literal["pause", "resume"],
    services: ServicesDep,
    _principal: AdminOnly,
    body: Because | None = None,
) -> Limits:
    """Pause a lane: what runs in it ends, and nothing else starts. Or resume it."""
    with stating(body.reason if body else None):
        return await services.store.set_lane(lane=lane, paused=action == "pause")


@router.put("/lanes/{lane:path}/limit", summary="Limit a lane")
async def limit_lane(
    lane: LanePath, services: ServicesDep, _principal: AdminOnly, body: LimitRequest
) -> Limits:
    """Limit how much of a lane runs at once or starts per minute."""
    running, rate = body.read_changes()
    with stating(body.reason):
        return await services.store.set_lane(lane=lane, max_running=running, per_minute=rate)


@router.post("/owners/{owner}/{action}", summary="Pause or resume an owner")
async def switch_owner(
    owner: OwnerPath,
    action: Literal["pause", "resume"],
    services: ServicesDep,
    _principal: AdminOnly,
    body: Because | None = None,
) -> Limits:
    """Pause the tasks of an owner: what runs ends, and nothing else starts. Or resume them."""
    with stating(body.reason if body else None):
        return await services.store.set_owner(owner=owner, paused=action == "pause")


@router.put("/owners/{owner}/limit", summary="Limit an owner")
async def limit_owner(
    owner: OwnerPath, services: ServicesDep, _principal: AdminOnly, body: LimitRequest
) -> Limits:
    """Limit how much of an owner runs at once or starts per minute, in all lanes together."""
    running, rate = body.read_changes()
    with stating(body.reason):
        return await services.store.set_owner(owner=owner, max_running=running, per_minute=rate)
