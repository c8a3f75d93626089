"""The environment of runs: a Postgres with the migrations, and a new database per run."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from benchmarks.simulation.accounts import Bars, Worth, bars, worth_of
from benchmarks.simulation.run import Play
from benchmarks.simulation.scenario import Scenario
from benchmarks.simulation.traffic import Shift, shifts
from benchmarks.system import empty_home
from cogo.migrations import load_migrations, migrate
from embedded.postgres.cluster import Postgres
from protocol.records.models import PolicyName


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """The result of one policy."""

    policy: PolicyName
    worth: Worth
    shifts: Sequence[Shift]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The results of all policies with one seed, on the same tasks and vendors."""

    seed: int
    tasks: int
    bars: Bars
    reviews: Sequence[Review]


@asynccontextmanager
async def stage() -> AsyncIterator[Postgres]:
    """Open a temporary embedded Postgres whose database `postgres` is migrated."""
    with empty_home() as home:
        async with Postgres(home) as postgres:
            await migrate(postgres.dsn("postgres", "postgres"), load_migrations())
            yield postgres


async def judged(
    postgres: Postgres, scenario: Scenario, policies: Sequence[PolicyName], seed: int
) -> Verdict:
    """Play the scenario once per policy."""
    reviews, served = [], []
    for policy in policies:
        name = f"play_{seed}_{policy.value}"
        await _create(postgres, name)
        served = await Play(scenario, policy, seed).run(postgres.dsn("postgres", name))
        reviews.append(
            Review(
                policy=policy,
                worth=worth_of(served, scenario),
                shifts=shifts(served, scenario),
            )
        )
    return Verdict(seed=seed, tasks=len(served), bars=bars(served, scenario, seed), reviews=reviews)


async def _create(postgres: Postgres, name: str) -> None:
    connection = await asyncpg.connect(postgres.dsn("supabase_admin", "template1"))
    try:
        await connection.execute(f'create database "{name}" template postgres owner postgres')
    finally:
        await connection.close()
