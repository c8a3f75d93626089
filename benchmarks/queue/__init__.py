"""The queue compared with others on one embedded Postgres: rates, latencies, leases, plans.

Every peer is set up as it advises, with its tables vacuumed and analyzed, the same durability, and
as many connections as ours unless it advises otherwise. Rounds alternate, so that other load
affects all equally; ratios are taken within a round. A peer that cannot be installed here is named
in a line `queue_not_compared` with the reason, and everything else is measured.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.figures import quantiles
from benchmarks.provider_cells import UnknownName
from benchmarks.queue.competitors import Bare, Contender, Rest, Sql
from benchmarks.queue.dag import measure_dag
from benchmarks.queue.extensions import measure_extensions
from benchmarks.queue.latency import measure_cogo
from benchmarks.queue.peers import PEERS, InItsOwnProcess, PeerFailed
from benchmarks.queue.rates import measure_rates, not_compared, with_goal
from benchmarks.supabase import Server, running_server
from cogo.migrations import load_migrations, migrate

Report = Callable[[dict[str, Any]], None]
BATCHES: Final = (1, 50)
"""Agents claim what fits their free lanes: mostly one, rarely many."""
OWN: Final = ("bare", "cogo_sql", "cogo_rest", "dag", "start", "extension")
PARTS: Final = (*OWN, *dict.fromkeys(peer.name for peer in PEERS))
"""What `--only` chooses from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The size of a run."""

    jobs: int
    rounds: int
    latencies: int
    tasks: int


FULL: Final = Size(jobs=3_000, rounds=5, latencies=30, tasks=400)
QUICK: Final = Size(jobs=500, rounds=1, latencies=5, tasks=40)


async def run(report: Report, *, quick: bool = False, only: str | None = None) -> None:
    """Measure everything, or the parts of `only`; `quick` shows within a minute that it runs."""
    size = QUICK if quick else FULL
    parts = choose_parts(only)
    async with running_server() as server:
        await migrate(server.db_url, load_migrations())
        own: list[Contender] = [
            *(Bare(server.db_url, batch) for batch in BATCHES),
            *(Sql(server.db_url, batch) for batch in BATCHES),
            *(Rest(server, batch) for batch in BATCHES),
        ]
        contenders = [contender for contender in own if contender.name in parts]
        peers = await _installed(server, parts, report)
        if contenders or peers:
            for figure in await measure_rates(
                server, [*contenders, *peers], jobs=size.jobs, rounds=size.rounds
            ):
                report(with_goal(figure))
        if "dag" in parts:
            report(await measure_dag(server.db_url, size.tasks))
        if "start" in parts:
            await _measure_starts(server, peers, size.latencies, report)
        if "extension" in parts:
            report(await measure_extensions(server.db_url))


def choose_parts(only: str | None) -> tuple[str, ...]:
    """Return the parts to measure; raise `UnknownName` if one is unknown."""
    parts = tuple(only.split(",")) if only else PARTS
    if unknown := sorted(set(parts) - set(PARTS)):
        raise UnknownName(f"unknown: {', '.join(unknown)}; queue knows {', '.join(PARTS)}")
    return parts


async def _installed(
    server: Server, parts: tuple[str, ...], report: Report
) -> list[InItsOwnProcess]:
    peers = []
    for peer in PEERS:
        if peer.name in parts:
            contender = InItsOwnProcess(server, peer)
            try:
                await contender.install()
                peers.append(contender)
            except PeerFailed as error:
                report(not_compared(peer.name, str(error)))
    return peers


async def _measure_starts(
    server: Server, peers: list[InItsOwnProcess], count: int, report: Report
) -> None:
    """Measure the time from a job's insert to its start on an idle system."""
    found = await measure_cogo(server, count)
    report({"name": "queue_start_cogo_rest", "unit": "ms", **quantiles(found)})
    for peer in peers:
        if peer.peer.has_latency:
            await peer.prepare(0)
            found = await peer.latency(count)
            report({"name": f"queue_start_{peer.name}", "unit": "ms", **quantiles(found)})
