"""A flow suspends, wakes when its steps have ended, and ends its task."""

from datetime import timedelta
from uuid import uuid4

import pytest

from tests.support.sql.agent import (
    Agent,
    insert_task,
    statuses,
    step,
    task_of,
)
from tests.support.sql.database import Database
from tests.support.sql.flows import (
    answer,
    claim_flow,
    claim_steps,
    hand_over,
    new_step,
    read_steps,
    start_flow,
    suspend,
)
from tests.support.sql.outcomes import knowledge

pytestmark = pytest.mark.db


async def test_a_flow_that_never_suspended_has_an_empty_record(
    database: Database, agent: Agent
) -> None:
    task_id = await insert_task(agent.connection)
    lease = await claim_flow(agent, task_id)

    assert (lease["kind"], lease["type"], lease["key"]) == ("flow", "PLAN", "plan")
    assert list(lease["flow"]) == ["first_claimed_at"]
    assert (await read_steps(agent, task_id))["plan"]["sink"]
    assert await agent.connection.fetchval("select count(*) from cogo.flows") == 0
    await answer(agent, hand_over(lease, new_step("main")))
    assert await agent.connection.fetchval("select count(*) from cogo.flows") == 0


async def test_a_suspended_flow_wakes_when_all_that_it_awaits_has_ended(agent: Agent) -> None:
    task_id = await start_flow(agent, new_step("a"), new_step("b"))
    leases = await claim_steps(agent, "a", "b")
    assert await agent.claim("cio") == []
    assert (await read_steps(agent, task_id))["plan"] | {"sink": True} == {
        "key": "plan",
        "status": "blocked",
        "kind": "flow",
        "lane": "cio",
        "awaited": False,
        "end_no": None,
        "not_needed": False,
        "deps_left": 2,
        "sink": True,
        "failures": 0,
        "reaps": 0,
    }

    await agent.complete(leases["b"], output={"text": "second"})
    assert (await statuses(agent, task_id))["plan"] == "blocked"
    await agent.complete(leases["a"], output={"text": "first"})

    lease = await claim_flow(agent, task_id)
    assert [
        (each["key"], each["status"], each["end_no"], each["digest"], each["output"])
        for each in lease["flow"]["steps"]
    ] == [
        ("a", "completed", 2, "digest of a", {"text": "first"}),
        ("b", "completed", 1, "digest of b", {"text": "second"}),
    ]
    assert await agent.complete(lease, output={"text": "the end"}) == "ok"
    assert (await task_of(agent, task_id))["result"] == {"text": "the end"}


async def test_with_any_the_first_end_wakes_it_and_clears_all_marks(agent: Agent) -> None:
    task_id = await start_flow(agent, new_step("a"), new_step("b"), wait="any")
    leases = await claim_steps(agent, "a", "b")

    await agent.complete(leases["b"])

    lease = await claim_flow(agent, task_id)
    assert not any(each["awaited"] for each in (await read_steps(agent, task_id)).values())
    assert await answer(agent, suspend(lease, "a")) == ("ok", None)
    await agent.complete(leases["a"])
    assert (await statuses(agent, task_id))["plan"] == "queued"


async def test_what_ended_before_the_suspension_commits_is_counted(agent: Agent) -> None:
    task_id = await start_flow(agent, new_step("a"), new_step("b"), wait="any")
    leases = await claim_steps(agent, "a", "b")
    await agent.complete(leases["a"])
    lease = await claim_flow(agent, task_id)
    await agent.complete(leases["b"])

    assert await answer(agent, suspend(lease, "b", new_step("c"), wait="any")) == ("ok", None)

    assert (await statuses(agent, task_id))["plan"] == "queued"
    lease = await claim_flow(agent, task_id)
    assert await answer(agent, suspend(lease, "b", "c")) == ("ok", None)
    assert (await read_steps(agent, task_id))["plan"]["deps_left"] == 1


async def test_a_suspension_counts_as_no_failure_and_repeats_as_duplicate(
    database: Database, agent: Agent, other_agent: Agent
) -> None:
    task_id = await insert_task(agent.connection)
    await agent.fail(await claim_flow(agent, task_id), "retry", after=0)
    lease = await claim_flow(agent, task_id)
    await agent.release(lease, died=True)
    lease = await claim_flow(agent, task_id)
    assert (lease["failures"], lease["reaps"], len(lease["history"])) == (1, 1, 2)
    item = suspend(lease, new_step("a"))

    assert await answer(agent, item) == ("ok", None)
    assert await answer(agent, item) == ("duplicate", None)
    assert await answer(other_agent, item) == ("stale", None)
    assert (await agent.fail(lease))["answer"] == "stale"

    plan = (await read_steps(agent, task_id))["plan"]
    assert (plan["failures"], plan["reaps"]) == (0, 0)
    await agent.complete((await claim_steps(agent, "a"))["a"])
    lease = await claim_flow(agent, task_id)
    assert [each["outcome"] for each in lease["history"]] == ["failed", "reaped"]
    outcomes = await agent.connection.fetch(
        "select outcome, cost_usd from public.cogo_attempts where subtask_id = $1 order by attempt",
        lease["subtask_id"],
    )
    assert [tuple(row) for row in outcomes][2:] == [("suspended", 0), (None, None)]
    assert await answer(agent, suspend(lease, "a", new_step("b"))) == ("ok", None)
    assert await answer(agent, item) == ("duplicate", None)


async def test_a_killed_replay_is_repeated_and_no_step_is_done_again(
    database: Database, agent: Agent, other_agent: Agent
) -> None:
    task_id = await start_flow(agent, new_step("a"))
    await agent.complete((await claim_steps(agent, "a"))["a"])
    lost = await claim_flow(agent, task_id)
    await database.jump(timedelta(seconds=20))
    await other_agent.reap()

    lease = await claim_flow(other_agent, task_id)

    assert lease["attempt"] == lost["attempt"] + 1
    assert lease["flow"] == lost["flow"]
    assert await answer(agent, suspend(lost, new_step("b"))) == ("stale", None)
    assert await agent.claim("model-a") == []


async def test_decisions_are_kept_as_first_recorded(agent: Agent) -> None:
    first = {"ladder:coding": {"models": ["x"]}, "sandbox": None}
    task_id = await start_flow(agent, new_step("a"), decisions=first)
    await agent.complete((await claim_steps(agent, "a"))["a"])
    lease = await claim_flow(agent, task_id)
    assert lease["flow"]["decisions"] == first

    later = {"ladder:coding": {"models": ["y"]}, "a/team#2": 3}
    await answer(agent, suspend(lease, new_step("b"), decisions=later))

    await agent.complete((await claim_steps(agent, "b"))["b"])
    lease = await claim_flow(agent, task_id)
    assert lease["flow"]["decisions"] == first | {"a/team#2": 3}


async def test_a_failed_step_does_not_fail_its_task_and_carries_its_error(agent: Agent) -> None:
    error = {"class": "no_model", "message": "no model can see images"}
    task_id = await start_flow(
        agent, new_step("a"), new_step("b", lane="wait", error=error), wait="all"
    )
    await agent.fail((await claim_steps(agent, "a"))["a"], "give_up")

    lease = await claim_flow(agent, task_id)

    assert [
        (each["key"], each["status"], each["end_no"], each["error"]["class"])
        for each in lease["flow"]["steps"]
    ] == [("a", "failed", 2, "overloaded"), ("b", "failed", 1, "no_model")]
    assert (await task_of(agent, task_id))["status"] == "running"
    shown = await agent.connection.fetchval(
        "select error from public.cogo_subtasks where task_id = $1 and key = 'b'", task_id
    )
    assert shown == error
    announced = await agent.connection.fetch(
        "select payload -> 'payload' -> 'error' as error from realtime.messages"
        " where event = 'SUBTASK_RESULT' and topic = 'cogo-results' order by inserted_at"
    )
    assert [row["error"]["class"] for row in announced] == ["no_model", "overloaded"]


async def test_cancelled_losers_are_not_needed_and_their_cost_counts(agent: Agent) -> None:
    steps = new_step("a"), new_step("b"), new_step("c", "check")
    task_id = await start_flow(agent, *steps, wait="any")
    leases = await claim_steps(agent, "a", "b")
    await agent.complete(leases["a"])
    lease = await claim_flow(agent, task_id)

    assert await answer(agent, suspend(lease, new_step("d"), cancel=["a", "b", "c"])) == (
        "ok",
        None,
    )

    found = await read_steps(agent, task_id)
    assert [(key, found[key]["status"], found[key]["not_needed"]) for key in "abc"] == [
        ("a", "completed", False),
        ("b", "running", True),
        ("c", "cancelled", True),
    ]
    assert await agent.extend(leases["b"]) == ["cancel"]
    usage = {"model_id": "model-a", "provider": "p", "cost_usd": 0.5, "duration_ms": 1}
    assert await agent.complete(leases["b"], usage=usage) == "closed"
    assert (await task_of(agent, task_id))["cost_usd"] == 0.5
    found = await read_steps(agent, task_id)
    assert (found["b"]["status"], found["b"]["end_no"]) == ("cancelled", None)
    assert found["plan"]["deps_left"] == 1


async def test_a_hand_over_passes_the_sink_in_one_transaction(agent: Agent) -> None:
    session = uuid4()
    task_id = await insert_task(agent.connection, session_id=session)
    lease = await claim_flow(agent, task_id)
    selection = {"key": "main", "selected_model": "model-a", "reason": "the best"}

    item = hand_over(lease, new_step("main"), selections=[selection], decisions={"policy": "rules"})
    assert await answer(agent, item) == ("ok", None)
    assert await answer(agent, item) == ("duplicate", None)

    steps = await read_steps(agent, task_id)
    assert [(row["status"], row["sink"]) for row in steps.values()] == [
        ("completed", False),
        ("queued", True),
    ]
    assert await agent.connection.fetchval(
        "select selected_model from public.cogo_model_selections where task_id = $1", task_id
    )
    output = await agent.connection.fetchval(
        "select output from public.cogo_subtasks where task_id = $1 and key = 'plan'", task_id
    )
    assert output == {"decisions": {"policy": "rules"}}
    messages = [{"role": "assistant", "content": "done"}]
    [main] = await agent.claim("model-a")
    assert await agent.complete(main, messages=messages) == "ok"
    assert (await task_of(agent, task_id))["status"] == "completed"
    assert await agent.connection.fetchval("select count(*) from public.cogo_messages") == 1


async def test_a_hand_over_cancels_what_is_open(agent: Agent) -> None:
    task_id = await start_flow(agent, new_step("a"), new_step("b"), new_step("c"), wait="any")
    leases = await claim_steps(agent, "a", "b", "c")
    await agent.release(leases["c"])
    await agent.complete(leases["a"])
    lease = await claim_flow(agent, task_id)

    for wrong in (new_step("a"), new_step("x", "event"), new_step("x", "task", child={})):
        assert (await answer(agent, hand_over(lease, wrong)))[0] == "invalid"
    assert await answer(agent, hand_over(lease, new_step("main"))) == ("ok", None)

    steps = await read_steps(agent, task_id)
    assert (steps["b"]["status"], steps["c"]["status"]) == ("running", "cancelled")
    assert steps["b"]["not_needed"]
    assert await agent.extend(leases["b"]) == ["cancel"]
    await agent.fail((await claim_steps(agent, "main"))["main"], "give_up")
    assert (await task_of(agent, task_id))["error"]["subtask_key"] == "main"


async def test_a_step_that_nobody_can_do_and_is_handed_over_fails_the_task(agent: Agent) -> None:
    error = {"class": "no_model", "message": "no model can do it"}
    task_id = await insert_task(agent.connection)
    lease = await claim_flow(agent, task_id)

    item = hand_over(lease, new_step("main", lane="wait", error=error))
    assert await answer(agent, item) == ("ok", None)

    task = await task_of(agent, task_id)
    assert (task["status"], task["error"]["class"]) == ("failed", "no_model")


async def test_only_the_end_of_the_task_writes_the_conversation(agent: Agent) -> None:
    messages = [{"role": "assistant", "content": "a draft"}]
    task_id = await start_flow(agent, new_step("a"), columns={"session_id": uuid4()})
    await agent.complete((await claim_steps(agent, "a"))["a"], messages=messages)
    assert await agent.connection.fetchval("select count(*) from public.cogo_messages") == 0

    lease = await claim_flow(agent, task_id)
    await agent.complete(lease, output={"text": "x"}, messages=messages)
    assert await agent.connection.fetchval("select count(*) from public.cogo_messages") == 1


async def test_a_plan_for_a_task_that_has_steps_is_stale_and_gives_the_flow_back(
    database: Database, agent: Agent
) -> None:
    task_id = await start_flow(agent, new_step("a"))
    await agent.complete((await claim_steps(agent, "a"))["a"])
    lease = await claim_flow(agent, task_id)

    assert await agent.complete(lease, plan={"subtasks": [step("main")]}) == "stale"
    assert await agent.complete(lease, plan={"subtasks": [step("main")]}) == "stale"

    assert (await read_steps(agent, task_id))["plan"]["status"] == "delayed"
    await database.jump(timedelta(seconds=2))
    lease = await claim_flow(agent, task_id)
    assert (lease["failures"], lease["reaps"]) == (0, 0)
    assert await agent.complete(lease) == "ok"


async def test_drift_is_an_event_once(agent: Agent) -> None:
    drift = [{"key": "a", "was": "1", "now": "2"}]
    task_id = await start_flow(agent, new_step("a"), drift=drift * 2)
    await agent.complete((await claim_steps(agent, "a"))["a"])
    lease = await claim_flow(agent, task_id)
    await answer(agent, suspend(lease, new_step("b"), drift=drift))

    events = await agent.connection.fetch(
        "select kind, detail from public.cogo_events"
        " where task_id = $1 and subtask_id = $2 order by seq",
        task_id,
        lease["subtask_id"],
    )
    assert [row["kind"].partition(".")[2] for row in events] == [
        "queued",
        "running",
        "drift",
        "blocked",
        "queued",
        "running",
        "blocked",
    ]
    assert events[2]["detail"] == drift[0]
    assert events[3]["detail"]["awaits"] == 1


async def test_a_lease_carries_the_newest_outputs_and_the_rest_is_fetched(agent: Agent) -> None:
    task_id = await start_flow(agent, *(new_step(key) for key in "abcd"))
    leases = await claim_steps(agent, *"abcd")
    noise = "".join(chr(33 + (number * 7919) % 90) for number in range(30_000))
    for key in "dcba":
        await agent.complete(leases[key], output={"text": key + noise})

    lease = await claim_flow(agent, task_id)

    steps = {each["key"]: each for each in lease["flow"]["steps"]}
    assert [key for key in steps if "output" in steps[key]] == ["a", "b"]
    assert [key for key in steps if steps[key].get("is_output_left_out")] == ["c", "d"]
    found = await agent.connection.fetch(
        "select * from public.cogo_step_outputs($1, $2)", task_id, ["d", "c", "ghost", "plan"]
    )
    assert {row["key"]: row["output"]["text"][0] for row in found} == {"c": "c", "d": "d"}


async def test_a_well_compressed_output_is_measured_as_it_is_sent(agent: Agent) -> None:
    await start_flow(agent, new_step("a"), new_step("b"))
    leases = await claim_steps(agent, "a", "b")
    await agent.complete(leases["a"], output={"text": "small"})
    await agent.complete(leases["b"], output={"text": "x" * 200_000})

    [lease] = await agent.claim("cio")

    assert ["output" in each for each in lease["flow"]["steps"]] == [False, False]


async def test_what_is_no_model_is_never_counted_priced_or_stamped_as_one(
    database: Database, agent: Agent
) -> None:
    simulated = {"id": agent.id, "kind": "executor", "capacity": 1, "details": {"simulated": True}}
    await agent.connection.execute("select from public.cogo_record_agent($1)", simulated)
    steps = new_step("a", "check"), new_step("b", "call"), new_step("c", "event")
    task_id = await start_flow(agent, *steps, new_step("d", "check"))
    [restamped] = await agent.connection.fetch(
        "select restamped from public.cogo_control_model('pin', 'model-b')"
    )
    assert restamped["restamped"] == 0
    check, fourth = await agent.claim("sandbox:python")
    [call] = await agent.claim("tools:shop")

    await agent.complete(check)
    assert (await agent.fail(call, "reroute", after=0))["status"] == "queued"
    await database.jump(timedelta(seconds=20))
    await agent.reap()

    attempts = await agent.connection.fetch(
        "select model_id, cost_usd, outcome, simulated from public.cogo_attempts"
        " where lane <> 'cio' and ended_at is not null order by lane, outcome"
    )
    assert [tuple(row) for row in attempts] == [
        (None, 0, "completed", False),
        (None, 0, "reaped", False),
        (None, 0, "rerouted", False),
    ]
    # A check may be a verdict on a model's answer, so it is looked at; nothing comes of this one.
    queued = await agent.connection.fetch("select subtask_id from cogo.outcomes")
    assert [row["subtask_id"] for row in queued] == [check["subtask_id"]]
    assert (await knowledge(agent))["outcomes"] == []
    assert await agent.connection.fetchval("select count(*) from cogo.outcomes") == 0
    assert await agent.connection.fetchval("select count(*) from cogo.model_outcomes") == 0
    assert await agent.connection.fetchval("select count(*) from cogo.model_health") == 0
    assert (await read_steps(agent, task_id))["b"]["lane"] == "tools:shop"
    assert fourth["kind"] == "check"
