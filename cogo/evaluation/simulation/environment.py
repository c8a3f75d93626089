"""Runs of all policies: a temporary Postgres with the migrations, and a new database for each."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import asyncpg

from cogo.evaluation.simulation.regret import (
    Baselines,
    EventRegret,
    Worth,
    accumulate_regret,
    compute_baselines,
    compute_worth,
    list_event_regrets,
)
from cogo.evaluation.simulation.run import SimulatedTask, Simulation
from cogo.evaluation.simulation.scenario import Scenario
from cogo.evaluation.simulation.traffic import Shift, find_shifts
from cogo.migrations import load_migrations, load_schema, migrate
from embedded.postgres.cluster import Postgres
from protocol.records.models import PolicyName


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRun:
    """The result of one policy."""

    policy: PolicyName
    worth: Worth
    seconds: Sequence[float]
    """When each task came."""
    regret: Sequence[float]
    """Dollars lost to the oracle up to each task."""
    events: Sequence[EventRegret]
    shifts: Sequence[Shift]


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """The results of all policies with one seed, on the same tasks and vendors."""

    scenario: Scenario
    seed: int
    tasks: int
    baselines: Baselines
    runs: Sequence[PolicyRun]


Played: TypeAlias = dict[PolicyName, list[SimulatedTask]]
"""The tasks of each policy that was played to the end."""


async def simulate(
    scenario: Scenario,
    policies: Sequence[PolicyName],
    seed: int,
    played: Played,
    advance: Callable[[], None],
) -> None:
    """Play the scenario once per policy, into `played`.

    `advance` is called after each step of each.
    """
    with _open_home() as home:
        async with Postgres(home) as postgres:
            await migrate(
                postgres.dsn("postgres", "postgres"), load_migrations(), schema=load_schema()
            )
            for policy in policies:
                url = await _create_database(postgres, f"simulation_{policy.value}")
                played[policy] = await Simulation(scenario, policy, seed, advance).run(url)


def summarize_simulation(scenario: Scenario, seed: int, played: Played) -> Simulated:
    """Return what came of the policies that were played."""
    tasks = next(iter(played.values()))
    baselines = compute_baselines(tasks, scenario, seed)
    return Simulated(
        scenario=scenario,
        seed=seed,
        tasks=len(tasks),
        baselines=baselines,
        runs=[
            PolicyRun(
                policy=policy,
                worth=compute_worth(tasks, scenario),
                seconds=[each.second for each in tasks],
                regret=accumulate_regret(tasks, scenario, baselines),
                events=list_event_regrets(tasks, scenario, baselines),
                shifts=find_shifts(tasks, scenario),
            )
            for policy, tasks in played.items()
        ],
    )


@contextmanager
def _open_home() -> Iterator[Path]:
    """Yield a directory for Postgres that exists until the block ends."""
    with tempfile.TemporaryDirectory(prefix="cogo-eval-") as directory:
        home = Path(directory)
        home.chmod(0o711)  # for Postgres, which is another user when we are root
        yield home


async def _create_database(postgres: Postgres, name: str) -> str:
    """Return the address of a new migrated database."""
    connection = await asyncpg.connect(postgres.dsn("supabase_admin", "template1"))
    try:
        await connection.execute(f'create database "{name}" template postgres owner postgres')
    finally:
        await connection.close()
    return postgres.dsn("postgres", name)
