"""Mutants: after a guard is rewritten, its mutant must be rewritten too."""

import pytest

from tests.chaos.fleet import run_sql
from tests.chaos.mutants import MUTANTS
from tests.support.servers.postgres import ONE_VERSION
from tests.support.sql.database import apply_migrations

pytestmark = [pytest.mark.db, ONE_VERSION]


async def test_every_guard_that_a_mutant_takes_out_is_where_the_mutant_looks_for_it(
    database_url: str,
) -> None:
    await apply_migrations(database_url)

    # Each says so when its words are not there; the index that some of them drop goes only once.
    for statement in {statement for mutant in MUTANTS for statement in mutant.sql()}:
        await run_sql(database_url, [statement])
