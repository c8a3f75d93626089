"""State of calls to model vendors that all agents share: circuits, rate limits, cached answers."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from protocol.records.models import (
    CachedAnswer,
    CallsReport,
    Circuit,
    DeploymentRow,
    Draw,
    Drawn,
    Trial,
)


class CallStateStore(Protocol):
    """Every call is idempotent and raises what `protocol.store.queue.QueueStore` raises."""

    async def report_calls(
        self, *, agent_id: str, report: int, items: Sequence[CallsReport]
    ) -> list[Circuit]:
        """Report observations; return the deployments with an open or half-open circuit.

        `report` grows with every report of an agent; an item of an older report is ignored.
        """
        ...

    async def take_trial(self, *, agent_id: str, deployment: str, trial_id: UUID) -> Trial:
        """Request the single call that tests a half-open circuit."""
        ...

    async def draw(self, *, request_id: UUID, draws: Sequence[Draw]) -> Drawn:
        """Take from several token buckets: from all of them, or from none."""
        ...

    async def fetch_deployments(self) -> list[DeploymentRow]:
        """Read the health of every deployment that was ever called."""
        ...


class AnswerCacheStore(Protocol):
    """Every call is idempotent and raises what `protocol.store.queue.QueueStore` raises."""

    async def fetch_cached_answer(self, *, key: str) -> CachedAnswer | None:
        """Read a cached answer that has not expired."""
        ...

    async def cache_answer(
        self, *, key: str, owner: UUID | None, model_id: str, answer: dict[str, Any], ttl: timedelta
    ) -> None:
        """Store an answer for `ttl`."""
        ...
