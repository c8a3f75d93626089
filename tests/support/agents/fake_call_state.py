"""A fake store of the shared state of calls."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NoReturn
from uuid import UUID

from protocol.errors import StoreUnavailable
from protocol.records.models import (
    CachedAnswer,
    CallsReport,
    Circuit,
    DeploymentRow,
    Draw,
    Drawn,
    Trial,
)


class FakeCallStateStore:
    """Returns the circuits that a test sets, or is unavailable."""

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

    async def fetch_cached_answer(self, *, key: str) -> CachedAnswer | None:
        _not_for_reporters()

    async def cache_answer(
        self, *, key: str, owner: UUID | None, model_id: str, answer: dict[str, Any], ttl: timedelta
    ) -> None:
        _not_for_reporters()

    async def fetch_deployments(self) -> list[DeploymentRow]:
        _not_for_reporters()


def _not_for_reporters() -> NoReturn:
    raise AssertionError("a reporter does not make this call")
