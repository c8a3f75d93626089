"""`cogo agents`: the agents that are alive, and the models they serve."""

from datetime import timedelta

from cogo.cli.listing import print_rows
from cogo.cli.options import AsJson, Dir
from cogo.cli.session import run_with_store
from cogo.watch.format import mark_simulated
from protocol.lanes import is_model_lane
from protocol.records import AgentRecord


def list_agents(*, directory: Dir = None, as_json: AsJson = False) -> None:
    """List agents and the models they serve.

    Also shows their state, how busy they are and when they last reported.

    Examples:
        cogo agents
        cogo agents --json
    """
    print_rows(
        run_with_store(directory, lambda store: store.fetch_agents()),
        ("AGENT", "KIND", "STATE", "BUSY", "SEEN", "LANES"),
        _cells,
        as_json=as_json,
        empty="no agents; `cogo up` starts some",
        drop=("KIND", "BUSY"),
    )


def _cells(agent: AgentRecord) -> tuple[str, ...]:
    silence = agent.silence
    models = [lane for lane in agent.lanes if is_model_lane(lane)]
    others = [lane for lane in agent.lanes if not is_model_lane(lane)]
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
