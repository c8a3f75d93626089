"""`cogo agents`: the agents that are alive, and the models they serve."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from cogo.cli.listing import print_rows
from cogo.cli.options import AsJson, Dir
from cogo.cli.session import run_with_store
from cogo.terminal import print_text
from cogo.watch.format import mark_simulated
from protocol.lanes import is_model_lane
from protocol.records import AgentRecord


def list_agents(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """List agents and the models they serve.

    Also shows their state, how busy they are, when they last reported, and which modules and MCP
    servers they cannot use.

    Examples:
        cogo agents
        cogo agents --json
    """
    agents = run_with_store(directory, lambda store: store.fetch_agents())
    print_rows(
        agents,
        ("AGENT", "KIND", "STATE", "BUSY", "SEEN", "LANES"),
        _cells,
        as_json=as_json,
        empty="no agents; `cogo up` starts some",
        drop=("KIND", "BUSY"),
    )
    if not as_json:
        for line in describe_problems(agents):
            print_text(line)


def describe_problems(agents: Sequence[AgentRecord]) -> list[str]:
    """Return what tools agents that are alive cannot use, each once."""
    holders: dict[str, list[str]] = {}
    for agent in agents:
        stated = agent.details.get("tool_problems")
        for name, problem in stated.items() if isinstance(stated, dict) else ():
            if agent.serves:
                holders.setdefault(f"{name}: {problem}", []).append(agent.id)
    return [f"{', '.join(names)} cannot use {text}" for text, names in holders.items()]


def _cells(agent: AgentRecord) -> tuple[str, ...]:
    silence = agent.silence
    models = [lane for lane in agent.lanes if is_model_lane(lane)]
    groups = Counter(lane.partition("/")[0] for lane in agent.lanes if not is_model_lane(lane))
    others = [f"{name} ({count})" if count > 1 else name for name, count in groups.items()]
    lanes = ", ".join([f"{len(models)} models"] if len(models) > 3 else models)
    lanes = ", ".join([*([lanes] if lanes else []), *others])
    return (
        agent.id,
        agent.kind,
        agent.state,
        f"{agent.running}/{agent.capacity}",
        "never" if silence == timedelta.max else f"{silence.total_seconds():.0f} s ago",
        mark_simulated(lanes, simulated=bool(agent.details.get("simulated"))) if lanes else "-",
    )
