"""The log of actions: no change of a control escapes it, and nobody can change what it says."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from tests.db.calls import a_call, begin, cap, end
from tests.support.node import call_console_functions
from tests.support.sql.agent import Agent, insert_task, plan_task
from tests.support.sql.database import ALICE, BOB, Connection, Database
from tests.support.sql.waits import start_flow, wait_step

pytestmark = pytest.mark.db


async def actions(connection: Connection) -> list[dict[str, Any]]:
    found = await connection.fetch(
        "select who, kind, subject, before, after, reason from public.cogo_actions order by id"
    )
    return [dict(each) for each in found]


async def as_operator(connection: Connection, **said: object) -> None:
    """Send what the next statements are asked with, as PostgREST does."""
    headers = {"x-cogo-operator": json.dumps(said)}
    await connection.execute("select set_config('request.headers', $1, false)", json.dumps(headers))


PLAIN = [
    ("insert into cogo.lanes (lane, paused) values ('a', true)", "lane", "a"),
    ("insert into cogo.owners (owner, paused) values ($1, true)", "owner", str(ALICE)),
    (
        "insert into cogo.controls (scope, subject, action, reason, who)"
        " values ('everywhere', 'a', 'ban', 'x', 'y')",
        "model", "a",
    ),
    (
        "insert into cogo.policies (owner, policy, who) values ($1, 'scored', 'y')",
        "policy", str(ALICE),
    ),
    ("insert into cogo.grants (owner, kind, name) values ($1, 'model', 'a')", "grant", str(ALICE)),
    ("select from public.cogo_set_project_member('a', $1, 'editor')", "member", f"a:{ALICE}"),
    (
        "insert into cogo.budgets (scope, key, per, limit_usd, period_start)"
        " values ('total', '', 'day', 1, now())",
        "budget", "total:day",
    ),
    ("insert into cogo.api_keys (id, name, hash) values ('k', 'n', 'secret')", "key", "k"),
    ("insert into cogo.spending_stop default values", "spending", "all"),
]  # fmt: skip
CHANGES = [
    ("lanes", "paused = not paused"),
    ("lanes", "max_running = 3"),
    ("owners", "per_minute = 3"),
    ("controls", "action = 'drain'"),
    ("policies", "policy = 'fast'"),
    ("grants", "name = 'b'"),
    ("budgets", "limit_usd = 99"),
    ("budgets", "extra_usd = 99"),
    ("budgets", "allow_unpriced = true"),
    ("api_keys", "scopes = '{admin}'"),
    ("api_keys", "hash = 'another'"),
    ("api_keys", "expires_at = null, revoked_at = now()"),
]


async def change_all(owner: Connection) -> None:
    for statement, _, _ in PLAIN:
        await owner.execute(statement, *([ALICE] if "$1" in statement else []))


async def test_plain_sql_is_recorded_with_the_role_that_ran_it(database: Database) -> None:
    owner = await database.connect("postgres")

    await change_all(owner)

    found = await actions(owner)
    assert [(each["kind"], each["subject"]) for each in found] == [
        (kind, subject) for _, kind, subject in PLAIN
    ]
    assert {each["who"] for each in found} == {"database:postgres"}
    assert all(each["before"] is None and each["after"] is not None for each in found)
    assert "secret" not in str(found)


@pytest.mark.parametrize(("table", "change"), CHANGES)
async def test_a_change_by_plain_sql_is_recorded_as_what_it_was_and_is(
    database: Database, table: str, change: str
) -> None:
    owner = await database.connect("postgres")
    await change_all(owner)
    before = len(await actions(owner))

    await owner.execute(f"update cogo.{table} set {change}")  # noqa: S608

    [action] = (await actions(owner))[before:]
    assert action["before"].keys() <= action["after"].keys()
    assert action["before"] != action["after"]
    assert "another" not in str(action)
    await owner.execute(f"update cogo.{table} set {change}" if "not" not in change else "select")  # noqa: S608
    if "now()" not in change:
        assert len(await actions(owner)) == before + 1  # nothing has changed
    await owner.execute(f"delete from cogo.{table}")  # noqa: S608
    last = (await actions(owner))[-1]
    is_over = table == "api_keys" and "revoked_at" in change
    assert is_over or last["after"] is None


async def test_claims_and_calls_are_no_actions(database: Database, agent: Agent) -> None:
    await cap(agent, 5)
    await cap(agent, 1, "owner", "*")
    await agent.connection.execute("select public.cogo_set_lane('model-a', null, 8, 100)")
    await agent.connection.execute("select public.cogo_set_owner($1, null, 8, 100)", ALICE)
    before = await actions(agent.connection)
    await plan_task(agent, owner=ALICE)
    [lease] = await agent.claim("model-a")
    call = a_call(lease, 0.5)
    assert (await begin(agent, call))["answer"] == "ok"
    assert await end(agent, call, 0.25)
    await agent.complete(lease)
    await database.jump(timedelta(days=1))
    await plan_task(agent, owner=ALICE)
    [lease] = await agent.claim("model-a")
    assert (await begin(agent, a_call(lease, 0.5)))["answer"] == "ok"

    assert await actions(agent.connection) == before
    assert [each["subject"] for each in before] == [
        "total:day", "owner:*:day", "model-a", str(ALICE),
    ]  # fmt: skip


async def test_a_program_names_its_operator_and_the_reason(agent: Agent) -> None:
    await as_operator(agent.connection, who="key:k1", reason="too much")
    await agent.connection.execute("select public.cogo_set_lane('a', true)")
    await agent.connection.execute("select set_config('cogo.who', 'ann', false)")
    await agent.connection.execute("select public.cogo_set_lane('a', false)")
    await agent.connection.execute("select public.cogo_control_model('ban', 'm', p_who => 'bob',"
                                   " p_reason => 'it lies')")  # fmt: skip

    assert [(each["who"], each["reason"]) for each in await actions(agent.connection)] == [
        ("key:k1", "too much"), ("ann", "too much"), ("bob", "it lies"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "header", ["", "{", "[]", '"x"', "null", '{"who": null}', '{"who": ""}', '{"who": {}}', "\\"]
)
async def test_a_header_that_cannot_be_read_stops_no_action(agent: Agent, header: str) -> None:
    sent = json.dumps({"x-cogo-operator": header})
    await agent.connection.execute("select set_config('request.headers', $1, false)", sent)

    await agent.connection.execute("select public.cogo_set_lane('a', true)")

    [action] = await actions(agent.connection)
    assert action["who"] in {"database:service_role", "{}"}


async def test_a_user_cannot_act_in_the_name_of_somebody_else(
    database: Database, agent: Agent
) -> None:
    alice = await database.connect("authenticated", ALICE)
    await as_operator(alice, who="key:admin")
    await alice.execute("select set_config('cogo.who', 'mallory', false)")

    task_id = await insert_task(agent.connection, owner=ALICE)
    await alice.execute("select id from public.cogo_cancel_task($1)", task_id)

    assert await actions(agent.connection) == []


async def test_nobody_changes_or_deletes_what_was_recorded(
    database: Database, agent: Agent
) -> None:
    await agent.connection.execute("select public.cogo_set_lane('a', true)")
    alice = await database.connect("authenticated", ALICE)
    for statement in (
        "update public.cogo_actions set who = 'nobody'",
        "delete from public.cogo_actions",
        "truncate public.cogo_actions",
        "insert into public.cogo_actions (who, kind, subject) values ('a', 'b', 'c')",
    ):
        for connection in (agent.connection, alice):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await alice.fetch("select * from public.cogo_actions")
    assert len(await actions(agent.connection)) == 1


async def test_what_operators_do_to_tasks_not_their_own_is_recorded(agent: Agent) -> None:
    hers, his, nobodys = [
        await insert_task(agent.connection, owner=each) for each in (ALICE, BOB, None)
    ]
    await as_operator(agent.connection, who="key:k1", owner=str(BOB))
    for task_id in (hers, his, nobodys):
        await agent.connection.execute("select id from public.cogo_pause_task($1)", task_id)
    await as_operator(agent.connection, who="key:k2")
    for task_id in (hers, nobodys):
        await agent.connection.execute("select id from public.cogo_cancel_task($1)", task_id)
    await agent.connection.execute("select set_config('request.headers', '', false)")
    await agent.connection.execute(
        "select id from public.cogo_cancel_task($1)", his
    )  # the gateway, for him

    found = await actions(agent.connection)
    assert [(each["who"], each["subject"], each["after"]["action"]) for each in found] == [
        ("key:k1", str(hers), "pause"),
        ("key:k1", str(nobodys), "pause"),
        ("key:k2", str(hers), "cancel"),
        ("key:k2", str(nobodys), "cancel"),
    ]


async def test_answers_of_operators_are_recorded_once_and_without_the_comment(
    agent: Agent,
) -> None:
    await as_operator(agent.connection, who="local")
    for owner, function in ((None, "answer_approval"), (ALICE, "approve_subtask")):
        asks = wait_step("ok", "approve", params={"question": "May I?"})
        task = await start_flow(agent, asks, owner=owner)
        [question] = await agent.connection.fetch(
            "select * from public.cogo_approvals where task_id = $1", task
        )
        asked = question["id" if function == "answer_approval" else "subtask_id"]
        for _ in range(2):  # a repeated answer changes nothing
            await agent.connection.execute(
                f"select from public.cogo_{function}($1, true, 'a secret')", asked
            )

        [*_, action] = found = await actions(agent.connection)
        assert [each["subject"] for each in found].count(str(task)) == 1
        assert (action["who"], action["kind"]) == ("local", "task")
        assert action["after"] == {
            "action": "answer_approval", "approval": question["key"], "approved": True,
        }  # fmt: skip


async def test_long_and_odd_values_are_recorded(agent: Agent) -> None:
    lane = "a'; drop table x; --\u202e" + "x" * 5_000
    await as_operator(agent.connection, who="w" * 1_000, reason="r" * 10_000)
    await agent.connection.execute("select public.cogo_set_lane($1, true)", lane)

    [action] = await actions(agent.connection)
    assert action["subject"] == lane
    assert len(action["who"]) == 200
    assert len(action["reason"]) == 2_000


async def test_an_erasure_is_recorded_without_whom_it_erased(agent: Agent) -> None:
    erased = uuid4()
    await agent.connection.execute("select public.cogo_set_owner($1, true)", erased)
    await as_operator(agent.connection, who="cli:ann@here")
    while True:
        done = await agent.connection.fetchval("select public.cogo_erase_owner($1)", erased)
        if done["is_done"]:
            break

    found = await actions(agent.connection)
    assert str(erased) not in str(found)
    assert [(each["kind"], each["subject"] == "erased") for each in found] == [
        ("owner", True), ("erasure", False), ("owner", True),
    ]  # fmt: skip
    assert found[1]["who"] == "cli:ann@here"


async def test_a_change_of_grants_is_one_action(agent: Agent, database: Database) -> None:
    grant = "select from public.cogo_set_grants($1, $2, $3, $4, $5)"
    connection = agent.connection
    await connection.execute(grant, ALICE, ["a", "b"], ["p"], ["alpha"], 3)
    await connection.execute(grant, ALICE, ["b", "c"], [], [], None)
    await connection.execute(grant, ALICE, ["c", "b"], [], [], 3)  # nothing changes
    owner = await database.connect("postgres")
    async with owner.transaction():
        for name in ("x", "y"):
            await owner.execute("insert into cogo.grants values ($1, 'tool', $2)", BOB, name)
        await owner.execute("delete from cogo.grants where name = 'x'")
    await owner.execute("update cogo.grants set name = 'z' where name = 'y'")

    found = await owner.fetch(
        "select subject, before, after from public.cogo_actions where kind = 'grant' order by id"
    )

    first = {
        "model": ["a", "b"],
        "provider": ["p"],
        "alias": ["a", "alpha", "b"],
        "priority": ["3"],
    }
    assert [tuple(each) for each in found] == [
        (str(ALICE), None, first),
        (
            str(ALICE),
            {"model": ["a"], "provider": ["p"], "alias": ["a", "alpha"]},
            {"model": ["c"], "alias": ["c"]},
        ),
        (str(BOB), {"tool": ["x"]}, {"tool": ["x", "y"]}),
        (str(BOB), {"tool": ["y"]}, {"tool": ["z"]}),
    ]


async def test_the_console_has_words_for_each_field_that_is_recorded(
    database: Database, tmp_path: Path
) -> None:
    owner = await database.connect("postgres")
    found = await owner.fetch(
        "select t.tgargs, a.attname from pg_trigger t"
        " join pg_attribute a on a.attrelid = t.tgrelid and a.attnum > 0 and not a.attisdropped"
        " where t.tgfoid = 'cogo.record_action'::regproc"
    )
    fields = set()
    for each in found:
        kind, _, hidden = each["tgargs"].decode().split("\0")[:3]
        if each["attname"] not in hidden.split(","):
            fields.add((kind, each["attname"]))
    assert fields >= {("lane", "paused"), ("key", "revoked_at")}
    calls = [("nameField", *each) for each in sorted(fields)]
    named = call_console_functions(tmp_path, "operate/field_words.js", *calls)
    assert [call for call, name in zip(calls, named, strict=True) if name == call[2]] == []
