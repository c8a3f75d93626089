"""The benchmarks of the queue in their smallest form: they measure, and no time is asserted."""

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmarks.queue.bloat import Size, measure_bloat
from benchmarks.queue.competitors import Bare, Contender, Drained, Sql
from benchmarks.queue.depth import measure_depth
from benchmarks.queue.owners import measure_owners
from benchmarks.queue.peers import PeerFailed
from benchmarks.queue.rates import measure_rates
from benchmarks.supabase import Server
from tests.support.servers.postgres import Cluster
from tests.support.sql.database import empty


@pytest.fixture
async def url(cluster: Cluster, migrated: str) -> AsyncIterator[str]:
    await empty(cluster.dsn("supabase_admin", migrated))
    yield cluster.dsn("postgres", migrated)
    await empty(cluster.dsn("supabase_admin", migrated))


class Absent:
    """A peer whose program fails."""

    name = "procrastinate"
    facts: dict[str, object] = {}  # noqa: RUF012 - as the protocol has it

    async def prepare(self, count: int) -> None:
        raise PeerFailed("its fill ended with 1")

    async def drain(self, count: int) -> Drained:
        raise NotImplementedError


async def test_claims_and_inserts_are_measured_at_a_depth(url: str) -> None:
    figures = await measure_depth(url, waiting=400, finished=20)

    told = [
        (figure["name"], figure["waiting"], figure["finished"], figure["n"]) for figure in figures
    ]
    assert told == [("queue_claim", 400, 20, 300), ("queue_insert", 400, 20, 300)]
    assert all(figure["postgres_cpu_us"] > 0 for figure in figures)


async def test_owners_with_equal_backlogs_are_served_equally(url: str) -> None:
    figure = await measure_owners(url, owners=10, each=40)

    assert (figure["owners_served"], figure["claims_of_one_least"]) == (10, 35)
    assert figure["claims_of_one_most"] == 35


async def test_a_held_snapshot_keeps_dead_rows_until_it_is_released(url: str) -> None:
    told: list[dict[str, Any]] = []

    await measure_bloat(url, Size(portion=60, portions=1, figures=2, around=20), told.append)

    assert [figure["snapshot"] for figure in told] == ["before", "held", "held", "released"]
    assert [figure["done"] for figure in told] == [0, 60, 120, 120]
    assert told[2]["dead_rows"] > told[1]["dead_rows"] > told[3]["dead_rows"]


async def test_everything_else_is_measured_if_a_peer_fails(url: str) -> None:
    server = cast(Server, SimpleNamespace(db_url=url, cpu_seconds=lambda: 0.0))
    contenders: list[Contender] = [Bare(url, 50), Sql(url, 1), Absent()]

    *figures, missing = await measure_rates(server, contenders, jobs=20, rounds=2)

    assert [figure["name"] for figure in figures] == ["queue_rate_bare", "queue_rate_cogo_sql"]
    # The servers of tests do not wait for the disk, and figures say so.
    assert {figure["synchronous_commit"] for figure in figures} == {"off"}
    assert not [key for key in figures[1] if "reference" in key]
    assert missing == {
        "name": "queue_not_compared",
        "peer": "procrastinate",
        "reason": "its fill ended with 1",
    }
