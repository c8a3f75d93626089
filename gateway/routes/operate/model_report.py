"""Served models with all that is known of them, and how they perform."""

from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from gateway.dependencies import AdminOnly, ModelsRead, ServicesDep
from gateway.models import ModelDetails
from protocol.ids import utc_now
from protocol.records.models import ControlRow, DeploymentRow, ModelReport, ModelSwitch

router = APIRouter(prefix="/models", tags=["models"])

AGENT_ID: Final = "gateway"
SWITCHES: Final = 20


class Models(BaseModel):
    """The models that running executors serve."""

    models: list[ModelDetails]


class Operations(BaseModel):
    """How models perform, and what operators have decided about them."""

    report: list[ModelReport] = Field(description="Of the last `hours`.")
    controls: list[ControlRow]
    policies: dict[UUID, str] = Field(description="By owner; the nil UUID is the deployment.")
    default_policy: str = Field(description="Of the deployment, if none was set.")
    deployments: list[DeploymentRow]
    switches: list[ModelSwitch] = Field(description="The latest changes of what may be chosen.")


@router.get("", summary="List the served models with all that is known")
async def list_models(services: ServicesDep, _principal: ModelsRead) -> Models:
    """List models of all kinds with prices, limits, abilities, and who serves them.

    A fact that is not known is null.
    """
    return Models(models=await services.model_directory.details())


@router.get("/operations", summary="Show how models perform")
async def show_operations(
    services: ServicesDep,
    _principal: AdminOnly,
    hours: Annotated[int, Query(ge=1, le=24 * 366, description="Which attempts count.")] = 24,
) -> Operations:
    """Return the health, speed, cost and ratings of models, with controls and policies."""
    known = await services.store.model_knowledge(agent_id=AGENT_ID)
    return Operations(
        report=await services.store.model_report(since=utc_now() - timedelta(hours=hours)),
        controls=known.controls,
        policies=known.policies,
        default_policy=services.model_directory.default_policy,
        deployments=await services.store.fetch_deployments(),
        switches=await services.store.fetch_switches(limit=SWITCHES),
    )
