"""Whatever belongs to a project is exported, and erased to the last row, and nothing else."""

# ruff: noqa: S608 -- the statements are put together from our own names.

import hashlib
import json
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.db.calls import a_call, begin, end
from tests.support.sql.agent import Agent, plan_task, step
from tests.support.sql.database import ALICE, BOB, Connection, Database

pytestmark = pytest.mark.db

WEB: Final = "web"
OTHER: Final = "web:2"
"""A project whose name begins with that of another."""
TABLES: Final = (
    "select format('%I.%I', n.nspname, c.relname) from pg_class c"
    " join pg_namespace n on n.oid = c.relnamespace"
    " where c.relkind in ('r', 'p') and (n.nspname = 'cogo'"
    " or n.nspname = 'public' and c.relname like 'cogo\\_%')"
)


@pytest.fixture
async def everything(database: Database) -> Connection:
    """Open a connection that reads every row of every table."""
    return await database.connect("postgres")


async def work(
    agent: Agent, owner: UUID | None, project: str | None, word: str, session: UUID
) -> UUID:
    """Do a task whose texts hold `word`, with a call, a message and a fact; return its id."""
    service = agent.connection
    task: UUID = await plan_task(
        agent, step("a"), prompt=word, owner=owner, project=project, session_id=session
    )
    [lease] = await agent.claim("model-a")
    await agent.extend(lease, content=word)
    call = a_call(lease, owner=None if owner is None else str(owner), project=project)
    await begin(agent, call)
    await end(agent, call | {"prompt": {"text": word}, "task_id": str(task)}, 0.5)
    said = {"role": "assistant", "content": word}
    assert await agent.complete(lease, output={"text": word}, messages=[said]) == "ok"
    fact = {"content": f"{word} is remembered", "task_id": str(task)}
    await service.execute("select from public.cogo_remember($1, $2)", owner, [fact])
    await service.execute("select from public.cogo_feedback($1, 1, $2)", task, word)
    return task


async def furnish(agent: Agent, project: str) -> None:
    """Add a member, a cap and a key to a project."""
    for statement, *values in (
        ("select from public.cogo_set_project_member($1, $2, 'editor')", project, ALICE),
        ("select from public.cogo_set_budget('project', $1, 'day', 100)", project),
        (
            "insert into cogo.api_keys (id, name, hash, owner, project)"
            " values ('key-' || $1, 'k', repeat('f', 64), $2, $1)",
            project,
            ALICE,
        ),
    ):
        await agent.connection.execute(statement, *values)


async def erase_all(service: Connection, project: str, **options: Any) -> dict[str, Any]:
    """Erase batch by batch; return the last answer."""
    arguments = "".join(f", p_{name} => ${place}" for place, name in enumerate(options, 2))
    for _ in range(200):
        answer: dict[str, Any] = await service.fetchval(
            f"select public.cogo_erase_project($1{arguments})", project, *options.values()
        )
        assert "left" not in answer, answer
        if answer["is_done"] or "waiting" in answer:
            return answer
    raise AssertionError("it does not end")


async def find_traces(everything: Connection, *words: str) -> dict[str, int]:
    """Return the number of rows, by table, that hold one of these words anywhere."""
    found = {}
    for [name] in await everything.fetch(TABLES):
        count = await everything.fetchval(
            f"select count(*) from {name} t where t::text like any ($1)", [f"%{w}%" for w in words]
        )
        if count:
            found[name] = count
    return found


async def export(service: Connection, project: str, limit: int = 500) -> dict[str, list[Any]]:
    """Return the rows of a project by table."""
    found: dict[str, list[Any]] = {}
    for [name] in await service.fetch("select name from public.cogo_export_tables(true)"):
        place = None
        while page := await service.fetch(
            "select * from public.cogo_export_project($1, $2, $3, $4)", project, name, place, limit
        ):
            found.setdefault(name, []).extend(row["data"] for row in page)
            place = page[-1]["place"]
    return found


async def test_nothing_of_an_erased_project_is_left_and_nothing_else_goes(
    agent: Agent, everything: Connection
) -> None:
    service, shared, hers = agent.connection, uuid4(), uuid4()
    for project in (WEB, OTHER):
        await furnish(agent, project)
        add = "select from public.cogo_set_project_member($1, $2, 'editor')"
        await service.execute(add, project, BOB)
    tasks = [
        await work(agent, ALICE, WEB, "secret-of-web", shared),
        await work(agent, ALICE, WEB, "secret-of-web", hers),
        await work(agent, None, WEB, "secret-of-web", shared),
    ]
    await work(agent, ALICE, None, "kept-by-alice", shared)
    await work(agent, BOB, OTHER, "kept-by-bob", shared)
    counted = await service.fetchval(
        "select public.cogo_erase_project($1, p_dry_run => true) -> 'erased'", WEB
    )
    kept = await find_traces(everything, "kept-by-alice", "kept-by-bob")
    others = await export(service, OTHER)
    usage = "select owner, sum(cost_usd), count(*) from public.cogo_calls group by owner order by 1"
    spent = await everything.fetch(usage)

    answer = await erase_all(service, WEB, limit=2, requested_by="cli:test")

    assert answer["is_done"]
    assert await find_traces(everything, "secret-of-web", *map(str, tasks)) == {}
    assert await service.fetchval("select cogo.count_of_project($1)", WEB) == {}
    assert await find_traces(everything, "kept-by-alice", "kept-by-bob") == kept
    assert await export(service, OTHER) == others
    assert await everything.fetch(usage) == spent
    sessions = await everything.fetch("select owner, id from public.cogo_sessions")
    assert {(row["owner"], row["id"]) for row in sessions} == {(ALICE, shared), (BOB, shared)}
    receipt = json.loads(answer["receipt"])
    assert (receipt["project"], receipt["requested_by"]) == (WEB, "cli:test")
    assert "owner" not in receipt
    # That members, keys and caps go is noted, and forgotten with the rest.
    assert receipt["erased"].pop("public.cogo_actions") > counted.pop("public.cogo_actions")
    assert counted.items() <= receipt["erased"].items()
    assert hashlib.sha256(answer["receipt"].encode()).hexdigest() == answer["sha256"]
    [noted] = await everything.fetch("select * from cogo.erasures")
    assert noted["owner_sha256"] == hashlib.sha256(f"project:{WEB}".encode()).hexdigest()
    again = await erase_all(service, WEB)
    assert json.loads(again["receipt"])["erased"] == {}


async def test_an_erasure_of_a_project_is_recorded_without_its_name(agent: Agent) -> None:
    await furnish(agent, "launch-of-mars")

    await erase_all(agent.connection, "launch-of-mars", requested_by="cli:anna@host")

    rows = await agent.connection.fetch("select * from public.cogo_actions order by id")
    assert [row["who"] for row in rows if row["kind"] == "erasure"] == ["cli:anna@host"]
    assert {row["subject"] for row in rows if row["kind"] in {"member", "budget"}} == {"erased"}
    assert "launch-of-mars" not in str([dict(row) for row in rows if row["kind"] != "key"])


async def test_running_tasks_of_a_project_are_cancelled_and_waited_for(agent: Agent) -> None:
    await plan_task(agent, step("a"), owner=ALICE, project=WEB)
    await plan_task(agent, step("b", lane="model-b"), owner=ALICE)
    [lease] = await agent.claim("model-a")

    held = await erase_all(agent.connection, WEB)
    assert held["waiting"] == 1
    await agent.complete(lease)
    await agent.release()
    assert (await erase_all(agent.connection, WEB))["is_done"]

    assert await agent.connection.fetchval("select array_agg(status) from public.cogo_tasks") == [
        "running"
    ]


async def test_an_export_of_a_project_has_every_row_once_and_nothing_of_others(
    agent: Agent,
) -> None:
    await furnish(agent, WEB)
    session = uuid4()
    await work(agent, ALICE, WEB, "secret-of-web", session)
    await work(agent, ALICE, None, "kept-by-alice", session)

    whole = await export(agent.connection, WEB)
    paged = await export(agent.connection, f" {WEB} ", limit=1)

    assert paged == whole
    assert {"public.cogo_tasks", "public.cogo_messages", "public.cogo_memories"} <= whole.keys()
    assert {"public.cogo_calls", "cogo.api_keys", "public.cogo_project_members"} <= whole.keys()
    text = json.dumps(whole)
    assert "secret-of-web" in text
    assert "kept-by-alice" not in text
    assert "f" * 64 not in text


async def test_each_table_that_names_a_project_has_a_rule(everything: Connection) -> None:
    naming = await everything.fetch(
        "select distinct format('%I.%I', n.nspname, c.relname) as name from pg_attribute a"
        " join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace"
        f" where format('%I.%I', n.nspname, c.relname) in ({TABLES})"
        " and not a.attisdropped and a.attname = 'project'"
    )
    ruled = {
        row["name"] for row in await everything.fetch("select * from cogo.list_project_rules()")
    }

    # A new table: add its rule in supabase/schemas/88_rpc_operators/91_project_rules.sql.
    assert {row["name"] for row in naming} - ruled == set()


async def test_a_project_must_be_named_and_users_may_not_ask(
    agent: Agent, database: Database
) -> None:
    for name in (None, "", "  "):
        with pytest.raises(asyncpg.PostgresError, match="must name a project"):
            await agent.connection.fetch("select public.cogo_erase_project($1)", name)
    with pytest.raises(asyncpg.PostgresError, match="a table of"):
        await agent.connection.fetch("select public.cogo_export_project('w', 'auth.users')")
    user = await database.connect("authenticated", ALICE)
    for call in ("cogo_erase_project($1)", "cogo_export_project($1, 'public.cogo_tasks')"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await user.fetch(f"select public.{call}", WEB)
