import re
from datetime import timedelta
from uuid import uuid4

import pytest

from protocol.messages import PAYLOADS, Envelope, MessageType, read_payload
from tests.support.sql.agent import ERROR, Agent, Row, insert_task, plan_task, step
from tests.support.sql.database import Database, rows

pytestmark = pytest.mark.db

NOW = "2026-03-01T12:00:00.000Z"
USAGE = {
    "model_id": "model-a",
    "provider": "simulator",
    "input_tokens": 10,
    "cached_tokens": 3,
    "output_tokens": 20,
    "cost_usd": 0.25,
    "duration_ms": 1500,
}


async def heard(database: Database, *types: str) -> list[Row]:
    """Return the messages, oldest first: topic, event, private, and the envelope."""
    owner = await database.connect("postgres")
    found = await owner.fetch(
        "select topic, event, private, payload from realtime.messages"
        " where $1::text[] = '{}' or event = any ($1) order by inserted_at, event, topic",
        list(types),
    )
    return rows(found)


async def test_every_message_is_an_envelope_that_python_understands(
    database: Database, agent: Agent
) -> None:
    selection = {"key": "a", "selected_model": "model-a", "reason": "the only one"}
    task_id = await insert_task(agent.connection)
    [plan] = await agent.claim("cio")
    await agent.complete(plan, plan={"subtasks": [step("a")], "selections": [selection]})
    [lease] = await agent.claim("model-a")
    await agent.complete(lease, usage=USAGE)
    doomed = await plan_task(agent)
    [lease] = await agent.claim("model-a")
    await agent.fail(lease, "reroute", usage=USAGE)
    await agent.claim("cio")
    await agent.connection.execute("select from public.cogo_cancel_task($1)", doomed)

    messages = await heard(database)

    for message in messages:
        envelope = Envelope.parse(message["payload"])
        assert envelope.type == message["event"]
        assert (envelope.version, message["private"]) == (1, True)
        assert re.fullmatch(
            r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", message["payload"]["timestamp"]
        )
        read_payload(envelope, PAYLOADS[MessageType(envelope.type)])
    told = [m for m in messages if m["payload"]["payload"].get("task_id") == str(task_id)]
    assert sorted((m["topic"], m["event"]) for m in told) == [
        ("cogo-results", "SUBTASK_RESULT"),
        ("cogo-results", "TASK_RESULT"),
        (f"cogo-results:{task_id}", "SUBTASK_RESULT"),
        (f"cogo-results:{task_id}", "TASK_RESULT"),
        ("cogo-subtasks", "MCP_SUBTASK"),
        ("cogo-tasks", "TASK_CREATED"),
        ("model-selection", "MODEL_SELECTION_RESPONSE"),
    ]
    assert {m["event"] for m in messages} == {
        "TASK_CREATED",
        "MCP_SUBTASK",
        "SUBTASK_RESULT",
        "TASK_RESULT",
        "MODEL_SELECTION_RESPONSE",
        "TASK_CANCELLED",
        "SUBTASK_CANCELLED",
    }


async def test_a_new_task_notifies_the_orchestrators(database: Database, agent: Agent) -> None:
    task_id = await insert_task(agent.connection, priority=2)

    [message] = await heard(database)

    assert message["topic"] == "cogo-tasks"
    envelope = message["payload"]
    assert (envelope["source"], envelope["target"]) == ("cogo-database", "cogo-tasks")
    assert envelope["payload"] == {
        "task_id": str(task_id),
        "type": "GENERATE_CODE",
        "priority": 2,
        "run_at": None,
        "timestamp": NOW,
    }


@pytest.mark.parametrize(
    ("priority", "word"), [(0, "high"), (3, "high"), (4, "medium"), (6, "medium"), (7, "low")]
)
async def test_a_subtask_for_a_model_notifies_the_executors(
    database: Database, agent: Agent, priority: int, word: str
) -> None:
    planned = step("a", params={"language": "python", "generation_prompt": "sort"})
    task_id = await plan_task(agent, planned, priority=priority)

    [message] = await heard(database, "MCP_SUBTASK")

    assert message["topic"] == "cogo-subtasks"
    envelope = message["payload"]
    assert (envelope["source"], envelope["target"]) == ("executor-1", "cogo-subtasks")
    payload = envelope["payload"]
    assert payload.pop("subtask_id")
    assert payload == {
        "task_id": str(task_id),
        "type": "GENERATE_CODE",
        "params": {
            "git_branch": None,
            "target_file": None,
            "model_id": "model-a",
            "generation_prompt": "sort",
            "language": "python",
        },
        "metadata": {
            "priority": word,
            "estimated_duration": 30000,
            "model_preferences": ["model-a"],
            "timestamp": NOW,
        },
    }


async def test_a_rerouted_subtask_notifies_the_orchestrators(
    database: Database, agent: Agent
) -> None:
    await plan_task(agent)
    [lease] = await agent.claim("model-a")

    await agent.fail(lease, "reroute")

    topics = [message["topic"] for message in await heard(database, "MCP_SUBTASK")]
    assert topics == ["cogo-subtasks", "cogo-tasks"]


async def test_a_delayed_subtask_notifies_when_it_is_promoted(
    database: Database, agent: Agent
) -> None:
    await plan_task(agent)
    [lease] = await agent.claim("model-a")
    await agent.fail(lease, after=10)
    assert len(await heard(database, "MCP_SUBTASK")) == 1

    await database.jump(timedelta(seconds=10))
    await agent.reap()

    assert len(await heard(database, "MCP_SUBTASK")) == 2


async def test_results_carry_the_output_and_what_it_took(database: Database, agent: Agent) -> None:
    task_id = await plan_task(agent)
    [lease] = await agent.claim("model-a")
    await database.jump(timedelta(seconds=2))
    await agent.complete(lease, output={"generated_code": "x"}, usage=USAGE)

    subtask, _, task, copy = await heard(database, "SUBTASK_RESULT", "TASK_RESULT")

    assert subtask["payload"]["source"] == "executor-1"
    assert subtask["payload"]["target"] == "cogo-results"
    assert subtask["payload"]["payload"] == {
        "subtask_id": str(lease["subtask_id"]),
        "task_id": str(task_id),
        "status": "completed",
        "output": {"generated_code": "x"},
        "execution_time": 2000,
        "metadata": {
            "source": "executor-1",
            "timestamp": "2026-03-01T12:00:02.000Z",
            "model_id": "model-a",
            "model_performance": {
                "model_id": "model-a",
                "response_time": 1500,
                "tokens_used": 33,
                "cost_usd": 0.25,
            },
        },
    }
    assert task["payload"]["payload"] == {
        "task_id": str(task_id),
        "status": "completed",
        "result": {"generated_code": "x"},
        "cost_usd": 0.25,
        "tokens": {"input": 10, "cached": 3, "output": 20, "reasoning": 0},
        "execution_time": 2000,
        "timestamp": "2026-03-01T12:00:02.000Z",
    }
    assert copy["payload"]["id"] == task["payload"]["id"]


async def test_failures_are_announced_with_their_reason(database: Database, agent: Agent) -> None:
    await plan_task(agent)
    [lease] = await agent.claim("model-a")
    await agent.fail(lease, "give_up")

    subtask, _, task, _ = await heard(database, "SUBTASK_RESULT", "TASK_RESULT")

    assert subtask["payload"]["payload"]["status"] == "failed"
    assert subtask["payload"]["payload"]["error"] == ERROR
    assert "output" not in subtask["payload"]["payload"]
    assert task["payload"]["payload"]["status"] == "failed"
    assert task["payload"]["payload"]["error"]["subtask_id"] == str(lease["subtask_id"])


async def test_cancelling_notifies_orchestrators_and_workers(
    database: Database, agent: Agent
) -> None:
    task_id = await plan_task(agent)
    [lease] = await agent.claim("model-a")
    await agent.connection.execute("select from public.cogo_cancel_task($1, 'enough')", task_id)

    [to_workers] = await heard(database, "SUBTASK_CANCELLED")
    [to_orchestrators] = await heard(database, "TASK_CANCELLED")

    assert to_workers["topic"] == "cogo-subtasks"
    assert to_workers["payload"]["payload"] == {
        "subtask_id": str(lease["subtask_id"]),
        "task_id": str(task_id),
        "attempt": 1,
        "reason": "enough",
        "timestamp": NOW,
    }
    assert to_orchestrators["topic"] == "cogo-tasks"
    assert to_orchestrators["payload"]["payload"]["reason"] == "enough"


async def test_every_selection_is_announced(database: Database, agent: Agent) -> None:
    selection = {
        "key": "a",
        "requested_model": "claude-3.5-sonnet",
        "selected_model": "model-a",
        "provider": "simulator",
        "policy": "rules",
        "requirements": {"complexity": "high"},
        "candidates": [{"model_id": "model-a", "score": 1}],
        "available_models": ["model-a"],
        "model_capabilities": {"model-a": ["code"]},
        "reason": "needs accuracy",
    }
    task_id = await insert_task(agent.connection)
    [plan] = await agent.claim("cio")
    await agent.complete(plan, plan={"subtasks": [step("a")], "selections": [selection]})
    await agent.connection.execute(
        "select from public.cogo_record_selection($1)",
        selection | {"task_id": None, "agent_id": "cio-1"},
    )

    planned, asked = await heard(database, "MODEL_SELECTION_RESPONSE")

    assert (planned["topic"], planned["payload"]["target"]) == (
        "model-selection",
        "cogo-model-selection",
    )
    payload = planned["payload"]["payload"]
    assert payload.pop("subtask_id")
    assert payload == {
        "request_id": None,
        "task_id": str(task_id),
        "requested_model": "claude-3.5-sonnet",
        "selected_model": "model-a",
        "available_models": ["model-a"],
        "model_capabilities": {"model-a": ["code"]},
        "selection_reason": "needs accuracy",
        "timestamp": NOW,
    }
    assert asked["payload"]["source"] == "cio-1"
    assert asked["payload"]["payload"]["task_id"] is None


async def test_a_payload_over_32_kib_goes_as_a_reference(database: Database, agent: Agent) -> None:
    task_id = await plan_task(agent)
    [lease] = await agent.claim("model-a")
    await agent.complete(lease, output={"generated_code": "x" * 40_000})

    subtask, _, task, _ = await heard(database, "SUBTASK_RESULT", "TASK_RESULT")

    for message, table, row_id in [
        (subtask, "cogo_subtasks", lease["subtask_id"]),
        (task, "cogo_tasks", task_id),
    ]:
        payload = message["payload"]["payload"]
        assert payload["ref"] == {"table": table, "id": str(row_id)}
        assert payload["status"] == "completed"
        assert payload["task_id"] == str(task_id)
        assert {"output", "result"}.isdisjoint(payload)


async def test_a_long_prompt_does_not_hide_the_lane_of_a_subtask(
    database: Database, agent: Agent
) -> None:
    params = {"model_id": "model-a", "generation_prompt": "x" * 40_000, "target_file": "a.py"}
    await plan_task(agent, step("a", params=params))

    [message] = await heard(database, "MCP_SUBTASK")

    payload = message["payload"]["payload"]
    assert payload["ref"] == {"table": "cogo_subtasks", "id": payload["subtask_id"]}
    assert payload["params"] == {
        "model_id": "model-a",
        "target_file": "a.py",
        "git_branch": None,
    }
    assert payload["metadata"]["priority"] == "medium"


async def test_events_number_every_transition_without_a_gap(agent: Agent) -> None:
    task_id = await plan_task(agent, step("a"), step("b", "a"))
    for _ in range(2):
        [lease] = await agent.claim("model-a")
        await agent.complete(lease)

    events = await agent.connection.fetch(
        "select * from public.cogo_events where task_id = $1 order by seq", task_id
    )

    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [
        (event["kind"], event["detail"].get("key"), event["attempt"], event["agent_id"])
        for event in events
    ] == [
        ("task.pending", None, None, None),
        ("subtask.queued", "plan", None, None),
        ("subtask.running", "plan", 1, "executor-1"),
        ("task.running", None, None, "executor-1"),
        ("subtask.completed", "plan", 1, "executor-1"),
        ("subtask.queued", "a", None, "executor-1"),
        ("subtask.blocked", "b", None, "executor-1"),
        ("subtask.running", "a", 1, "executor-1"),
        ("subtask.completed", "a", 1, "executor-1"),
        ("subtask.queued", "b", None, "executor-1"),
        ("subtask.running", "b", 1, "executor-1"),
        ("subtask.completed", "b", 1, "executor-1"),
        ("task.completed", None, None, "executor-1"),
    ]


async def test_an_agent_is_recorded_with_the_databases_time(
    database: Database, agent: Agent
) -> None:
    record = {"id": f"a-{uuid4()}", "kind": "executor", "lanes": ["model-a"], "capacity": 4}
    call = "select * from public.cogo_record_agent($1)"
    await agent.connection.fetchrow(call, record)
    await database.jump(timedelta(seconds=5))

    row = await agent.connection.fetchrow(call, record | {"running": 2, "details": {"x": 1}})
    await database.jump(timedelta(seconds=40))
    silence = "select cogo_silent_ms(a) from public.cogo_agents a where id = $1"
    silent_ms = await agent.connection.fetchval(silence, record["id"])
    wrong = str(database.now + timedelta(days=1))
    stopped = await agent.connection.fetchrow(call, record | {"stopped_at": wrong})

    assert row is not None
    assert (row["lanes"], row["capacity"], row["running"]) == (["model-a"], 4, 2)
    heard_at = database.now - timedelta(seconds=40)
    assert (row["heartbeat_at"], row["stopped_at"]) == (heard_at, None)
    assert row["started_at"] == heard_at - timedelta(seconds=5)
    assert silent_ms == 40_000
    assert stopped is not None
    assert stopped["stopped_at"] == database.now


async def test_each_subtask_that_comes_back_is_announced(database: Database, agent: Agent) -> None:
    for _ in range(5):
        await plan_task(agent)
    leases = await agent.claim("model-a")
    before = len(await heard(database, "MCP_SUBTASK"))

    await agent.release(*leases)

    again = (await heard(database, "MCP_SUBTASK"))[before:]
    assert {each["payload"]["payload"]["subtask_id"] for each in again} == {
        str(lease["subtask_id"]) for lease in leases
    }


async def test_a_change_to_many_subtasks_notifies_the_orchestrators_once(
    database: Database, agent: Agent
) -> None:
    await plan_task(agent, *(step(f"a{n}") for n in range(3)), step("end", "a0", "a1", "a2"))
    await agent.connection.execute(
        "select cogo.restamp_subtasks('ban', array['model-a'], 'global', 'it lies')"
    )

    [message] = [each for each in await heard(database, "MCP_SUBTASK")
                 if each["topic"] == "cogo-tasks"]  # fmt: skip

    assert message["payload"]["payload"]["metadata"]["queued"] == 2
