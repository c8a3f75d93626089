"""Rates of queues in rounds that alternate, and their ratios within each round."""

import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.queue.competitors import Contender
from benchmarks.queue.database import Processor, connect, write_out
from benchmarks.queue.peers import PeerFailed
from benchmarks.supabase import Server

REFERENCE: Final = "procrastinate"
GOALS: Final = {("cogo_rest", 1): 1.0, ("cogo_sql", 1): 2.5, ("cogo_sql", 50): 8.0}
"""Goals for rates, as multiples of the reference, by name and batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One measurement: jobs per second, and microseconds of CPU time per job."""

    rate: float
    postgres_cpu_us: float
    server_cpu_us: float
    """Of the embedded server, which delivers messages too."""
    worker_cpu_us: float

    @property
    def cpu_us(self) -> float:
        """Of all processes together: what a saturated machine takes for a job."""
        return self.postgres_cpu_us + self.server_cpu_us + self.worker_cpu_us


async def measure_rates(
    server: Server, contenders: Sequence[Contender], *, jobs: int, rounds: int
) -> list[dict[str, Any]]:
    """Drain every queue once per round, in an order that reverses, and return their figures."""
    owner = await connect(server.db_url, "postgres")
    durability = {
        name: await owner.fetchval("select current_setting($1)", name)
        for name in ("fsync", "synchronous_commit")
    }
    processor = await Processor.of(owner)
    found: dict[int, list[Round]] = {index: [] for index in range(len(contenders))}
    failed: dict[int, str] = {}
    for number in range(rounds):
        order = list(found) if number % 2 == 0 else list(reversed(found))
        for index in order:
            contender = contenders[index]
            try:
                await contender.prepare(jobs)
                await write_out(owner)
                postgres, served = processor.seconds(), server.cpu_seconds()
                drained = await contender.drain(jobs)
            except PeerFailed as error:
                failed[index] = str(error)
                del found[index]
                continue
            per_job = 1e6 / jobs
            measured = Round(
                rate=jobs / drained.seconds,
                postgres_cpu_us=(processor.seconds() - postgres) * per_job,
                server_cpu_us=(server.cpu_seconds() - served) * per_job,
                worker_cpu_us=drained.cpu_seconds * per_job,
            )
            found[index].append(measured)
            print(
                f"round {number + 1}/{rounds} {contender.name} {contender.facts.get('batch', '')}: "
                f"{measured.rate:.0f} jobs/s, {measured.cpu_us:.0f} us of CPU a job",
                file=sys.stderr,
            )
    await owner.close()
    named = {
        index: {"name": f"queue_rate_{contenders[index].name}", "n": jobs, "rounds": rounds}
        | durability
        | contenders[index].facts
        for index in found
    }
    reference = [index for index in found if contenders[index].name == REFERENCE]
    return [
        *(
            named[index] | summarize(rows, found[reference[0]] if reference else None)
            for index, rows in found.items()
        ),
        *(not_compared(contenders[index].name, reason) for index, reason in failed.items()),
    ]


def summarize(rows: Sequence[Round], reference: Sequence[Round] | None) -> dict[str, Any]:
    """Return medians, and ratios to the reference by round: median, minimum and maximum.

    A ratio of CPU below 1 means that a job takes less than the reference's.
    """
    figure: dict[str, Any] = {
        "unit": "jobs/s",
        "rate": round(statistics.median(row.rate for row in rows)),
        "rate_min": round(min(row.rate for row in rows)),
        "rate_max": round(max(row.rate for row in rows)),
    } | {
        name: round(statistics.median(getattr(row, name) for row in rows))
        for name in ("postgres_cpu_us", "server_cpu_us", "worker_cpu_us", "cpu_us")
    }
    if reference is not None:
        pairs = list(zip(rows, reference, strict=True))
        figure |= _spread("times_reference", [row.rate / other.rate for row, other in pairs])
        figure |= _spread("cpu_of_reference", [row.cpu_us / other.cpu_us for row, other in pairs])
    return figure


def with_goal(figure: Mapping[str, Any]) -> dict[str, Any]:
    """Add the goal for a rate, if there is one."""
    key = (str(figure["name"]).removeprefix("queue_rate_"), figure.get("batch"))
    return dict(figure) | ({"goal_times": GOALS[key]} if key in GOALS else {})


def not_compared(name: str, reason: str) -> dict[str, Any]:
    """Return the line that names a peer that could not be measured."""
    return {"name": "queue_not_compared", "peer": name, "reason": reason}


def _spread(name: str, ratios: Sequence[float]) -> dict[str, float]:
    return {
        name: round(statistics.median(ratios), 2),
        f"{name}_min": round(min(ratios), 2),
        f"{name}_max": round(max(ratios), 2),
    }
