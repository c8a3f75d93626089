"""Who is alive, and what stands in the queue: for operators only."""

from datetime import timedelta
from typing import Final, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from gateway.parts import Here, Operator
from protocol.ids import utc_now
from protocol.records import AgentRecord, QueueRow

router = APIRouter(tags=["fleet"])

SILENT_AFTER: Final = timedelta(seconds=30)
GONE_AFTER: Final = timedelta(hours=1)
"""Agents that stopped longer ago are not listed."""


class SeenAgent(BaseModel):
    """An agent and whether it lives."""

    agent: AgentRecord
    state: Literal["alive", "silent", "stopped"]


class Agents(BaseModel):
    """Those who are alive, and those who were within the hour; last heard of first."""

    agents: list[SeenAgent]


class Queue(BaseModel):
    """How much stands where, by lane and owner."""

    lanes: list[QueueRow]


@router.get("/agents", summary="List who is alive")
async def agents(here: Here, _asker: Operator) -> Agents:
    """List orchestrators and executors, what they serve and how busy they are."""
    found = [
        SeenAgent(agent=each, state=state_of(each)) for each in await here.office.fetch_agents()
    ]
    return Agents(agents=[each for each in found if not _is_gone(each)])


@router.get("/queue", summary="Show the queue")
async def queue(here: Here, _asker: Operator) -> Queue:
    """Give for each lane and owner what is queued, runs, waits, and is dead."""
    return Queue(lanes=await here.office.fetch_queue())


def state_of(agent: AgentRecord) -> Literal["alive", "silent", "stopped"]:
    """Judge an agent by its heartbeat."""
    if agent.stopped_at is not None:
        return "stopped"
    return "alive" if _silence(agent) < SILENT_AFTER else "silent"


def _is_gone(seen: SeenAgent) -> bool:
    return seen.state != "alive" and _silence(seen.agent) > GONE_AFTER


def _silence(agent: AgentRecord) -> timedelta:
    return utc_now() - agent.heartbeat_at if agent.heartbeat_at else timedelta.max
