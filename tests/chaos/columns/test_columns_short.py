"""Some seconds of a storm over AI columns; `scripts/chaos --columns` is the long form."""

import asyncpg
import pytest

from tests.chaos.columns.mutants import MUTANTS
from tests.chaos.columns.run import run_storm
from tests.support.servers.postgres import ONE_VERSION, Cluster
from tests.support.sql.database import apply_migrations

pytestmark = pytest.mark.db


async def test_each_value_is_that_of_its_present_sources_and_paid_once(
    cluster: Cluster, database_url: str
) -> None:
    await apply_migrations(database_url)
    name = database_url.rpartition("/")[2]

    result = await run_storm(
        database_url, cluster.dsn("supabase_admin", name), seed=cluster.major, seconds=2.0
    )

    print(dict(result.counts))
    assert result.broken == []
    # A run in which nothing happened would be clean as well.
    assert result.counts["written"] > 0
    assert result.counts["asked"] > 0


@ONE_VERSION
async def test_every_guard_that_a_mutant_takes_out_is_where_the_mutant_looks_for_it(
    database_url: str,
) -> None:
    await apply_migrations(database_url)
    connection = await asyncpg.connect(database_url)
    try:
        for mutant in MUTANTS:
            transaction = connection.transaction()
            await transaction.start()
            for statement in mutant.sql():
                await connection.execute(statement)  # says so when the words are not there
            await transaction.rollback()
    finally:
        await connection.close()
