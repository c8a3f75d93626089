"""How rounds of `scripts/bench queue` become figures, and what it says of peers it cannot have."""

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmarks.provider_cells import UnknownName
from benchmarks.queue import PARTS, choose_parts, peers
from benchmarks.queue.peers import PEERS, InItsOwnProcess, PeerFailed
from benchmarks.queue.rates import Round, not_compared, summarize, with_goal
from benchmarks.supabase import Server

SERVER = cast(Server, SimpleNamespace(db_url=""))
PGFLOW = next(peer for peer in PEERS if peer.name == "pgflow")


def build_round(rate: float, postgres: float, server: float = 0, worker: float = 0) -> Round:
    return Round(rate=rate, postgres_cpu_us=postgres, server_cpu_us=server, worker_cpu_us=worker)


def test_ratios_are_taken_within_a_round() -> None:
    """A machine that was twice as slow in one round was so for both."""
    ours = [build_round(100, 400, 100, 500), build_round(50, 800, 200, 1000)]
    theirs = [build_round(400, 500), build_round(200, 1000)]

    figure = summarize(ours, theirs)

    assert figure["times_reference_min"] == figure["times_reference_max"] == 0.25
    assert figure["cpu_of_reference"] == 2.0
    assert (figure["rate"], figure["rate_min"], figure["rate_max"]) == (75, 50, 100)
    assert (figure["postgres_cpu_us"], figure["cpu_us"]) == (600, 1500)


def test_the_worst_and_the_best_round_are_told() -> None:
    figure = summarize(
        [build_round(rate, 1) for rate in (100, 300, 200)],
        [build_round(100, 2) for _ in range(3)],
    )

    spread = [figure[f"times_reference{end}"] for end in ("", "_min", "_max")]
    assert spread == [2.0, 1.0, 3.0]


def test_without_the_reference_there_is_no_ratio() -> None:
    figure = summarize([build_round(100, 400)], None)

    assert not [name for name in figure if "reference" in name]


def test_goals_depend_on_the_batch() -> None:
    goals = [
        with_goal({"name": f"queue_rate_{name}", "batch": batch}).get("goal_times")
        for name, batch in (("cogo_rest", 1), ("cogo_sql", 1), ("cogo_sql", 50), ("bare", 1))
    ]

    assert goals == [1.0, 2.5, 8.0, None]


def test_all_parts_are_measured_when_none_is_named() -> None:
    assert choose_parts(None) == PARTS
    assert choose_parts("cogo_rest,procrastinate") == ("cogo_rest", "procrastinate")
    with pytest.raises(UnknownName, match=r"unknown: celery; queue knows .*pgflow"):
        choose_parts("dbos,celery")


async def test_a_peer_without_its_installer_is_named_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(peers, "python_of", lambda *_: Path("python"))

    with pytest.raises(PeerFailed) as failed:
        await InItsOwnProcess(SERVER, PGFLOW).install()

    assert not_compared("pgflow", str(failed.value)) == {
        "name": "queue_not_compared",
        "peer": "pgflow",
        "reason": "npm is not installed here",
    }


async def test_a_peer_whose_packages_are_not_to_be_had_is_named_with_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any) -> Path:
        raise subprocess.CalledProcessError(1, ["pip"])

    monkeypatch.setattr(peers, "python_of", fail)

    with pytest.raises(PeerFailed, match=r"pgmq==.* @pgflow/core@.* cannot be installed here"):
        await InItsOwnProcess(SERVER, PGFLOW).install()
