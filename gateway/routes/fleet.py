"""Agents with their tools, the queue and budgets."""

from datetime import timedelta
from typing import Final

from fastapi import APIRouter
from pydantic import BaseModel, Field

from gateway.auth.principal import Principal
from gateway.dependencies import AdminOnly, ServicesDep, TasksRead
from protocol.records import AgentRecord, AgentState, Budget, QueueRow, list_offered_tools
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
