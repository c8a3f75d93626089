# ruff: noqa: S608 -- the statements are put together from our own names.

import re
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest

from cogo.migrations import load_migrations, migrate
from tests.support.servers.postgres import Cluster
from tests.support.sql.agent import Agent, insert_task, plan_task, task_of
from tests.support.sql.database import SUPABASE, Database, apply_migrations

pytestmark = pytest.mark.db


async def test_migrations_are_applied_once(database_url: str) -> None:
    await migrate(database_url, load_migrations())
    async with AsyncExitStack() as stack:
        agent = Agent(await Database(database_url, stack).connect())
        task_id = await insert_task(agent.connection)

        assert (await migrate(database_url, load_migrations())).applied == ()

        assert (await task_of(agent, task_id))["prompt"] == "sort a list"


async def test_each_migration_notes_itself(database: Database) -> None:
    agent = Agent(await database.connect())

    versions = await agent.connection.fetch("select version from public.cogo_schema_versions()")

    files = sorted(path.name.partition("_")[0] for path in (SUPABASE / "migrations").glob("*.sql"))
    assert [row["version"] for row in versions] == files


async def test_work_goes_on_where_there_is_no_realtime(cluster: Cluster, database_url: str) -> None:
    name = database_url.rpartition("/")[2]
    superuser = await asyncpg.connect(cluster.dsn("supabase_admin", name))
    await superuser.execute("drop schema realtime cascade")
    await superuser.close()
    await apply_migrations(database_url)

    async with AsyncExitStack() as stack:
        agent = Agent(await Database(database_url, stack).connect())
        task_id = await plan_task(agent)
        [lease] = await agent.claim("model-a")

        assert await agent.complete(lease) == "ok"
        assert (await task_of(agent, task_id))["status"] == "completed"


def test_the_migrations_are_in_step_with_the_schemas() -> None:
    script = Path(__file__).parents[2] / "scripts" / "migrations"

    check = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )

    assert check.returncode == 0, check.stdout


def test_every_file_of_the_schema_is_short() -> None:
    for path in (SUPABASE / "schemas").glob("*/*.sql"):
        lines = path.read_text().splitlines()
        assert len(lines) <= 200, path.name
        assert max(map(len, lines)) <= 105, path.name


@pytest.mark.parametrize(
    ("rule", "broken"),
    [
        ("has no comment", "obj_description(p.oid, 'pg_proc') is null"),
        (
            # Names in a body that is no string were resolved when the function was made. An empty
            # path finds types in pg_temp first, where every caller may create them.
            "does not pin search_path",
            "p.prosqlbody is null"
            " and not coalesce(p.proconfig && array['search_path=pg_catalog, pg_temp'], false)",
        ),
        (
            "is callable by public",
            "p.proacl is null or exists (select from aclexplode(p.proacl) a where a.grantee = 0)",
        ),
        (
            "writes as its owner, and its file does not say why",
            "p.prosecdef and p.proname not in ('notify', 'notify_lanes', 'prepare_task',"
            " 'create_plan', 'record_changes', 'on_task_status', 'on_subtask_status',"
            " 'delete_task_events',"
            " 'delete_subtask_records', 'can_read_topic', 'visible_projects',"
            " 'cogo_submit_task',"
            " 'cogo_cancel_task', 'cogo_redrive_task', 'cogo_redrive_subtask', 'cogo_pause_task',"
            " 'cogo_resume_task', 'cogo_approve_subtask', 'cogo_answer_approval',"
            " 'cogo_send_event', 'announce_approval',"
            " 'cogo_feedback', 'cogo_fork_task', 'cogo_forget_embeddings', 'cogo_forget_sessions',"
            " 'cogo_fork_session', 'cogo_read_session', 'check_model_grant', 'check_task_limits',"
            " 'cogo_schema_versions', 'cogo_prune_records', 'is_anonymous', 'user_claims',"
            " 'read_system_identifier', 'note_truncation', 'count_cells', 'cogo_run_columns',"
            " 'cogo_pause_column', 'cogo_resume_column', 'cogo_backfill_column',"
            " 'cogo_sample_column', 'index_memories', 'follow_memory_source', 'cogo_remember',"
            " 'cogo_add_document', 'cogo_search_memory', 'cogo_forget_memory', 'note_forgotten',"
            " 'prepare_vectors', 'index_embeddings', 'forget_owner_of_records', 'forget_project',"
            " 'note_extraction', 'cogo_memory_status', 'drop_old_parts', 'add_action',"
            " 'forget_owner_in_actions', 'record_grants', 'cogo_find_tasks', 'cogo_count_tasks',"
            " 'cogo_task_facets')",
        ),
        ("raises what clients take for a serialization failure", "p.prosrc ~ '40001|40P01'"),
    ],
)
async def test_no_function_breaks_a_rule_of_the_schema(
    database: Database, rule: str, broken: str
) -> None:
    owner = await database.connect("postgres")

    found = await owner.fetch(
        "select p.oid::regprocedure::text as name from pg_proc p"
        " join pg_namespace n on n.oid = p.pronamespace"
        " where (n.nspname = 'cogo' or n.nspname = 'public' and p.proname like 'cogo\\_%')"
        f" and ({broken})"
    )

    assert [row["name"] for row in found] == [], rule


async def test_every_table_has_row_level_security_and_a_comment(database: Database) -> None:
    owner = await database.connect("postgres")

    found = await owner.fetch(
        "select c.oid::regclass::text as name from pg_class c"
        " join pg_namespace n on n.oid = c.relnamespace"
        " where (n.nspname = 'cogo' or n.nspname = 'public' and c.relname like 'cogo\\_%')"
        "   and (c.relkind = 'r' and not c.relrowsecurity"
        "        or c.relkind in ('r', 'v') and obj_description(c.oid, 'pg_class') is null"
        "        or c.relkind = 'v'"
        "           and not coalesce(c.reloptions @> array['security_invoker=true'], false))"
    )

    assert [row["name"] for row in found] == []


async def test_every_update_and_delete_in_a_function_has_a_condition(database: Database) -> None:
    owner = await database.connect("postgres")
    found = await owner.fetch(
        "select p.proname, p.prosrc from pg_proc p join pg_namespace n on n.oid = p.pronamespace"
        " where n.nspname = 'cogo' or n.nspname = 'public' and p.proname like 'cogo\\_%'"
    )

    for row in found:
        for statement in row["prosrc"].split(";"):
            words = statement.split()
            is_write = ("update" in words and "set" in words) or "delete" in words
            # Conflicts of inserts; what a statement in quotes creates and grants.
            if is_write and not {"conflict", "'create", "format('grant"} & set(words):
                assert "where" in words, (row["proname"], statement)


async def test_an_extension_can_be_a_heap_only_update(database: Database) -> None:
    owner = await database.connect("postgres")

    indexed = await owner.fetchval(
        "select string_agg(pg_get_indexdef(indexrelid), ' ') from pg_index"
        " where indrelid = 'cogo.subtasks'::regclass"
    )

    assert "queued" in indexed
    assert not {"lease_expires_at", "agent_id", "claim_request"} & set(re.findall(r"\w+", indexed))
