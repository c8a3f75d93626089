"""The jobs for pg_cron: the statements that cron would run, and how they are registered.

The embedded server has no pg_cron, so a stand-in takes the registrations.
"""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from protocol.lifecycle import TaskState
from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.console import SECONDS
from tests.e2e.recipes.conftest import RECIPES, run_file
from tests.e2e.tasks import ended
from tests.support.eventually import eventually

pytestmark = pytest.mark.e2e

STAND_IN = """
create schema cron;
create table cron.job (jobname text primary key, schedule text not null, command text not null);
create function cron.schedule(job_name text, schedule text, command text) returns bigint
  language sql as 'insert into cron.job values (job_name, schedule, command) returning 1';
"""
DROPS = """
drop schema cron cascade;
drop table public.tickets;
drop type public.urgency;
"""


@pytest.fixture
async def jobs(database: asyncpg.Connection) -> AsyncIterator[dict[str, str]]:
    """Register the jobs; yield their commands by name."""
    await database.execute(STAND_IN)
    await run_file(database, RECIPES / "ticket-summaries" / "tickets.sql")
    await run_file(database, RECIPES / "pg-cron" / "cron.sql")
    rows = await database.fetch("select jobname, command, schedule from cron.job")
    assert all(len(row["schedule"].split()) == 5 for row in rows)
    yield {row["jobname"]: row["command"] for row in rows}
    await database.execute(DROPS)


async def test_the_report_is_one_task_a_day_and_none_without_tickets(
    database: asyncpg.Connection, jobs: dict[str, str], store: SupabaseStore
) -> None:
    tasks = "select id from cogo_tasks where idempotency_key like 'ticket-report:%'"
    await database.execute(jobs["ticket-report"])
    assert await database.fetch(tasks) == []

    await database.execute(
        "insert into tickets (user_id, subject, body) values (gen_random_uuid(), 'Key', 'lost')"
    )
    filled = "select count(summary) = count(*) from tickets"
    await eventually(lambda: database.fetchval(filled), within=SECONDS)
    for _ in range(2):
        await database.execute(jobs["ticket-report"])
    [row] = await database.fetch(tasks)
    task = await ended(store, row["id"])
    assert task.status is TaskState.COMPLETED, task.error


async def test_old_rows_and_values_of_older_prompts_are_made_again(
    database: asyncpg.Connection, jobs: dict[str, str]
) -> None:
    await database.execute("alter table tickets disable trigger user")
    await database.execute(
        "insert into tickets (user_id, subject, body) values (gen_random_uuid(), 'Old', 'row')"
    )
    await database.execute("alter table tickets enable trigger user")
    await database.execute(jobs["fill-tickets"])
    filled = "select count(summary) = count(*) and count(urgency) = count(*) from tickets"
    await eventually(lambda: database.fetchval(filled), within=SECONDS)

    await database.execute(
        "select cogo.ai_column('tickets', 'summary', prompt => 'In two words: {subject}')"
    )
    await database.execute(jobs["fill-tickets"])
    is_new = "select summary like '%In two words%' from tickets"
    await eventually(lambda: database.fetchval(is_new), within=SECONDS)
