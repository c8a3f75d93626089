"""The queue compared with others: rates, latencies, and the cost of a claim at any depth.

One run on one embedded Postgres, with alternating rounds, so that other load affects all equally.
"""

import statistics
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.figures import quantiles
from benchmarks.queue.competitors import Bare, Contender, Rest, Sql
from benchmarks.queue.dag import measure_dag
from benchmarks.queue.database import Processor, connect, write_out
from benchmarks.queue.depth import measure_claims, measure_extensions
from benchmarks.queue.latency import measure_cogo
from benchmarks.queue.peers import PEERS, InItsOwnProcess, install
from benchmarks.supabase import Server, running_server
from cogo.migrations import load_migrations, migrate

GOALS: Final = {"cogo_sql": 2.5, "cogo_rest": 2.0}
"""Goals, as multiples of procrastinate's rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The size of a run."""

    jobs: int
    rounds: int
    latencies: int
    depths: tuple[tuple[int, int], ...]
    """Numbers of waiting and finished subtasks."""
    tasks: int


FULL: Final = Size(
    jobs=10_000,
    rounds=3,
    latencies=30,
    depths=((1_000, 0), (100_000, 0), (1_000_000, 0), (1_000, 1_000_000)),
    tasks=400,
)
QUICK: Final = Size(
    jobs=1_000, rounds=1, latencies=5, depths=((1_000, 0), (20_000, 0), (1_000, 20_000)), tasks=40
)


@dataclass(slots=True)
class _Measured:
    rates: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)


async def run(*, quick: bool = False) -> list[dict[str, Any]]:
    """Measure everything; `quick` only shows within a minute that it runs."""
    size = QUICK if quick else FULL
    pythons = [(peer, await install(peer)) for peer in PEERS]
    async with running_server() as server:
        await migrate(server.db_url, load_migrations())
        peers = [InItsOwnProcess(server, peer, python) for peer, python in pythons]
        contenders: list[Contender] = [
            Bare(server, 50),
            Sql(server, 10),
            Sql(server, 50),
            Rest(server, 50),
            *peers,
        ]
        figures = await _rates(server, contenders, size)
        figures.append(await measure_dag(server.db_url, size.tasks))
        figures += await _latencies(server, peers, size)
        figures += await _claims(server.db_url, size)
        figures.append(await measure_extensions(server.db_url))
    return figures


async def _rates(server: Server, contenders: list[Contender], size: Size) -> list[dict[str, Any]]:
    owner = await connect(server.db_url, "postgres")
    processor = await Processor.of(owner)
    measured = [_Measured() for _ in contenders]
    for _ in range(size.rounds):
        for contender, found in zip(contenders, measured, strict=True):
            await contender.prepare(size.jobs)
            await write_out(owner)
            before = processor.seconds()
            seconds = await contender.drain(size.jobs)
            found.cpu_us.append((processor.seconds() - before) / size.jobs * 1e6)
            found.rates.append(size.jobs / seconds)
    await owner.close()
    [reference] = [
        statistics.median(found.rates)
        for contender, found in zip(contenders, measured, strict=True)
        if contender.name == "procrastinate"
    ]
    return [
        {
            "name": f"queue_rate_{contender.name}",
            "unit": "jobs/s",
            "n": size.jobs,
            "rounds": size.rounds,
            **contender.facts,
            "rate": round(statistics.median(found.rates)),
            "rate_min": round(min(found.rates)),
            "rate_max": round(max(found.rates)),
            "postgres_cpu_us": round(statistics.median(found.cpu_us)),
            "times_procrastinate": round(statistics.median(found.rates) / reference, 2),
        }
        | ({"goal_times": GOALS[contender.name]} if contender.name in GOALS else {})
        for contender, found in zip(contenders, measured, strict=True)
    ]


async def _latencies(
    server: Server, peers: list[InItsOwnProcess], size: Size
) -> list[dict[str, Any]]:
    figures = []
    samples = {"cogo_rest": await measure_cogo(server, size.latencies)}
    for peer in peers:
        await peer.prepare(0)
        samples[peer.name] = await peer.latency(size.latencies)
    for name, found in samples.items():
        figures.append({"name": f"queue_start_{name}", "unit": "ms", **quantiles(found)})
    return figures


async def _claims(url: str, size: Size) -> list[dict[str, Any]]:
    figures = [await measure_claims(url, waiting, done) for waiting, done in size.depths]
    return [
        figure | {"times_first": round(figure["p95"] / figures[0]["p95"], 2), "goal_times": 1.5}
        for figure in figures
    ]
