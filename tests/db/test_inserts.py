import json
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.support.sql.agent import Agent, insert_task, plan_task, step, task_of
from tests.support.sql.database import ALICE, BOB, Database

pytestmark = pytest.mark.db


async def test_a_prompt_is_all_that_a_task_needs(database: Database) -> None:
    alice = await database.connect("authenticated", ALICE)

    row = await alice.fetchrow(
        "insert into public.cogo_tasks (prompt) values ('sort a list') returning *"
    )

    assert row is not None
    assert (row["type"], row["status"], row["priority"]) == ("GENERATE_CODE", "pending", 5)
    assert (row["params"], row["preferences"], row["stream"]) == ({}, {}, True)
    assert (row["owner"], row["created_at"]) == (ALICE, database.now)


async def test_nulls_mean_the_defaults(agent: Agent) -> None:
    nulls = dict.fromkeys(["type", "params", "priority", "preferences", "stream", "owner"])

    task = await task_of(agent, await insert_task(agent.connection, "sort a list", **nulls))

    assert (task["type"], task["params"], task["priority"], task["stream"]) == (
        "GENERATE_CODE",
        {},
        5,
        True,
    )


async def test_the_model_auto_is_no_model_in_rows_too(agent: Agent) -> None:
    for name, stored in (("auto", None), (" Auto ", None), ("", None), ("my-model", "my-model")):
        task = await task_of(agent, await insert_task(agent.connection, "sort a list", model=name))
        assert task["model"] == stored
    query = "select (public.cogo_submit_task('sort', p_model => $1, p_idempotency_key => 'k')).id"
    assert len({await agent.connection.fetchval(query, name) for name in ("auto", None, "")}) == 1


async def test_columns_that_a_person_may_not_set_are_reset(
    agent: Agent, database: Database
) -> None:
    task = await task_of(
        agent,
        await insert_task(
            agent.connection,
            status="completed",
            result={"x": 1},
            error={"x": 1},
            cost_usd=-5,
            input_tokens=9,
            finished_at=database.now,
            started_at=database.now,
            cancel_requested_at=database.now,
            paused_at=database.now,
        ),
    )

    assert (task["status"], task["result"], task["error"]) == ("pending", None, None)
    assert (task["cost_usd"], task["input_tokens"]) == (0, 0)
    assert task["started_at"] is task["finished_at"] is task["paused_at"] is None


async def test_a_person_may_not_even_name_the_systems_columns(database: Database) -> None:
    alice = await database.connect("authenticated", ALICE)

    for column, value in (("status", "completed"), ("cost_usd", -1), ("output_tokens", 7)):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await insert_task(alice, "sort a list", **{column: value})


@pytest.mark.parametrize(
    "params",
    [
        """{"response_schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}""",
        """{"tools": ["lookup", "mcp:docs/*", "cogo:run_code"], "tool_limits": {"turns": 3}}""",
        # Wrong ones are left to the orchestrator, which says what is wrong with them.
        """{"response_schema": {"type": "objet"}, "tools": "lookup"}""",
        """{"response_schema": {"pattern": "(a+)+$"}, "tools": [null, 7, {"name": "x"}]}""",
        """{"response_schema": "no schema", "client_tools": {}, "attachments": 7}""",
    ],
)
async def test_a_person_asks_for_data_and_tools_in_plain_sql(
    agent: Agent, database: Database, params: str
) -> None:
    alice = await database.connect("authenticated", ALICE)

    # As it is typed, without a parameter.
    await alice.execute(
        f"insert into cogo_tasks (prompt, params) values ('how many?', '{params}')"  # noqa: S608
    )

    [lease] = await agent.claim("cio")
    assert lease["task"]["params"] == json.loads(params)
    assert lease["tools_granted"] is None


@pytest.mark.parametrize(
    ("schema", "code", "told"),
    [
        ('{"items":' * 120 + "{}" + "}" * 120, "TQ009", "nested more than 100 levels deep"),
        ('{"enum": ["' + "a" * 1_048_576 + '"]}', "TQ008", "the limit is 1048576"),
        ('{"maximum": 1' + "0" * 400 + "}", "TQ009", "a number beyond 1.8e308"),
        ('{"type": ', "22P02", "invalid input syntax"),
    ],
)
async def test_what_no_program_could_read_is_refused_at_once(
    database: Database, schema: str, code: str, told: str
) -> None:
    alice = await database.connect("authenticated", ALICE)

    with pytest.raises(asyncpg.PostgresError, match=told) as refused:
        await alice.execute(
            "insert into cogo_tasks (prompt, params)"  # noqa: S608
            f""" values ('x', '{{"response_schema": {schema}}}')"""
        )

    assert refused.value.sqlstate == code


async def test_nothing_that_a_person_gets_wrong_is_refused(database: Database) -> None:
    alice = await database.connect("authenticated", ALICE)

    await insert_task(alice, "", type="DANCE", params=[1], priority=-100, model="no such model")

    reader = Agent(await database.connect())
    [lease] = await reader.claim("cio")
    assert (lease["priority"], lease["task"]["type"], lease["task"]["params"]) == (0, "DANCE", [1])


async def test_the_owner_is_who_inserts(database: Database) -> None:
    alice = await database.connect("authenticated", ALICE)

    task_id = await insert_task(alice, owner=BOB)

    assert (
        await alice.fetchval("select owner from public.cogo_tasks where id = $1", task_id) == ALICE
    )


async def test_a_token_that_names_no_user_asks_for_nothing(database: Database) -> None:
    nobody = await database.connect("authenticated")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await insert_task(nobody)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await nobody.execute("select from public.cogo_submit_task('sort')")


async def test_an_operator_inserts_for_any_owner(agent: Agent) -> None:
    owned = await insert_task(agent.connection, owner=ALICE)
    unowned = await insert_task(agent.connection)

    assert (await task_of(agent, owned))["owner"] == ALICE
    assert (await task_of(agent, unowned))["owner"] is None


async def test_the_same_key_gives_the_same_task(database: Database) -> None:
    alice = await database.connect("authenticated", ALICE)
    bob = await database.connect("authenticated", BOB)
    operator = await database.connect()
    submit = (
        "select id, owner, prompt from public.cogo_submit_task("
        " p_prompt => $1, p_idempotency_key => 'k')"
    )

    first = await alice.fetchrow(submit, "one")
    again = await alice.fetchrow(submit, "one")
    bobs = await bob.fetchrow(submit, "three")
    unowned = await operator.fetchrow(submit, "four")
    unowned_again = await operator.fetchrow(submit, "four")

    assert first == again
    assert first is not None
    assert bobs is not None
    assert (first["owner"], bobs["owner"]) == (ALICE, BOB)
    assert unowned is not None
    assert (unowned["owner"], unowned["prompt"]) == (None, "four")
    assert unowned_again == unowned
    with pytest.raises(asyncpg.UniqueViolationError):
        await insert_task(alice, idempotency_key="k")


@pytest.mark.parametrize("named", ["p_idempotency_key => 'k'", f"p_id => '{UUID(int=7)}'"])
async def test_the_same_key_for_another_request_is_refused(database: Database, named: str) -> None:
    alice = await database.connect("authenticated", ALICE)

    async def submit(**asked: str) -> Any:
        arguments = {"p_prompt": "'sort'", "p_params": '\'{"a": 1, "b": 2}\''} | asked
        listed = ", ".join(f"{name} => {value}" for name, value in arguments.items())
        statement = f"select id from public.cogo_submit_task({listed}, {named})"  # noqa: S608 -- ours
        return await alice.fetchval(statement)

    first = await submit()
    others = [
        {"p_prompt": "'sort it'"}, {"p_type": "'CHAT'"}, {"p_params": "'{\"a\": 1}'"},
        {"p_priority": "4"}, {"p_model": "'m'"}, {"p_preferences": "'{\"p\": 1}'"},
        {"p_session_id": "gen_random_uuid()"}, {"p_budget_usd": "1"}, {"p_stream": "false"},
    ]  # fmt: skip

    for other in others:
        with pytest.raises(asyncpg.PostgresError, match=str(first)) as told:
            await submit(**other)
        assert told.value.sqlstate == "TQ004", other
    same = {"p_params": '\'{"b": 2, "a": 1}\'', "p_deadline": "now()", "p_type": "null"}
    assert await submit(**same) == first


async def test_tasks_without_a_key_are_never_the_same(database: Database) -> None:
    alice = await database.connect("authenticated", ALICE)
    submit = "select id from public.cogo_submit_task('sort')"

    assert await alice.fetchval(submit) != await alice.fetchval(submit)


async def test_submitting_passes_everything_on(database: Database, agent: Agent) -> None:
    session_id = uuid4()

    task_id = await agent.connection.fetchval(
        "select id from public.cogo_submit_task("
        " p_prompt => 'p', p_type => 'CHAT', p_params => '{\"a\": 1}', p_priority => 2,"
        " p_model => 'm', p_preferences => '{\"b\": 2}', p_session_id => $1,"
        " p_budget_usd => 1.5, p_deadline => $2, p_run_at => $2, p_stream => false)",
        session_id,
        database.now,
    )

    task = await task_of(agent, task_id)
    assert (task["type"], task["params"], task["priority"]) == ("CHAT", {"a": 1}, 2)
    assert (task["model"], task["preferences"], task["session_id"]) == ("m", {"b": 2}, session_id)
    assert (float(task["budget_usd"]), task["stream"]) == (1.5, False)
    assert task["deadline"] == task["run_at"] == database.now


async def test_the_id_of_a_session_is_separate_for_each_owner(
    database: Database, agent: Agent
) -> None:
    alice = await database.connect("authenticated", ALICE)
    bob = await database.connect("authenticated", BOB)
    session_id = uuid4()

    for connection, prompt in ((bob, "taken"), (alice, "mine"), (agent.connection, "nobody's")):
        await insert_task(connection, prompt, session_id=session_id)
    await insert_task(alice, "more", session_id=session_id)
    for plan in await agent.claim("cio"):
        await agent.complete(plan, plan={"subtasks": [step("code")]})
    for lease in await agent.claim("model-a"):
        said = {"role": "user", "content": lease["task"]["prompt"]}
        assert await agent.complete(lease, messages=[said]) == "ok"

    for connection, title, heard in ((alice, "mine", {"mine", "more"}), (bob, "taken", {"taken"})):
        sessions = await connection.fetch("select id, title from public.cogo_sessions")
        assert [tuple(row) for row in sessions] == [(session_id, title)]
        messages = await connection.fetch("select content from public.cogo_messages")
        assert {row["content"] for row in messages} == heard


@pytest.mark.parametrize("owner", [None, ALICE])
async def test_a_session_that_is_deleted_takes_its_messages_and_no_others_along(
    agent: Agent, owner: UUID | None
) -> None:
    session_id = uuid4()
    task_ids = []
    for each in (owner, BOB):
        task_ids.append(await plan_task(agent, owner=each, session_id=session_id))
        [lease] = await agent.claim("model-a")
        await agent.complete(lease, messages=[{"role": "user", "content": str(each)}])

    await agent.connection.execute(
        "delete from public.cogo_sessions where owner is not distinct from $1", owner
    )

    messages = await agent.connection.fetch("select content from public.cogo_messages")
    assert [row["content"] for row in messages] == [str(BOB)]
    tasks = [await task_of(agent, task_id) for task_id in task_ids]
    assert [task["session_id"] for task in tasks] == [None, session_id]
