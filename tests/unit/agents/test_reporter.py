"""When an executor asks how the circuits stand."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from agents.safety.reporter import STALE, Reporter
from protocol.errors import StoreUnavailable
from protocol.records.deployments import (
    CachedAnswer,
    CallsReport,
    Circuit,
    DeploymentRow,
    Draw,
    Drawn,
    Trial,
)

PLACE = "anthropic:claude-sonnet-5-5"


class Circuits:
    """A store that knows circuits, or is away."""

    def __init__(self) -> None:
        self.asked = 0
        self.away = False
        self.open: list[Circuit] = []

    async def report_calls(
        self, *, agent_id: str, report: int, items: Sequence[CallsReport]
    ) -> list[Circuit]:
        del agent_id, report, items
        self.asked += 1
        if self.away:
            raise StoreUnavailable("away")
        return self.open

    async def take_trial(self, *, agent_id: str, deployment: str, trial_id: UUID) -> Trial:
        raise NotImplementedError

    async def draw(self, *, request_id: UUID, draws: Sequence[Draw]) -> Drawn:
        raise NotImplementedError

    async def cached_answer(self, *, key: str) -> CachedAnswer | None:
        raise NotImplementedError

    async def cache_answer(
        self, *, key: str, owner: UUID | None, model_id: str, answer: dict[str, Any], ttl: timedelta
    ) -> None:
        raise NotImplementedError

    async def fetch_deployments(self) -> list[DeploymentRow]:
        raise NotImplementedError


@pytest.mark.parametrize("away", [False, True])
async def test_after_a_quiet_time_the_circuits_are_looked_at_once_before_a_call(
    away: bool,
) -> None:
    now = [1000.0]
    store = Circuits()
    store.away = away
    reporter = Reporter(agent_id="executor-1", store=store, clock=lambda: now[0])

    await reporter.catch_up()
    await reporter.catch_up()
    now[0] += STALE.total_seconds() - 1
    await reporter.catch_up()
    assert store.asked == 1
    assert reporter.view(PLACE) is None

    store.open = [Circuit(deployment=PLACE, state="open", wait_seconds=60)]
    now[0] += 2
    await reporter.catch_up()

    assert store.asked == 2
    view = reporter.view(PLACE)
    assert (view is None) is away
