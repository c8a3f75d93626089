"""Which models may be chosen, and by which policy."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from gateway.dependencies import AdminOnly, ServicesDep
from gateway.routes.operate.values import Reason
from gateway.strict_json import StrictRoute
from protocol.records.models import (
    ControlAction,
    Controlled,
    PolicyName,
    PolicySet,
)
from protocol.store.operator import stating

router = APIRouter(prefix="/models", tags=["operate"], route_class=StrictRoute)


class ControlRequest(BaseModel):
    """What to do with a model or provider, and for whom."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"action": "ban", "subject": "gpt-6.1-sol", "reason": "wrong answers since noon"}
            ]
        },
    )

    action: ControlAction = Field(
        description="pin: prefer it to all others; ban: never use it; drain: give it no new work "
        "unless a task names it; allow: undo these."
    )
    subject: str = Field(
        min_length=1, max_length=200, description="A model by any of its names, or a provider."
    )
    scope: Annotated[
        str, Field(max_length=300, pattern=r"^(everywhere|owner:[0-9a-fA-F-]{36}|task_type:\S+)$")
    ] = Field("everywhere", description="everywhere, owner:UUID or task_type:TYPE.")
    reason: Reason = None


class ControlAnswer(BaseModel):
    """What was set or undone; `subject` is the id that the name stands for."""

    controlled: list[Controlled]


class PolicyRequest(BaseModel):
    """The policy by which models are chosen."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"policy": "cascade"}]}
    )

    policy: PolicyName | None = Field(description="null restores the default.")
    owner: UUID | None = Field(None, description="Only for this user; null: for everyone.")
    reason: Reason = None


@router.post("/control", summary="Pin, ban, drain or allow a model")
async def control(
    services: ServicesDep, _principal: AdminOnly, body: ControlRequest
) -> ControlAnswer:
    """Change which models and providers may be chosen, at once.

    Running subtasks finish; waiting ones of a banned or drained model get another one.
    """
    done = await services.model_directory.control(
        action=body.action, name=body.subject, scope=body.scope, reason=body.reason
    )
    return ControlAnswer(controlled=done)


@router.put("/policy", summary="Set the selection policy")
async def set_policy(
    services: ServicesDep, _principal: AdminOnly, body: PolicyRequest
) -> PolicySet:
    """Set by which policy models are chosen: for everyone, or for one owner."""
    with stating(body.reason):
        return await services.store.set_policy(
            policy=None if body.policy is None else body.policy.value, owner=body.owner
        )
