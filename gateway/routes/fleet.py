"""Agents, the queue and budgets."""

from datetime import timedelta
from typing import Final

from fastapi import APIRouter
from pydantic import BaseModel

from gateway.auth.principal import Principal
from gateway.dependencies import AdminOnly, ServicesDep, TasksRead
from protocol.records import AgentRecord, AgentState, Budget, QueueRow

router = APIRouter(tags=["fleet"])

GONE_AFTER: Final = timedelta(hours=1)
"""Agents that have been silent for longer are not listed."""


class ListedAgent(BaseModel):
    """An agent and its state."""

    agent: AgentRecord
    state: AgentState


class Agents(BaseModel):
    """Agents that are alive or were within the hour; the latest heartbeat first."""

    agents: list[ListedAgent]


class Queue(BaseModel):
    """Numbers of subtasks by lane and owner."""

    lanes: list[QueueRow]


@router.get("/agents", summary="List agents")
async def agents(services: ServicesDep, _principal: AdminOnly) -> Agents:
    """List orchestrators and executors, what they serve and how busy they are."""
    listed = [
        ListedAgent(agent=each, state=each.state)
        for each in await services.store.fetch_agents()
        if each.state == "alive" or each.silence <= GONE_AFTER
    ]
    return Agents(agents=listed)


@router.get("/queue", summary="Show the queue")
async def queue(services: ServicesDep, _principal: AdminOnly) -> Queue:
    """Return the numbers of queued, running, waiting and dead subtasks by lane and owner."""
    return Queue(lanes=await services.store.fetch_queue())


class Budgets(BaseModel):
    """Budgets in their current periods."""

    budgets: list[Budget]


@router.get("/budgets", summary="Show budgets")
async def budgets(services: ServicesDep, principal: TasksRead) -> Budgets:
    """Return your own budgets; with the scope `admin`, all that operators set."""
    found = await services.store.fetch_budgets()
    if principal.is_admin:
        return Budgets(budgets=[each for each in found if not each.is_personal_default])
    return Budgets(budgets=_select_budgets(principal, found))


def _select_budgets(principal: Principal, budgets: list[Budget]) -> list[Budget]:
    """Select the budgets of a caller: their own, else the default, of which nothing is spent."""
    if principal.owner is None:
        return []
    owners = [each for each in budgets if each.scope == "owner"]
    own = [each for each in owners if each.key == str(principal.owner)]
    return own or [each for each in owners if each.is_template]
