"""Agents and the queue, for operators only."""

from datetime import timedelta
from typing import Final

from fastapi import APIRouter
from pydantic import BaseModel

from gateway.dependencies import AdminOnly, ServicesDep
from protocol.records import AgentRecord, AgentState, QueueRow

router = APIRouter(tags=["fleet"])

GONE_AFTER: Final = timedelta(hours=1)
"""Agents that were silent for longer are not listed."""


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
