"""What `cogo agents` says beside its table."""

from agents.runtime.agent import build_agent_record
from agents.runtime.options import AgentIdentity, RuntimeOptions
from cogo.cli.admin.agents import describe_problems
from protocol.records import AgentRecord


def an_executor(name: str, problems: dict[str, str], *, silence: int = 0) -> AgentRecord:
    identity = AgentIdentity(id=name, kind="executor", host="h", pid=1, version="0")
    options = RuntimeOptions(list_tool_problems=lambda: problems)
    record = build_agent_record(identity, options)
    return record.model_copy(update={"silent_ms": silence})


def test_tools_that_agents_cannot_use_are_named_once_with_the_reason() -> None:
    agents = [
        an_executor("e-1", {"shop": "line 3: invalid syntax", "docs": "exit code 1"}),
        an_executor("e-2", {"docs": "exit code 1"}),
        an_executor("e-3", {"old": "of an agent that has gone"}, silence=3_600_000),
        an_executor("e-4", {}),
        an_executor("e-5", {}).model_copy(update={"details": {"tool_problems": "nonsense"}}),
    ]

    assert describe_problems(agents) == [
        "e-1, e-2 cannot use docs: exit code 1",
        "e-1 cannot use shop: line 3: invalid syntax",
    ]


def test_a_heartbeat_carries_no_flood_of_problems() -> None:
    flood = {f"tool{n:03}": "x" * 10_000 for n in range(500)}

    [first, *rest] = an_executor("e", flood).details["tool_problems"].items()

    assert (first[0], len(first[1]), len(rest)) == ("tool000", 300, 19)
