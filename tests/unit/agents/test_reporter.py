"""When an executor hears how the circuits stand."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NoReturn
from uuid import UUID

from agents.middleware.call_reporter import Reporter
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
from tests.support.eventually import eventually

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
        _not_for_reporters()

    async def draw(self, *, request_id: UUID, draws: Sequence[Draw]) -> Drawn:
        _not_for_reporters()

    async def cached_answer(self, *, key: str) -> CachedAnswer | None:
        _not_for_reporters()

    async def cache_answer(
        self, *, key: str, owner: UUID | None, model_id: str, answer: dict[str, Any], ttl: timedelta
    ) -> None:
        _not_for_reporters()

    async def fetch_deployments(self) -> list[DeploymentRow]:
        _not_for_reporters()


def _not_for_reporters() -> NoReturn:
    raise AssertionError("a reporter has no business with this call")


async def test_without_any_call_the_circuits_are_known_and_kept_in_view() -> None:
    store = Circuits()
    reporter = Reporter(agent_id="executor-1", store=store, idle=timedelta(milliseconds=1))
    async with asyncio.TaskGroup() as group:
        reporting = group.create_task(reporter.run())
        await eventually(lambda: store.asked)
        assert reporter.view(PLACE) is None

        store.open = [Circuit(deployment=PLACE, state="open", wait_seconds=60)]
        await eventually(lambda: reporter.view(PLACE))
        store.away = True
        asked = store.asked
        await eventually(lambda: store.asked > asked + 1)
        assert reporter.view(PLACE), "what was heard last holds while nobody answers"
        reporting.cancel()
