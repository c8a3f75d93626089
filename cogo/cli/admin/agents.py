"""`cogo agents`: who is alive, and what they can do."""

import asyncio
from datetime import timedelta
from typing import Final

from cogo.cli.options import AsJson, Dir
from cogo.config.context import Project
from cogo.terminal import print_json, print_table, print_text
from cogo.watch.format import marked
from cogo.wiring.stores import open_client
from protocol.records import AgentRecord

EXAMPLES: Final = ("cogo agents", "cogo agents --json")


def agents(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """List the agents: who is alive, how busy, and which models they serve."""
    found = asyncio.run(_agents(Project.find(directory)))
    if as_json:
        print_json([agent.model_dump(mode="json") for agent in found])
    elif not found:
        print_text("no agents have been seen; `cogo up` starts some")
    else:
        print_table(
            ("AGENT", "KIND", "STATE", "BUSY", "SEEN", "LANES"),
            [_row(agent) for agent in found],
            drop=("KIND", "BUSY"),
        )


async def _agents(project: Project) -> list[AgentRecord]:
    async with open_client(project) as client:
        return await client.store.fetch_agents()


def _row(agent: AgentRecord) -> tuple[str, ...]:
    silence = agent.silence
    return (
        agent.id,
        agent.kind,
        agent.state,
        f"{agent.running}/{agent.capacity}",
        "never" if silence == timedelta.max else f"{silence.total_seconds():.0f} s ago",
        marked(
            f"{len(agent.lanes)} models" if len(agent.lanes) > 3 else ", ".join(agent.lanes),
            simulated=bool(agent.details.get("simulated")),
        )
        if agent.lanes
        else "-",
    )
