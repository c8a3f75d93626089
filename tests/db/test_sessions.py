"""Conversations: pages, copies, deletion, and turns that end at the same time."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.support.eventually import eventually
from tests.support.sql.agent import Agent, Row, insert_task, plan_task, ref, task_of
from tests.support.sql.database import ALICE, BOB, Connection, Database

pytestmark = pytest.mark.db


def turn(number: int, **fields: object) -> list[Row]:
    """Return the two messages of a turn."""
    return [
        {"role": "user", "content": f"question {number}"},
        {"role": "assistant", "content": f"answer {number}"} | fields,
    ]


async def hold_turns(
    agent: Agent, count: int, *, session_id: UUID, owner: UUID | None = ALICE
) -> None:
    for number in range(1, count + 1):
        await plan_task(agent, owner=owner, session_id=session_id)
        [lease] = await agent.claim("model-a")
        assert await agent.complete(lease, messages=turn(number)) == "ok"


async def read(
    connection: Connection, session_id: UUID, owner: UUID | None = ALICE, **given: object
) -> Row | None:
    names = "".join(f", p_{name} => ${place}" for place, name in enumerate(given, start=3))
    row = await connection.fetchrow(
        f"select * from public.cogo_read_session($1, $2{names})",  # noqa: S608 - our own names
        owner,
        session_id,
        *given.values(),
    )
    return None if row is None else dict(row)


async def fetch_row(connection: Connection, statement: str, *values: object) -> tuple[Any, ...]:
    return tuple(*await connection.fetch(statement, *values))


def contents(page: Row | None) -> list[str]:
    assert page is not None
    return [each["content"] for each in page["messages"]]


async def test_a_claim_says_how_far_the_conversation_is(agent: Agent) -> None:
    session_id = uuid4()
    await plan_task(agent, owner=ALICE, session_id=session_id)
    [first] = await agent.claim("model-a")
    await agent.complete(first, messages=turn(1))
    await plan_task(agent, owner=ALICE, session_id=session_id)
    [second] = await agent.claim("model-a")
    await plan_task(agent, owner=ALICE)
    [third] = await agent.claim("model-a")

    page = await read(agent.connection, session_id)
    assert page is not None
    seq = first["task"]["session"]["seq"]
    assert first["task"]["session"] == {"seq": seq, "last_message": None, "revision": 0}
    newest = page["messages"][0]["seq"]
    assert second["task"]["session"] == {"seq": seq, "last_message": newest, "revision": 0}
    assert third["task"]["session"] is None


async def test_pages_are_read_newest_first_and_bounded(agent: Agent) -> None:
    session_id = uuid4()
    await hold_turns(agent, 3, session_id=session_id)

    first = await read(agent.connection, session_id, limit=4)
    assert first is not None
    assert contents(first) == ["answer 3", "question 3", "answer 2", "question 2"]
    assert first["is_more"]
    rest = await read(agent.connection, session_id, before=first["messages"][-1]["seq"])
    assert rest is not None
    assert (contents(rest), rest["is_more"]) == (["answer 1", "question 1"], False)
    newer = await read(agent.connection, session_id, after=rest["messages"][0]["seq"])
    assert contents(newer) == contents(first)
    # One message is always there, however long.
    short = await read(agent.connection, session_id, characters=12)
    assert short is not None
    assert (contents(short), short["is_more"]) == (["answer 3"], True)
    assert await read(agent.connection, uuid4()) is None


async def test_two_owners_of_one_id_have_two_conversations(
    database: Database, agent: Agent
) -> None:
    session_id = uuid4()
    await hold_turns(agent, 1, session_id=session_id, owner=ALICE)
    await hold_turns(agent, 2, session_id=session_id, owner=BOB)
    await hold_turns(agent, 3, session_id=session_id, owner=None)
    alice = await database.connect("authenticated", ALICE)

    for owner, count in ((ALICE, 2), (BOB, 4), (None, 6)):
        assert len(contents(await read(agent.connection, session_id, owner))) == count
        # A user gets their own, whoever they name.
        assert len(contents(await read(alice, session_id, owner))) == 2

    forget = "select * from public.cogo_forget_sessions($1, true, array[$2::uuid])"
    assert await fetch_row(alice, forget, BOB, session_id) == (1, 2)
    assert await read(agent.connection, session_id, ALICE) is None
    assert len(contents(await read(agent.connection, session_id, BOB))) == 4
    fork = "select public.cogo_fork_session($1, $2)"
    with pytest.raises(asyncpg.PostgresError) as refused:
        await alice.fetchval(fork, BOB, session_id)
    assert refused.value.sqlstate == "TQ002"


async def test_a_token_without_a_user_reads_and_copies_nothing(
    agent: Agent, database: Database
) -> None:
    session_id = uuid4()
    await hold_turns(agent, 1, session_id=session_id, owner=None)
    nobody = await database.connect("authenticated")

    for function in ("read", "fork"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="names no user"):
            await nobody.fetch(
                f"select * from public.cogo_{function}_session(null, $1)",  # noqa: S608
                session_id,
            )
    assert await agent.connection.fetchval("select count(*) from public.cogo_sessions") == 1


async def test_the_calls_of_a_turn_are_stored_with_its_answer(agent: Agent) -> None:
    session_id = uuid4()
    exchange = [
        {"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "name": "look"}]},
        {"role": "tool", "content": "found", "tool_call_id": "c1"},
    ]
    await plan_task(agent, owner=ALICE, session_id=session_id)
    [lease] = await agent.claim("model-a")
    deep: Any = "x"
    for _ in range(120):
        deep = [deep]

    assert await agent.complete(lease, messages=turn(1, exchange=deep)) == "invalid"
    assert await agent.complete(lease, messages=turn(1, exchange=exchange)) == "ok"

    page = await read(agent.connection, session_id)
    assert page is not None
    assert [each["exchange"] for each in page["messages"]] == [exchange, None]


async def test_turns_that_end_at_once_follow_one_another_whole(
    database: Database, agent: Agent
) -> None:
    session_id = uuid4()
    leases = []
    for _ in range(6):
        await plan_task(agent, owner=ALICE, session_id=session_id)
        leases += await agent.claim("model-a")
    agents = [Agent(await database.connect(), agent.id) for _ in leases]

    async with asyncio.TaskGroup() as group:
        ends = [
            group.create_task(each.complete(lease, messages=turn(number)))
            for number, (each, lease) in enumerate(zip(agents, leases, strict=True))
        ]

    assert [each.result() for each in ends] == ["ok"] * len(leases)
    said = contents(await read(agent.connection, session_id))
    assert len(said) == 2 * len(leases)
    for answer, question in zip(said[::2], said[1::2], strict=True):
        assert answer.removeprefix("answer ") == question.removeprefix("question ")


async def test_a_turn_waits_for_one_that_ends_before_it(database: Database, agent: Agent) -> None:
    session_id = uuid4()
    leases = []
    for _ in range(2):
        await plan_task(agent, owner=ALICE, session_id=session_id)
        leases += await agent.claim("model-a")
    slow = Agent(await database.connect(), agent.id)
    transaction = slow.connection.transaction()
    await transaction.start()
    assert await slow.complete(leases[0], messages=turn(1)) == "ok"
    watcher = await database.connect()

    async def is_waiting() -> bool:
        return bool(
            await watcher.fetchval(
                "select exists (select from pg_locks where not granted and locktype <> 'advisory')"
            )
        )

    async with asyncio.TaskGroup() as group:
        second = group.create_task(agent.complete(leases[1], messages=turn(2)))
        await eventually(is_waiting, within=20)
        await transaction.commit()

    assert second.result() == "ok"
    assert contents(await read(watcher, session_id)) == [
        "answer 2",
        "question 2",
        "answer 1",
        "question 1",
    ]


async def test_the_answer_of_a_deleted_task_goes_nowhere(agent: Agent) -> None:
    session_id = uuid4()
    await hold_turns(agent, 1, session_id=session_id)
    task_id = await plan_task(agent, owner=ALICE, session_id=session_id)
    [lease] = await agent.claim("model-a")
    await agent.connection.execute("delete from public.cogo_tasks where id = $1", task_id)

    assert await agent.complete(lease, messages=turn(2)) == "unknown"

    await agent.connection.execute("delete from public.cogo_tasks")
    page = await read(agent.connection, session_id)
    assert contents(page) == ["answer 1", "question 1"]
    assert page is not None
    assert page["messages"][0]["task_id"] is None
    assert page["revision"] == 0, "the deletion of its task is no change of a message"


async def test_a_session_that_was_forgotten_meanwhile_gets_no_answer(agent: Agent) -> None:
    session_id = uuid4()
    task_id = await plan_task(agent, owner=ALICE, session_id=session_id)
    [lease] = await agent.claim("model-a")
    forget = "select * from public.cogo_forget_sessions($1, p_ids => array[$2::uuid])"
    assert await fetch_row(agent.connection, forget, ALICE, session_id) == (1, 0)

    assert await agent.complete(lease, messages=turn(1)) == "ok"

    task = await task_of(agent, task_id)
    assert (task["status"], task["session_id"]) == ("completed", None)
    assert await agent.connection.fetchval("select count(*) from public.cogo_messages") == 0
    listed = await agent.connection.fetch("select * from public.cogo_forgotten_sessions()")
    assert [row[0] for row in listed] == [lease["task"]["session"]["seq"]]


@pytest.mark.parametrize("owner", [None, ALICE])
async def test_a_copy_ends_with_the_turn_that_is_named(agent: Agent, owner: UUID | None) -> None:
    session_id, taken = uuid4(), uuid4()
    await hold_turns(agent, 3, session_id=session_id, owner=owner)
    page = await read(agent.connection, session_id, owner)
    assert page is not None
    question = page["messages"][3]["seq"]
    fork = "select public.cogo_fork_session($1, $2, $3, $4)"

    copy = None
    for through in (question, question + 1):
        copy = await agent.connection.fetchval(fork, owner, session_id, through, None)
        said = contents(await read(agent.connection, copy, owner))
        assert said == ["answer 2", "question 2", "answer 1", "question 1"]
    await agent.connection.fetchval(fork, owner, session_id, None, taken)
    assert len(contents(await read(agent.connection, taken, owner))) == 6
    assert await agent.connection.fetchval(fork, owner, session_id, None, taken) == taken
    with pytest.raises(asyncpg.PostgresError) as refused:
        await agent.connection.fetchval(fork, owner, copy, None, taken)
    assert refused.value.sqlstate == "TQ003"
    assert len(contents(await read(agent.connection, session_id, owner))) == 6
    first, last = page["messages"][-1]["seq"], page["messages"][0]["seq"]
    for beyond in (first - 1, last + 1, -1, 2**53):
        with pytest.raises(asyncpg.PostgresError, match="is no message of the session"):
            await agent.connection.fetchval(fork, owner, session_id, beyond, None)


async def test_a_task_forks_a_session_once(agent: Agent, database: Database) -> None:
    session_id = uuid4()
    await hold_turns(agent, 2, session_id=session_id)
    fork = {"fork_session": {"session_id": str(session_id)}}
    alice = await database.connect("authenticated", ALICE)

    task_id = await insert_task(alice, "what else?", params=fork)
    copy = (await task_of(agent, task_id))["session_id"]
    assert copy not in {None, session_id}
    # The next run of a task has the same params.
    await insert_task(alice, "and then?", params=fork, session_id=copy)

    assert len(contents(await read(agent.connection, copy))) == 4
    assert len(contents(await read(agent.connection, session_id))) == 4
    row = "select forked_from, messages from public.cogo_sessions where id = $1"
    assert await fetch_row(alice, row, copy) == (session_id, 4)
    bob = await database.connect("authenticated", BOB)
    with pytest.raises(asyncpg.PostgresError) as refused:
        await insert_task(bob, "mine?", params=fork)
    assert refused.value.sqlstate == "TQ002"


async def test_a_copy_keeps_the_summary_of_what_was_copied(agent: Agent) -> None:
    session_id = uuid4()
    await hold_turns(agent, 3, session_id=session_id)
    page = await read(agent.connection, session_id)
    assert page is not None
    seqs = [each["seq"] for each in page["messages"]][::-1]
    await agent.connection.execute(
        "insert into cogo.session_summaries (session_seq, owner, through, content)"
        " values ($1, $2, $3, 'they greeted')",
        page["seq"],
        ALICE,
        seqs[3],
    )
    fork = "select public.cogo_fork_session($1, $2, $3)"

    whole = await read(
        agent.connection, await agent.connection.fetchval(fork, ALICE, session_id, None)
    )
    part = await read(
        agent.connection, await agent.connection.fetchval(fork, ALICE, session_id, seqs[1])
    )

    assert whole is not None
    assert part is not None
    assert whole["summary"]["content"] == "they greeted"
    assert whole["summary"]["through"] == whole["messages"][2]["seq"]
    assert part["summary"] is None
    unsummarised = await agent.connection.fetchval(
        "select unsummarised from public.cogo_sessions where seq = $1", whole["seq"]
    )
    assert unsummarised == len("question 3") + len("answer 3")


async def test_a_changed_message_changes_the_revision(agent: Agent) -> None:
    session_id = uuid4()
    await hold_turns(agent, 2, session_id=session_id)
    execute = agent.connection.execute

    await execute("update public.cogo_messages set content = 'no' where content = 'answer 1'")
    changed = await read(agent.connection, session_id)
    await execute("delete from public.cogo_messages where content = 'answer 2'")
    shorter = await read(agent.connection, session_id)

    assert changed is not None
    assert shorter is not None
    assert (changed["revision"], shorter["revision"]) == (1, 2)
    assert shorter["last_message"] == shorter["messages"][0]["seq"] < changed["last_message"]


async def test_a_batch_of_turns_of_one_session_keeps_its_order(agent: Agent) -> None:
    session_id = uuid4()
    leases = []
    for _ in range(3):
        await plan_task(agent, owner=ALICE, session_id=session_id)
        leases += await agent.claim("model-a")
    items = [
        ref(lease) | {"output": {"text": "x"}, "messages": turn(number)}
        for number, lease in enumerate(leases)
    ]

    await agent.complete_all(items)

    said = contents(await read(agent.connection, session_id))
    assert said == [f"{role} {n}" for n in (2, 1, 0) for role in ("answer", "question")]
