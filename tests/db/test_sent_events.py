from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from tests.support.sql.agent import Agent, Row, insert_task, statuses
from tests.support.sql.database import ALICE, BOB, Connection, Database
from tests.support.sql.waits import begin_flow, read_record, start_flow, suspend, wait_step

pytestmark = pytest.mark.db


def event_step(key: str, name: str) -> Row:
    return wait_step(key, "event", params={"name": name})


async def send(
    connection: Connection, task_id: UUID, name: str, payload: object = None, key: str | None = None
) -> Row:
    [row] = await connection.fetch(
        "select * from public.cogo_send_event($1, $2, $3, $4)", task_id, name, payload, key
    )
    return dict(row)


async def test_each_event_is_taken_once_the_oldest_by_the_oldest_step(agent: Agent) -> None:
    task_id = await start_flow(
        agent, event_step("first", "go"), event_step("second", "go"), event_step("other", "stop")
    )

    for number in (1, 2, 3):
        await send(agent.connection, task_id, "go", {"number": number})
    sent = await send(agent.connection, task_id, "stop", "now")

    assert sent["taken_at"] is not None
    record = await read_record(agent, task_id)
    assert record["first"]["output"]["payload"] == {"number": 1}
    assert record["second"]["output"]["payload"] == {"number": 2}
    assert record["other"]["output"] | {"at": ""} == {"name": "stop", "payload": "now", "at": ""}
    kept = await agent.connection.fetch(
        "select payload from public.cogo_sent_events where taken_at is null"
    )
    assert [row["payload"] for row in kept] == [{"number": 3}]


async def test_early_events_are_kept_for_the_steps_that_ask_later(agent: Agent) -> None:
    lease = await begin_flow(agent)
    for number in (1, 2):
        await send(agent.connection, lease["task_id"], "go", number)

    await suspend(agent, lease, event_step("a", "go"))

    lease_again = await agent.claim("cio")
    [step] = lease_again[0]["flow"]["steps"]
    assert step["output"]["payload"] == 1
    await suspend(agent, lease_again[0], event_step("b", "go"))
    assert (await read_record(agent, lease["task_id"]))["b"]["output"]["payload"] == 2


async def test_the_same_key_sends_an_event_once(agent: Agent) -> None:
    task_id = await insert_task(agent.connection)

    first = await send(agent.connection, task_id, "go", 1, "key")

    assert await send(agent.connection, task_id, "go", 1, "key") == first
    with pytest.raises(asyncpg.PostgresError, match="another event") as refused:
        await send(agent.connection, task_id, "go", 2, "key")
    assert refused.value.sqlstate == "TQ004"


async def test_after_the_end_of_the_task_nothing_is_sent(agent: Agent) -> None:
    task_id = await insert_task(agent.connection)
    first = await send(agent.connection, task_id, "go", 1, "key")
    await agent.connection.execute("select from public.cogo_cancel_task($1)", task_id)

    with pytest.raises(asyncpg.PostgresError, match="is cancelled") as refused:
        await send(agent.connection, task_id, "go", 1)
    assert refused.value.sqlstate == "TQ003"
    assert await send(agent.connection, task_id, "go", 1, "key") == first


async def test_an_event_for_a_held_task_wakes_it_when_it_is_resumed(agent: Agent) -> None:
    task_id = await start_flow(agent, event_step("a", "go"))
    await agent.connection.execute("select from public.cogo_pause_task($1)", task_id)

    await send(agent.connection, task_id, "go", 1)

    assert await statuses(agent, task_id) == {"plan": "held", "a": "completed"}
    assert await agent.claim("cio") == []
    await agent.connection.execute("select from public.cogo_resume_task($1)", task_id)
    assert (await read_record(agent, task_id))["a"]["output"]["payload"] == 1


async def test_people_send_events_to_their_own_tasks(database: Database, agent: Agent) -> None:
    alice = await database.connect("authenticated", ALICE)
    bob = await database.connect("authenticated", BOB)
    task_id = await insert_task(agent.connection, owner=ALICE)

    assert (await send(alice, task_id, "go"))["sent_by"] == ALICE
    with pytest.raises(asyncpg.PostgresError) as refused:
        await send(bob, task_id, "go")
    assert refused.value.sqlstate == "TQ002"
    assert [
        len(await who.fetch("select from public.cogo_sent_events")) for who in (alice, bob)
    ] == [
        1,
        0,
    ]


@pytest.mark.parametrize(
    ("name", "payload", "code"),
    [
        ("", 1, "TQ004"),
        ("a b", 1, "TQ004"),
        ("a" * 101, 1, "TQ004"),
        ("go", "x" * 65_536, "TQ008"),
    ],
)
async def test_hostile_events_are_refused(
    agent: Agent, name: str, payload: object, code: str
) -> None:
    task_id = await insert_task(agent.connection)

    with pytest.raises(asyncpg.PostgresError) as refused:
        await send(agent.connection, task_id, name, payload)

    assert refused.value.sqlstate == code


async def test_a_payload_that_others_cannot_read_is_refused(agent: Agent) -> None:
    task_id = await insert_task(agent.connection)

    with pytest.raises(asyncpg.PostgresError) as refused:
        await agent.connection.execute(
            "select from public.cogo_send_event($1, 'go', '1e400'::text::jsonb)", task_id
        )

    assert refused.value.sqlstate == "TQ009"


async def test_a_task_keeps_a_thousand_events_and_no_more(agent: Agent) -> None:
    task_id = await insert_task(agent.connection)
    await agent.connection.execute(
        "insert into public.cogo_sent_events (task_id, name, payload)"
        " select $1, 'go', 'null' from generate_series(1, 1000)",
        task_id,
    )

    with pytest.raises(asyncpg.PostgresError, match="1001 events") as refused:
        await send(agent.connection, task_id, "go")

    assert refused.value.sqlstate == "TQ008"


async def test_a_sleep_ends_at_its_time_and_not_before(database: Database, agent: Agent) -> None:
    until = database.now + timedelta(hours=1)
    task_id = await start_flow(agent, wait_step("nap", "sleep", run_at=str(until)))

    await database.jump(timedelta(minutes=59))
    assert await agent.claim("cio") == []
    await database.jump(timedelta(minutes=1))

    record = await read_record(agent, task_id)
    assert (record["nap"]["status"], record["nap"]["output"]) == ("completed", {})


async def test_the_reaper_ends_sleeps_too(database: Database, agent: Agent) -> None:
    until = database.now + timedelta(hours=1)
    task_id = await start_flow(agent, wait_step("nap", "sleep", run_at=str(until)))
    await database.jump(timedelta(hours=2))

    assert (await agent.reap())["promoted"] == 1

    assert await statuses(agent, task_id) == {"plan": "queued", "nap": "completed"}


async def test_a_sleep_that_is_over_while_the_task_is_held_ends_after_it_is_resumed(
    database: Database, agent: Agent
) -> None:
    until = database.now + timedelta(hours=1)
    task_id = await start_flow(agent, wait_step("nap", "sleep", run_at=str(until)))
    await agent.connection.execute("select from public.cogo_pause_task($1)", task_id)
    await database.jump(timedelta(hours=2))
    await agent.reap()
    assert await statuses(agent, task_id) == {"plan": "held", "nap": "held"}

    await agent.connection.execute("select from public.cogo_resume_task($1)", task_id)

    assert (await read_record(agent, task_id))["nap"]["status"] == "completed"
