# ruff: noqa: S608 -- the statements are put together from our own names.

from typing import Any, Final
from uuid import uuid4

import asyncpg
import pytest

from tests.db.calls import a_call, begin, end
from tests.support.sql.agent import Agent, insert_task, plan_task, step
from tests.support.sql.database import ALICE, BOB, Connection, Database
from tests.support.sql.turns import new_turn, store

pytestmark = pytest.mark.db

OWNED: Final = (
    "public.cogo_tasks",
    "public.cogo_subtasks",
    "public.cogo_approvals",
    "public.cogo_sent_events",
    "public.cogo_attempts",
    "public.cogo_model_selections",
    "public.cogo_events",
    "public.cogo_sessions",
    "public.cogo_messages",
    "public.cogo_model_stats",
    "public.cogo_dead_letters",
    "public.cogo_calls",
    "public.cogo_usage",
    "public.cogo_ratings",
    "public.cogo_turns",
    "public.cogo_documents",
    "public.cogo_memories",
    "cogo.subtasks",
    "cogo.subtask_payloads",
    "cogo.subtask_outputs",
    "cogo.checkpoints",
    "cogo.dependencies",
    "cogo.events",
    "cogo.turns",
    "public.cogo_project_members",
)
OPERATORS: Final = (
    "public.cogo_agents",
    "cogo.wakes",
    "cogo.lanes",
    "cogo.owners",
    "cogo.lane_clocks",
    "cogo.lease_clock",
    "cogo.budgets",
    "cogo.reservations",
    "cogo.grants",
    "cogo.controls",
    "cogo.policies",
    "cogo.outcomes",
    "cogo.judgements",
    "cogo.judgement_quotas",
    "cogo.model_judgements",
    "cogo.model_outcomes",
    "cogo.model_health",
    "public.cogo_model_switches",
    "cogo.instance",
    "cogo.schema_versions",
    "cogo.api_keys",
    "cogo.memory_words",
    "cogo.task_words",
    "cogo.search_clock",
    "cogo.document_parts",
    "cogo.follow_ups",
    "cogo.vector_indexes",
    "cogo.vector_changes",
    "cogo.embedding_queue",
    "cogo.memory_vectors",
    "cogo.extractions",
    "cogo.unindexed_embeddings",
)

USERS_RPCS: Final = (
    "cogo_submit_task",
    "cogo_cancel_task",
    "cogo_redrive_task",
    "cogo_redrive_subtask",
    "cogo_pause_task",
    "cogo_resume_task",
    "cogo_approve_subtask",
    "cogo_answer_approval",
    "cogo_send_event",
    "cogo_feedback",
    "cogo_fork_task",
    "cogo_forget_embeddings",
    "cogo_add_document",
    "cogo_forget_memory",
    "cogo_remember",
    "cogo_memory_status",
    "cogo_search_memory",
    "cogo_usage",
    "cogo_fork_session",
    "cogo_forget_sessions",
    "cogo_read_session",
    "cogo_schema_versions",
    "cogo_find_tasks",
    "cogo_count_tasks",
    "cogo_task_facets",
)


async def is_refused(connection: Connection, statement: str, *values: object) -> bool:
    try:
        await connection.execute(statement, *values)
    except (asyncpg.InsufficientPrivilegeError, asyncpg.ObjectNotInPrerequisiteStateError):
        return True  # the second: a view that nobody can write
    return False


async def a_finished_task(database: Database, owner: object, project: str | None = None) -> None:
    """Run a task that leaves a row in every table that a person may read."""
    agent = Agent(await database.connect())
    session_id = await agent.connection.fetchval("select gen_random_uuid()")
    labels: dict[str, Any] = {"owner": owner, "project": project}
    task_id = await insert_task(agent.connection, session_id=session_id, **labels)
    [plan] = await agent.claim("cio")
    selections = [{"key": "a", "selected_model": "model-a", "reason": "r"}]
    spare = step("spare", lane="model-b", on_failure="continue")
    steps = [step("a"), step("b", "a", "spare", needs_approval=True)]
    await agent.connection.execute("select from public.cogo_send_event($1, 'go')", task_id)
    await agent.complete(plan, plan={"subtasks": [spare, *steps], "selections": selections})
    [lease] = await agent.claim("model-b")
    await agent.fail(lease, "give_up")
    for _ in steps:
        [lease] = await agent.claim("model-a")
        await agent.extend(lease, content="so far")
        assert await store(agent, lease, new_turn(1)) == ("ok", None)
        call = a_call(lease)
        await begin(agent, call)
        await end(agent, call, 0.5)
        await agent.complete(lease, messages=[{"role": "user", "content": "hi"}])
        await agent.connection.execute(
            "select from public.cogo_approvals a, public.cogo_answer_approval(a.id, true)"
            " where a.task_id = $1 and a.answered_at is null",
            task_id,
        )
    await agent.connection.execute("select from public.cogo_feedback($1, 1)", task_id)
    if project is None:
        await agent.connection.execute(
            "select from public.cogo_set_project_member($1, $2, 'viewer')",
            str(task_id),
            owner or uuid4(),
        )
    await agent.connection.execute(
        "select from public.cogo_add_document($1, $2, null, repeat('0', 64), $3)",
        owner,
        str(task_id),
        [{"content": "a chunk"}],
    )
    assert await agent.connection.fetchval(
        "select status = 'completed' from public.cogo_tasks where id = $1", task_id
    )


async def test_people_see_exactly_what_belongs_to_their_tasks(database: Database) -> None:
    alice = await database.connect("authenticated", ALICE)
    bob = await database.connect("authenticated", BOB)
    operator = await database.connect()
    for owner in (ALICE, ALICE, BOB, None):
        await a_finished_task(database, owner)

    for table in OWNED:
        count = f"select count(*) from {table}"
        seen = [await who.fetchval(count) for who in (bob, alice, operator)]
        if table == "public.cogo_model_stats":
            count = f"select max(attempts) from {table}"
            seen = [await who.fetchval(count) for who in (bob, alice, operator)]
        if table == "public.cogo_usage":
            count = f"select sum(calls)::int from {table}"
            seen = [await who.fetchval(count) for who in (bob, alice, operator)]
        one = seen[0]
        assert one > 0, table
        assert seen == [one, 2 * one, 4 * one], table


@pytest.mark.parametrize("role", ["viewer", "editor"])
async def test_members_see_what_belongs_to_the_tasks_of_their_projects(
    database: Database, role: str
) -> None:
    bob = await database.connect("authenticated", BOB)
    operator = await database.connect()
    await a_finished_task(database, ALICE, "web")
    await a_finished_task(database, ALICE, "app")
    await a_finished_task(database, ALICE)
    private = {f"public.cogo_{each}" for each in ("sessions", "messages", "documents", "memories")}
    counts = {each: f"select count(*) from {each}" for each in OWNED[:-1]}
    counts["public.cogo_usage"] = "select sum(calls)::int from public.cogo_usage"
    counts["public.cogo_model_stats"] = "select max(attempts) from public.cogo_model_stats"

    for table, count in counts.items():
        assert not await bob.fetchval(count), table
    for project, user in (("web", BOB), ("none", BOB), ("app", ALICE)):
        await operator.execute(
            "select from public.cogo_set_project_member($1, $2, $3)", project, user, role
        )
    for table, count in counts.items():
        seen, everything = await bob.fetchval(count) or 0, await operator.fetchval(count)
        assert (seen, everything % 3) == (0 if table in private else everything // 3, 0), table
    await operator.execute("select from public.cogo_remove_project_member('web', $1)", BOB)
    for table, count in counts.items():
        assert not await bob.fetchval(count), table


async def test_a_stranger_sees_and_calls_nothing(database: Database) -> None:
    anon = await database.connect("anon")

    for table in (*OWNED, *OPERATORS):
        assert await is_refused(anon, f"select from {table}"), table
        assert await is_refused(anon, f"delete from {table} where true"), table
    assert await is_refused(anon, "insert into public.cogo_tasks (prompt) values ('x')")
    assert await callable_functions(database, "anon") == set()


async def test_people_write_nothing_but_new_tasks(database: Database) -> None:
    await a_finished_task(database, ALICE)
    alice = await database.connect("authenticated", ALICE)

    for table in (*OWNED, *OPERATORS):
        assert await is_refused(alice, f"delete from {table} where true"), table
        if table != "public.cogo_tasks":
            assert await is_refused(alice, f"insert into {table} default values"), table
    for statement in (
        "update public.cogo_tasks set prompt = 'x' where true",
        "update cogo.subtasks set lane = 'x' where true",
        "update public.cogo_attempts set cost_usd = 0 where true",
    ):
        assert await is_refused(alice, statement), statement


async def test_people_do_not_see_the_machinery(database: Database) -> None:
    alice = await database.connect("authenticated", ALICE)

    for table in OPERATORS:
        assert await is_refused(alice, f"select from {table}"), table


async def test_people_see_which_of_their_tasks_a_step_is(database: Database) -> None:
    operator = await database.connect()
    for owner in (ALICE, BOB):
        parent = await insert_task(operator, owner=owner)
        child = await insert_task(operator, owner=owner)
        await operator.execute(
            "insert into cogo.child_tasks (child_id, parent_id, root_id, subtask_id, depth)"
            " values ($2, $1, $1, gen_random_uuid(), 1)",
            parent,
            child,
        )
    alice = await database.connect("authenticated", ALICE)

    seen = await alice.fetch("select t.owner from cogo.child_tasks k"
                             " left join public.cogo_tasks t on t.id = k.child_id")  # fmt: skip
    assert [str(each["owner"]) for each in seen] == [str(ALICE)]
    assert await is_refused(alice, "select cost_usd from cogo.child_tasks")


async def test_people_call_their_functions_and_no_other(database: Database) -> None:
    mine = await callable_functions(database, "authenticated")

    assert mine == set(USERS_RPCS) | {
        "now",
        "to_uuid",
        "can_read_topic",
        "subtract_seconds",
        "truncate_json",
        "visible_projects",
        "check_usage_question",
        "latency_bin",
        "list_usage_grains",
        "read_usage_key",
        "split_usage",
        "sum_usage",
    }


async def test_operators_call_every_rpc(database: Database) -> None:
    owner = await database.connect("postgres")
    every = await owner.fetch(
        "select proname from pg_proc where pronamespace = 'public'::regnamespace"
        " and proname like 'cogo\\_%'"
    )

    names = {row["proname"] for row in every}
    assert names > set(USERS_RPCS)
    assert names <= await callable_functions(database, "service_role")


async def test_another_persons_task_is_not_found(database: Database) -> None:
    alice = await database.connect("authenticated", ALICE)
    agent = Agent(await database.connect())
    task_id = await plan_task(agent, step("a", needs_approval=True), owner=BOB)
    subtask_id = await agent.connection.fetchval("select id from cogo.subtasks where key = 'a'")

    for function, row_id in [
        ("cogo_cancel_task", task_id),
        ("cogo_redrive_task", task_id),
        ("cogo_fork_task", task_id),
        ("cogo_pause_task", task_id),
        ("cogo_resume_task", task_id),
        ("cogo_approve_subtask", subtask_id),
        ("cogo_redrive_subtask", subtask_id),
    ]:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await alice.fetch(f"select * from public.{function}($1)", row_id)
        assert refused.value.sqlstate == "TQ002", function


async def test_owners_steer_their_own_tasks(database: Database) -> None:
    bob = await database.connect("authenticated", BOB)
    task_id = await insert_task(bob)

    for function, status in [
        ("cogo_pause_task", "held"),
        ("cogo_resume_task", "pending"),
        ("cogo_cancel_task", "cancelled"),
    ]:
        row = await bob.fetchrow(f"select * from public.{function}($1)", task_id)
        assert row is not None
        assert row["status"] == status


async def test_owners_hear_their_tasks_and_nobody_else_does(database: Database) -> None:
    task_id = await insert_task(await database.connect(), owner=ALICE)
    probe = (
        "select count(*) from realtime.messages m where m.topic = $1"
        " and set_config('realtime.topic', $1, false) = $1"
    )
    own = f"cogo-results:{task_id}"
    owner = await database.connect("postgres")
    asked = f"cogo-approvals:{ALICE}"
    for topic in (own, asked, "cogo-results", "cogo-tasks", "cogo-results:nonsense"):
        await owner.execute("select realtime.send('{}', 'x', $1, true)", topic)

    async def hears(user: object, topic: str) -> bool:
        listener = await database.connect("authenticated", user)  # type: ignore[arg-type]
        await listener.execute("select set_config('realtime.topic', $1, false)", topic)
        return bool(await listener.fetchval(probe, topic))

    assert await hears(ALICE, own)
    assert not await hears(BOB, own)
    assert await hears(ALICE, asked)
    assert not await hears(BOB, asked)
    assert not await hears(None, asked)
    assert not await hears(ALICE, "cogo-results")
    assert not await hears(ALICE, "cogo-tasks")
    assert not await hears(ALICE, "cogo-results:nonsense")
    alice = await database.connect("authenticated", ALICE)
    await alice.execute("select set_config('realtime.topic', $1, false)", own)
    assert await is_refused(
        alice,
        "insert into realtime.messages (topic, extension, event, payload, private)"
        " values ($1, 'broadcast', 'TASK_RESULT', '{}', true)",
        own,
    )


async def callable_functions(database: Database, role: str) -> set[str]:
    owner = await database.connect("postgres")
    found = await owner.fetch(
        "select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
        " where (n.nspname = 'cogo' or n.nspname = 'public' and p.proname like 'cogo\\_%')"
        " and has_schema_privilege($1, n.oid, 'usage')"
        " and has_function_privilege($1, p.oid, 'execute')",
        role,
    )
    return {row["proname"] for row in found}
