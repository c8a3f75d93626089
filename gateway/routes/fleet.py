"""Agents with their tools, and the queue."""

from datetime import timedelta
from typing import Final

from fastapi import APIRouter
from pydantic import BaseModel, Field

from gateway.dependencies import AdminOnly, ServicesDep, TasksRead
from protocol.records import AgentRecord, AgentState, QueueRow, list_offered_tools
from protocol.tool_names import WEB_SEARCH, ToolSourceName, get_tool_source, is_tool_granted

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


class ListedTool(BaseModel):
    """A tool that models may call."""

    name: str = Field(description="As in `params.tools` and `cogo_tools`.")
    source: ToolSourceName
    granted: bool = Field(description="Whether your tasks may use it.")


class Tools(BaseModel):
    """The tools that running executors offer, and the web search of vendors, by name."""

    tools: list[ListedTool]


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


@router.get("/tools", summary="List tools")
async def tools(services: ServicesDep, principal: TasksRead) -> Tools:
    """List the tools that models may call in tasks now, and which of them are granted to you."""
    offered = list_offered_tools(await services.store.fetch_agents())
    granted = next(
        (
            each.tools
            for each in await services.store.fetch_grants()
            if each.owner == principal.owner
        ),
        None,
    )
    listed = [
        ListedTool(name=name, source=get_tool_source(name), granted=is_tool_granted(name, granted))
        for name in [*offered, WEB_SEARCH]
    ]
    return Tools(tools=listed)


@router.get("/queue", summary="Show the queue")
async def queue(services: ServicesDep, _principal: AdminOnly) -> Queue:
    """Return the numbers of queued, running, waiting and dead subtasks by lane and owner."""
    return Queue(lanes=await services.store.fetch_queue())
