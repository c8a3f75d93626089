"""Circuits, rates and kept answers over the official client."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
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
from protocol.transport.rpc_client import Calls


class SafetyCalls(Calls):
    """Implements `protocol.store.calls.SafetyStore`."""

    async def report_calls(
        self, *, agent_id: str, report: int, items: Sequence[CallsReport]
    ) -> list[Circuit]:
        return await self._rows(
            Circuit,
            "report_calls",
            agent_id=agent_id,
            report=report,
            items=[each.model_dump(mode="json", exclude_none=True) for each in items],
        )

    async def take_trial(self, *, agent_id: str, deployment: str, trial_id: UUID) -> Trial:
        return await self._row(
            Trial,
            "take_trial",
            agent_id=agent_id,
            deployment=deployment,
            trial_id=str(trial_id),
        )

    async def draw(self, *, request_id: UUID, draws: Sequence[Draw]) -> Drawn:
        return await self._row(
            Drawn,
            "draw",
            request_id=str(request_id),
            draws=[each.model_dump(mode="json") for each in draws],
        )

    async def cached_answer(self, *, key: str) -> CachedAnswer | None:
        found = await self._rows(CachedAnswer, "cached_answer", key=key)
        return found[0] if found else None

    async def cache_answer(
        self, *, key: str, owner: UUID | None, model_id: str, answer: dict[str, Any], ttl: timedelta
    ) -> None:
        await self._call(
            "cache_answer",
            key=key,
            owner=None if owner is None else str(owner),
            model_id=model_id,
            answer=answer,
            seconds=max(1, round(ttl.total_seconds())),
        )

    async def fetch_deployments(self) -> list[DeploymentRow]:
        return await self._every(DeploymentRow, "deployments")
