"""Who is alive, and what stands in the queue: for operators only."""

from datetime import timedelta
from typing import Final

from fastapi import APIRouter
from pydantic import BaseModel

from gateway.dependencies import Here, Operator
from protocol.records import AgentRecord, AgentState, QueueRow

router = APIRouter(tags=["fleet"])

GONE_AFTER: Final = timedelta(hours=1)
"""Agents that stopped longer ago are not listed."""


class SeenAgent(BaseModel):
    """An agent and whether it lives."""

    agent: AgentRecord
    state: AgentState


class Agents(BaseModel):
    """Those who are alive, and those who were within the hour; last heard of first."""

    agents: list[SeenAgent]


class Queue(BaseModel):
    """How much stands where, by lane and owner."""

    lanes: list[QueueRow]


@router.get("/agents", summary="List who is alive")
async def agents(here: Here, _asker: Operator) -> Agents:
    """List orchestrators and executors, what they serve and how busy they are."""
    seen = [
        SeenAgent(agent=each, state=each.state)
        for each in await here.store.fetch_agents()
        if each.state == "alive" or each.silence <= GONE_AFTER
    ]
    return Agents(agents=seen)


@router.get("/queue", summary="Show the queue")
async def queue(here: Here, _asker: Operator) -> Queue:
    """Give for each lane and owner what is queued, runs, waits, and is dead."""
    return Queue(lanes=await here.store.fetch_queue())
