"""`cogo agents`: who is alive, and what they can do."""

import asyncio
from datetime import datetime, timedelta
from typing import Final

from cogo.cli.options import AsJson, Dir
from cogo.cli.output import print_json, print_line, print_table
from cogo.project import Project
from cogo.wiring import open_client
from protocol.ids import utc_now
from protocol.records import AgentRecord

EXAMPLES: Final = ("cogo agents", "cogo agents --json")


def agents(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """List the agents: who is alive, how busy, and which models they serve."""
    found = asyncio.run(_agents(Project.find(directory)))
    if as_json:
        print_json([agent.model_dump(mode="json") for agent in found])
    elif not found:
        print_line("no agents have been seen; start some with: cogo up")
    else:
        print_table(
            ("AGENT", "KIND", "STATE", "BUSY", "SEEN", "LANES"),
            [_row(agent, utc_now()) for agent in found],
        )


async def _agents(project: Project) -> list[AgentRecord]:
    async with open_client(project) as client:
        return await client.store.fetch_agents()


def _row(agent: AgentRecord, now: datetime) -> tuple[str, ...]:
    silence = agent.silence(now)
    return (
        agent.id,
        agent.kind,
        agent.state(now),
        f"{agent.running}/{agent.capacity}",
        "never" if silence == timedelta.max else f"{silence.total_seconds():.0f} s ago",
        str(len(agent.lanes)) if len(agent.lanes) > 3 else ", ".join(agent.lanes),
    )
