"""What stands around calls to vendors and is shared by all agents: circuits, rates, answers."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from protocol.records.deployments import (
    CachedAnswer,
    CallsReport,
    Circuit,
    DeploymentRow,
    Draw,
    Drawn,
    Trial,
)


class SafetyStore(Protocol):
    """Every call is idempotent; all raise what those of `protocol.store.queue.Store` raise."""

    async def report_calls(
        self, *, agent_id: str, report: int, items: Sequence[CallsReport]
    ) -> list[Circuit]:
        """Say what was seen; gives the deployments that may not simply be asked.

        `report` grows with every report of an agent: an item of an earlier one counts no more.
        """
        ...

    async def take_trial(self, *, agent_id: str, deployment: str, trial_id: UUID) -> Trial:
        """Ask to make the call that shows whether a deployment answers again."""
        ...

    async def draw(self, *, request_id: UUID, draws: Sequence[Draw]) -> Drawn:
        """Take from token buckets: from all of them, or from none."""
        ...

    async def cached_answer(self, *, key: str) -> CachedAnswer | None:
        """Read an answer that was kept and is still fresh."""
        ...

    async def cache_answer(
        self, *, key: str, owner: UUID | None, model_id: str, answer: dict[str, Any], ttl: timedelta
    ) -> None:
        """Keep an answer."""
        ...

    async def fetch_deployments(self) -> list[DeploymentRow]:
        """Read the health of every deployment that was ever called."""
        ...
