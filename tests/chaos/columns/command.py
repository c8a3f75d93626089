"""The part of `scripts/chaos` that is about AI columns."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg

from embedded.postgres.cluster import Postgres
from tests.chaos.columns.mutants import MUTANTS
from tests.chaos.columns.run import ColumnsResult, run_storm
from tests.support.servers.postgres import FAST, state_directory
from tests.support.sql.database import apply_migrations

Say = Callable[[str], object]

_MUTANT_SECONDS: Final = 8.0
_SHOWN: Final = 20


def run_columns_command(arguments: Sequence[str], *, description: str | None, say: Say) -> int:
    """Run one storm, or one for each mutant. 0: all is well; 1: a law was broken or missed."""
    parser = argparse.ArgumentParser(
        prog="scripts/chaos",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--columns", action="store_true", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--mutants", action="store_true")
    options = parser.parse_args(arguments)
    try:
        return asyncio.run(
            _run_storms(options.seed, options.seconds, say, is_mutated=options.mutants)
        )
    except KeyboardInterrupt:
        say("stopped; nothing is left running")
        return 130


async def _run_storms(seed: int, seconds: float, say: Say, *, is_mutated: bool) -> int:
    with state_directory() as home:
        async with _running_postgres(home) as postgres:
            if is_mutated:
                return await _run_mutants(postgres, seed, say)
            say(f"seed {seed}")
            result = await _run(postgres, "storm", seed, seconds)
    for what, count in sorted(result.counts.items()):
        say(f"{count:>8} {what}")
    for each in result.broken[:_SHOWN]:
        say(f"BROKEN {each}")
    say(f"{len(result.broken)} exceptions to the laws")
    return 1 if result.broken else 0


async def _run_mutants(postgres: Postgres, seed: int, say: Say) -> int:
    missed = 0
    for number, mutant in enumerate(MUTANTS):
        result = await _run(postgres, f"mutant_{number}", seed, _MUTANT_SECONDS, mutant.sql())
        is_seen = any(mutant.reported_as in each for each in result.broken)
        missed += not is_seen
        shown = result.broken[0] if result.broken else "nothing reported"
        say(f"{'seen  ' if is_seen else 'MISSED'} {mutant.name}: {len(result.broken)}, {shown}")
    return 1 if missed else 0


async def _run(
    postgres: Postgres, name: str, seed: int, seconds: float, changes: Sequence[str] = ()
) -> ColumnsResult:
    superuser = await asyncpg.connect(postgres.dsn("supabase_admin", "template1"))
    try:
        await superuser.execute(f'create database "{name}" template postgres owner postgres')
        return await run_storm(
            postgres.dsn("postgres", name),
            postgres.dsn("supabase_admin", name),
            seed=seed,
            seconds=seconds,
            changes=changes,
        )
    finally:
        await superuser.execute(f'drop database if exists "{name}" with (force)')
        await superuser.close()


@asynccontextmanager
async def _running_postgres(home: Path) -> AsyncIterator[Postgres]:
    async with Postgres(home, settings=FAST) as postgres:
        await apply_migrations(postgres.dsn("postgres", "postgres"))
        yield postgres
