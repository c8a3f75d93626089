import pytest

from tests.support.sql.agent import ERROR, Agent, Row, plan_task, statuses, step, task_of
from tests.support.sql.database import Database

pytestmark = pytest.mark.db


async def claim_one(agent: Agent) -> Row:
    [lease] = await agent.claim("model-a", limit=1)
    return lease


async def messages_of(database: Database, event: str = "MCP_SUBTASK") -> list[Row]:
    postgres = await database.connect("postgres")
    found = await postgres.fetch(
        "select payload -> 'payload' as payload from realtime.messages where event = $1", event
    )
    return [dict(row["payload"]) for row in found]


async def test_dependents_of_a_subtask_wait_for_those_that_it_adds(agent: Agent) -> None:
    task_id = await plan_task(agent, step("map"), step("join", "map"))
    lease = await claim_one(agent)

    added = [step("one"), step("two"), step("after two", "two")]
    assert await agent.complete(lease, subtasks=added) == "ok"

    assert await statuses(agent, task_id) == {
        "plan": "completed",
        "map": "completed",
        "join": "blocked",
        "one": "queued",
        "two": "queued",
        "after two": "blocked",
    }
    order = []
    joined: Row = {}
    while leases := await agent.claim("model-a"):
        order.append([each["key"] for each in leases])
        joined = leases[0]["inputs"]
        for each in leases:
            await agent.complete(each, output={"key": each["key"]})
    assert order == [["one", "two"], ["after two"], ["join"]]
    assert set(joined) == {"map", "one", "after two"}
    assert (await task_of(agent, task_id))["status"] == "completed"


async def test_adding_twice_adds_once(agent: Agent) -> None:
    task_id = await plan_task(agent, step("map"), step("join", "map"))
    lease = await claim_one(agent)

    answers = [await agent.complete(lease, subtasks=[step("one")]) for _ in range(2)]

    assert answers == ["ok", "duplicate"]
    assert list(await statuses(agent, task_id)) == ["plan", "map", "join", "one"]


@pytest.mark.parametrize(
    ("added", "detail"),
    [
        ([], "at least one subtask"),
        ([step("join")], "the key join is taken"),
        ([step("one", "join")], "one waits for join"),
        ([step("one", sink=True)], "cannot be the sink"),
        ([step("one", on_failure="shrug")], "fail_task or continue"),
    ],
)
async def test_a_bad_addition_is_refused_and_the_subtask_still_runs(
    agent: Agent, added: list[Row], detail: str
) -> None:
    await plan_task(agent, step("map"), step("join", "map"))
    lease = await claim_one(agent)

    [answer] = await agent.complete_all(
        [{"subtask_id": str(lease["subtask_id"]), "attempt": 1, "output": {}, "subtasks": added}]
    )

    assert answer["answer"] == "invalid"
    assert detail in answer["detail"]
    assert await agent.extend(lease) == ["ok"]


async def test_the_sink_cannot_add_since_it_ends_the_task(agent: Agent) -> None:
    await plan_task(agent, step("only"))
    lease = await claim_one(agent)

    assert await agent.complete(lease, subtasks=[step("more")]) == "invalid"


async def test_a_subtask_that_is_done_without_lets_the_others_go_on_and_says_so(
    agent: Agent,
) -> None:
    task_id = await plan_task(
        agent, step("a", on_failure="continue"), step("b"), step("join", "a", "b")
    )
    first, second = await agent.claim("model-a")
    await agent.fail(first, "give_up")
    await agent.complete(second, output={"from": "b"})

    join = await claim_one(agent)

    assert (join["inputs"], join["failed_inputs"]) == ({"b": {"from": "b"}}, {"a": ERROR})
    assert await agent.complete(join) == "ok"
    assert (await task_of(agent, task_id))["status"] == "completed"
    [dead] = await agent.connection.fetch("select * from public.cogo_dead_letters")
    assert (dead["key"], len(dead["attempts"])) == ("a", 1)
    assert dead["attempts"][0]["error"] == ERROR


async def test_nothing_can_continue_without_the_sink(agent: Agent) -> None:
    task_id = await plan_task(agent)
    lease = await claim_one(agent)
    await agent.complete(lease)
    assert (await task_of(agent, task_id))["status"] == "completed"

    with pytest.raises(AssertionError):
        await plan_task(agent, step("only", on_failure="continue"))


async def test_a_dead_letter_is_redriven_while_nobody_went_on_without_it(agent: Agent) -> None:
    task_id = await plan_task(
        agent, step("a", on_failure="continue"), step("b"), step("join", "a", "b")
    )
    first, second = await agent.claim("model-a")
    await agent.fail(first, "give_up")
    redrive = "select status from public.cogo_redrive_subtask($1)"

    assert await agent.connection.fetchval(redrive, first["subtask_id"]) == "queued"
    assert await agent.connection.fetchval(redrive, first["subtask_id"]) == "queued"
    await agent.complete(second)
    assert (await statuses(agent, task_id))["join"] == "blocked"
    again = await claim_one(agent)
    assert (again["key"], again["attempt"], again["failures"]) == ("a", 2, 0)
    await agent.complete(again)
    assert (await claim_one(agent))["failed_inputs"] == {}


async def test_a_dead_subtask_that_others_went_on_without_stays_dead(agent: Agent) -> None:
    await plan_task(agent, step("a", on_failure="continue"), step("join", "a"))
    first = await claim_one(agent)
    await agent.fail(first, "give_up")
    await claim_one(agent)

    with pytest.raises(Exception, match="continued without it"):
        await agent.connection.fetch(
            "select from public.cogo_redrive_subtask($1)", first["subtask_id"]
        )


async def test_redriving_the_dead_letter_of_a_failed_task_redrives_the_task(agent: Agent) -> None:
    task_id = await plan_task(agent)
    lease = await claim_one(agent)
    await agent.fail(lease, "give_up")

    await agent.connection.fetch("select from public.cogo_redrive_subtask($1)", lease["subtask_id"])

    assert (await task_of(agent, task_id))["status"] == "running"
    assert (await claim_one(agent))["subtask_id"] == lease["subtask_id"]


@pytest.mark.parametrize("late", [False, True])
async def test_each_subtask_of_a_plan_or_a_fan_out_is_announced(
    database: Database, agent: Agent, late: bool
) -> None:
    root = [step("root")] if late else []
    wide = [step(f"a{n}", *(each["key"] for each in root)) for n in range(20)]
    await plan_task(agent, *root, *wide, step("end", *(each["key"] for each in wide)))
    if late:
        await agent.complete(await claim_one(agent))

    rung = await messages_of(database)

    queued = {str(lease["subtask_id"]) for lease in await agent.claim("model-a")}
    assert queued == {message["subtask_id"] for message in rung[len(root) :]}
    assert len(rung) == len(root) + 20
    assert not [message for message in rung if "queued" in message["metadata"]]


async def test_beyond_a_hundred_the_last_of_each_lane_says_how_many_more(
    database: Database, agent: Agent
) -> None:
    wide = [step(f"a{n}") for n in range(200)] + [step(f"b{n}", lane="b") for n in range(2)]
    await plan_task(agent, *wide, step("end", *(each["key"] for each in wide)))

    rung = await messages_of(database)

    lanes = [message["params"]["model_id"] for message in rung]
    assert (lanes.count("model-a"), lanes.count("b")) == (98, 2)
    more = [each["metadata"]["queued"] for each in rung if "queued" in each["metadata"]]
    assert more == [102]


async def test_a_lane_without_a_notification_gets_one_beyond_a_hundred(
    database: Database, agent: Agent
) -> None:
    owner = await database.connect("postgres")
    await plan_task(agent, *(step(f"a{n}", lane=f"m{n}") for n in range(101)),
                    step("end", *(f"a{n}" for n in range(101))))  # fmt: skip
    assert len(await messages_of(database)) == 101
    await owner.execute("delete from realtime.messages where true")

    async with agent.connection.transaction():
        await agent.connection.execute("select set_config('cogo.notified_count', '100', true)")
        await plan_task(agent, step("a", lane="late"), step("b", lane="late"), step("c", "a", "b"))

    [message] = await messages_of(database)
    assert (message["params"]["model_id"], message["metadata"]["queued"]) == ("late", 1)
