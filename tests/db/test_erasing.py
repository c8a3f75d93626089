"""Whatever belongs to an owner is exported, and erased to the last row."""

# ruff: noqa: S608 -- the statements are put together from our own names.

import hashlib
import json
import re
from collections.abc import AsyncIterator, Awaitable
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.db.calls import a_call, begin, cap, end
from tests.support.eventually import eventually
from tests.support.sql.agent import Agent, plan_task, ref, step
from tests.support.sql.database import ALICE, BOB, Connection, Database, run_at_once

pytestmark = pytest.mark.db

REFERENCES: Final = {
    *("owner", "person", "answered_by", "sent_by", "task_id", "subtask_id", "child_id"),
    *("parent_id", "root_id", "session_id", "session_seq", "memory_id", "document_id"),
}
"""Columns by which a row belongs to somebody."""
TRANSIENT: Final = {
    *("cogo.wakes", "cogo.outcomes", "cogo.ai_refusals", "cogo.ai_cells", "cogo.budget_waits"),
    *("cogo.extractions", "cogo.usage_sums"),
    *("cogo.follow_ups", "cogo.unindexed_embeddings", "cogo.vector_changes", "cogo.reservations"),
    *("cogo.memory_vectors", "cogo.forgotten_sessions", "public.cogo_model_switches"),
    *("cogo.child_tasks", "cogo.flows", "cogo.document_parts"),
}
"""Tables that `fill` leaves empty."""
VECTORS: Final = re.compile(r"cogo\.(embedding|memory)_vectors_\d+")
TABLES: Final = (
    "select format('%I.%I', n.nspname, c.relname) from pg_class c"
    " join pg_namespace n on n.oid = c.relnamespace"
    " where c.relkind in ('r', 'p') and (n.nspname = 'cogo'"
    " or n.nspname = 'public' and c.relname like 'cogo\\_%')"
)


@pytest.fixture
async def everything(database: Database) -> AsyncIterator[Connection]:
    """Open a connection that reads every row of every table."""
    yield await database.connect("postgres")


async def fill(agent: Agent, owner: UUID, word: str) -> None:
    """Leave rows of an owner, whose texts hold `word`, in as many tables as can be."""
    service, session = agent.connection, uuid4()
    text = {"role": "assistant", "content": word}
    await cap(agent, 100, "owner", str(owner))
    task = await plan_task(
        agent, step("a"), step("b", "a", needs_approval=True), prompt=word, owner=owner,
        session_id=session, params={"secret": word}, idempotency_key=word,
    )  # fmt: skip
    event = {"text": word}
    await service.execute("select from public.cogo_send_event($1, 'e', $2)", task, event)
    for _ in range(2):
        [lease] = await agent.claim("model-a")
        await agent.extend(lease, content=word, reasoning=word)
        turn = {"seq": 1, "kind": "answer", "body": {"text": word}}
        batch = ref(lease) | {"turns": [turn]}
        await service.execute("select from public.cogo_store_turns($1, $2)", agent.id, [batch])
        call = a_call(lease, owner=str(owner), prompt_sha256="0" * 64)
        await begin(agent, call)
        await end(agent, call | {"prompt": {"text": word}, "task_id": str(task)}, 0.5)
        assert await agent.complete(lease, output={"text": word}, messages=[text]) == "ok"
        asked = "select id from public.cogo_approvals where task_id = $1 and answered_at is null"
        for row in await service.fetch(asked, task):
            await service.execute(
                "select from public.cogo_answer_approval($1, true, $2)", row["id"], word
            )
    await service.execute("select from public.cogo_feedback($1, 1, $2)", task, word)
    await service.execute("select cogo.count_outcomes(100)")
    await service.execute(
        "insert into cogo.task_words select id, seq, cogo.read_task_words(prompt, result, error)"
        " from public.cogo_tasks where id = $1", task,
    )  # fmt: skip
    for statement, *values in (
        ("cogo_remember($1, $2)", [{"content": f"{word} is remembered"}]),
        ("cogo_add_document($1, $2, null, $3, $4)", word, "0" * 64, [{"content": word}]),
        ("cogo_keep_embeddings($1, $2)", [{"model_id": "m", "content": word, "vector": [1, 0]}]),
        ("cogo_set_policy('rules', $1)",),
        ("cogo_set_owner($1, p_max_running => 3)",),
        ("cogo_set_grants($1, p_models => array['model-a'])",),
        ("cogo_set_project_member('web', $1, 'editor')",),
    ):
        await service.execute(f"select from public.{statement}", owner, *values)
    await service.execute(
        "insert into public.cogo_model_selections (task_id, selected_model, reason)"
        " values ($1, 'model-a', $2)",
        task,
        word,
    )
    await service.execute(
        "insert into cogo.api_keys (id, name, hash, owner) values ($1, $2, $3, $4)",
        word, word, "f" * 64, owner,
    )  # fmt: skip
    await service.execute(
        "insert into cogo.cached_answers (key, owner, model_id, answer, expires_at)"
        " values ($1, $2, 'm', $3, 'infinity')", word, owner, {"text": word},
    )  # fmt: skip
    await service.execute(
        "insert into cogo.session_summaries (session_seq, owner, through, content)"
        " select seq, owner, 1, $2 from public.cogo_sessions where owner = $1", owner, word,
    )  # fmt: skip


async def erase(service: Connection, owner: UUID, **options: Any) -> dict[str, Any]:
    arguments = "".join(f", p_{name} => ${place}" for place, name in enumerate(options, 2))
    answer: dict[str, Any] = await service.fetchval(
        f"select public.cogo_erase_owner($1{arguments})", owner, *options.values()
    )
    return answer


async def erase_all(service: Connection, owner: UUID, **options: Any) -> dict[str, Any]:
    """Erase batch by batch; return the last answer."""
    for _ in range(200):
        answer = await erase(service, owner, **options)
        assert "left" not in answer, answer
        if answer["is_done"] or "waiting" in answer:
            return answer
    raise AssertionError("it does not end")


async def export(service: Connection, owner: UUID, limit: int = 500) -> dict[str, list[Any]]:
    """Return the rows of an owner by table."""
    found: dict[str, list[Any]] = {}
    for [name] in await service.fetch("select name from public.cogo_export_tables()"):
        place = None
        while page := await service.fetch(
            "select * from public.cogo_export_owner($1, $2, $3, $4)", owner, name, place, limit
        ):
            found.setdefault(name, []).extend(row["data"] for row in page)
            place = page[-1]["place"]
    return found


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


async def test_each_table_that_refers_to_an_owner_has_a_rule(everything: Connection) -> None:
    referring = await everything.fetch(
        "select distinct format('%I.%I', n.nspname, c.relname) as name from pg_attribute a"
        " join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace"
        f" where format('%I.%I', n.nspname, c.relname) in ({TABLES})"
        " and not a.attisdropped and a.attname = any ($1)",
        list(REFERENCES),
    )
    belonging = await everything.fetch(
        "with recursive ours as ("
        " select unnest(array['public.cogo_tasks', 'public.cogo_sessions',"
        " 'public.cogo_memories', 'public.cogo_documents', 'public.cogo_embeddings']::regclass[])"
        " as oid union select c.conrelid from pg_constraint c join ours on c.confrelid = ours.oid)"
        " select format('%I.%I', n.nspname, c.relname) as name from ours"
        " join pg_class c on c.oid = ours.oid join pg_namespace n on n.oid = c.relnamespace"
    )
    ruled = {
        row["name"] for row in await everything.fetch("select * from cogo.list_erasure_rules()")
    }

    # One a number of dimensions, whose rows go with those of the tables beside them.
    vectors = {name for row in belonging if VECTORS.fullmatch(name := row["name"])}
    assert len(ruled) > 30
    # A new table: add its rule in supabase/schemas/88_rpc_operators/90_erasure_rules.sql.
    assert {row["name"] for row in [*referring, *belonging]} - ruled - vectors == set()


async def test_nothing_of_an_erased_owner_is_left_and_nobody_else_loses_anything(
    agent: Agent, everything: Connection
) -> None:
    await fill(agent, ALICE, "alice-secret")
    await fill(agent, BOB, "bob-secret")
    service = agent.connection
    ids = "select id::text from public.cogo_tasks where owner = $1 union all" \
        " select s.id::text from cogo.subtasks s join public.cogo_tasks t on t.id = s.task_id" \
        " where t.owner = $1"  # fmt: skip
    words = [str(ALICE), "alice-secret", *[row[0] for row in await service.fetch(ids, ALICE)]]
    counted = (await erase(service, ALICE, dry_run=True))["erased"]
    before = await export(service, BOB)
    usage = "select sum(cost_usd), count(*) from public.cogo_calls"
    spent = await everything.fetchrow(usage)
    ruled = {
        row["name"] for row in await everything.fetch("select * from cogo.list_erasure_rules()")
    }
    assert ruled - set(counted) <= TRANSIENT

    answer = await erase_all(service, ALICE, limit=2, requested_by="test")

    assert answer["is_done"]
    assert await find_traces(everything, *words) == {}
    assert await export(service, BOB) == before
    assert await everything.fetchrow(usage) == spent
    receipt = json.loads(answer["receipt"])
    assert receipt["owner"] == str(ALICE)
    assert receipt["requested_by"] == "test"
    assert receipt["erased"] == counted
    assert hashlib.sha256(answer["receipt"].encode()).hexdigest() == answer["sha256"]
    [kept] = await everything.fetch("select * from cogo.erasures")
    assert kept["receipt_sha256"] == answer["sha256"]
    assert kept["owner_sha256"] == hashlib.sha256(str(ALICE).encode()).hexdigest()
    again = await erase_all(service, ALICE)
    assert json.loads(again["receipt"])["erased"] == {}


async def test_a_running_task_is_cancelled_and_waited_for(agent: Agent) -> None:
    await plan_task(agent, step("a"), owner=ALICE)
    [lease] = await agent.claim("model-a")

    held = await erase_all(agent.connection, ALICE)
    told = await agent.extend(lease)
    await agent.complete(lease)
    await agent.connection.execute(
        "select from public.cogo_release_subtasks($1, null, 'stopped')", agent.id
    )
    done = await erase_all(agent.connection, ALICE)

    assert held["waiting"] == 1
    assert told != ["ok"]
    assert done["is_done"]


async def test_a_task_that_ends_while_it_is_cancelled_stops_no_erasure(
    agent: Agent, database: Database, everything: Connection
) -> None:
    await plan_task(agent, step("a"), owner=ALICE)
    [lease] = await agent.claim("model-a")
    eraser = await database.connect()

    async def end_task() -> None:
        async with agent.connection.transaction():
            assert await agent.complete(lease) == "ok"
            waits = "select exists (select from pg_locks where pid = $1 and not granted)"
            await eventually(lambda: everything.fetchval(waits, eraser.get_server_pid()))

    async def is_none(count: Awaitable[int]) -> bool:
        return await count == 0

    async def begin_erasing() -> None:
        taken = "select count(*) from (select from public.cogo_tasks for share skip locked) f"
        await eventually(lambda: is_none(eraser.fetchval(taken)))
        await erase(eraser, ALICE)

    assert await run_at_once(end_task(), begin_erasing()) == [None, None]
    assert (await erase_all(eraser, ALICE))["is_done"]


async def test_outer_indexes_are_told_what_to_delete(agent: Agent, everything: Connection) -> None:
    service = agent.connection
    await service.execute("select from public.cogo_register_index('outer')")
    [row] = await service.fetch(
        "select * from public.cogo_remember($1, $2)", ALICE, [{"content": "a fact"}]
    )

    await everything.execute(
        "update public.cogo_memories set embedded_at = now(), model_id = 'm', dimensions = 2"
    )

    answer = await erase_all(service, ALICE)

    pending = await everything.fetch("select * from cogo.vector_changes where owner = $1", ALICE)
    assert [(each["memory_id"], each["is_deleted"]) for each in pending] == [(row["id"], True)]
    assert json.loads(answer["receipt"])["pending_in_indexes"] == 1


async def test_answers_that_a_person_gave_to_others_lose_the_name(
    agent: Agent, everything: Connection
) -> None:
    service = agent.connection
    task = await plan_task(agent, step("a", needs_approval=True), owner=BOB)
    [approval] = await service.fetch(
        "select id from public.cogo_approvals where task_id = $1", task
    )
    await service.execute(
        "update public.cogo_approvals set approved = true, answered_at = now(), answered_by = $2,"
        " comment = 'mine', by = $3 where id = $1", approval["id"], ALICE, str(ALICE),
    )  # fmt: skip

    assert (await erase_all(service, ALICE))["is_done"]

    [row] = await service.fetch("select * from public.cogo_approvals")
    assert (row["task_id"], row["approved"], row["comment"]) == (task, True, None)
    assert row["answered_by"] == UUID(int=0)
    assert await find_traces(everything, str(ALICE)) == {}


async def test_an_export_has_every_row_once_and_no_secret(agent: Agent) -> None:
    await fill(agent, ALICE, "alice-secret")
    await fill(agent, BOB, "bob-secret")

    whole = await export(agent.connection, ALICE)
    paged = await export(agent.connection, ALICE, limit=1)

    assert paged == whole
    assert {"public.cogo_tasks", "public.cogo_messages", "public.cogo_calls"} <= whole.keys()
    text = json.dumps(whole)
    assert "alice-secret" in text
    assert "bob-secret" not in text
    assert str(BOB) not in text
    assert "f" * 64 not in text


async def test_an_owner_must_be_named_and_users_may_not_ask(
    agent: Agent, database: Database
) -> None:
    for owner in (None, UUID(int=0)):
        with pytest.raises(asyncpg.PostgresError, match="must name an owner"):
            await erase(agent.connection, owner)  # type: ignore[arg-type]
    with pytest.raises(asyncpg.PostgresError, match="a table of"):
        await agent.connection.fetch("select public.cogo_export_owner($1, 'auth.users')", ALICE)
    user = await database.connect("authenticated", ALICE)
    for call in ("cogo_erase_owner($1)", "cogo_export_owner($1, 'public.cogo_tasks')"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await user.fetch(f"select public.{call}", ALICE)
