"""`cogo queue` and its settings."""

import json
from uuid import uuid4

import pytest

from tests.support.servers.system import System

pytestmark = pytest.mark.e2e


def test_a_lane_is_limited_paused_and_let_go_on_from_the_command_line(system: System) -> None:
    lane = f"lane-{uuid4()}"

    limited = system.cogo(
        "queue", "limit", "--lane", lane, "--running", "3", "--per-minute", "60", "--json"
    )
    paused = system.cogo("queue", "pause", "--lane", lane)
    shown = system.cogo("queue", "--json")
    resumed = system.cogo("queue", "resume", "--lane", lane)
    freed = system.cogo(
        "queue", "limit", "--lane", lane, "--running", "none", "--per-minute", "none"
    )

    assert limited.returncode == 0, limited.stderr
    assert json.loads(limited.stdout) == {
        "paused": False,
        "max_running": 3,
        "per_minute": 60,
        "running": 0,
    }
    limits = "at most 3 running, at most 60 a minute; 0 running now"
    assert paused.stdout == f"lane {lane}: paused, {limits}\n"
    [row] = [row for row in json.loads(shown.stdout) if row["lane"] == lane]
    assert (row["lane_paused"], row["lane_max_running"], row["lane_per_minute"]) == (True, 3, 60)
    assert resumed.stdout == f"lane {lane}: open, {limits}\n"
    assert freed.stdout == f"lane {lane}: open; 0 running now\n"


def test_an_owner_is_paused_and_let_go_on_from_the_command_line(system: System) -> None:
    owner = str(uuid4())

    paused = system.cogo("queue", "pause", "--owner", owner)
    resumed = system.cogo("queue", "resume", "--owner", owner)

    assert paused.stdout == f"owner {owner}: paused; 0 running now\n", paused.stderr
    assert resumed.stdout == f"owner {owner}: open; 0 running now\n"
