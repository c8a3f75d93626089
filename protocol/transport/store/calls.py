"""Circuits and rate limits over the official client."""

from collections.abc import Sequence
from uuid import UUID

from protocol.records.models import CallsReport, Circuit, DeploymentRow, Draw, Drawn, Trial
from protocol.transport.rpc_client import RpcClient


class SupabaseCallStateStore(RpcClient):
    """Implementation of `protocol.store.calls.CallStateStore`."""

    async def report_calls(
        self, *, agent_id: str, report: int, items: Sequence[CallsReport]
    ) -> list[Circuit]:
        return await self._call_rows(
            Circuit,
            "report_calls",
            agent_id=agent_id,
            report=report,
            items=[each.model_dump(mode="json", exclude_none=True) for each in items],
        )

    async def take_trial(self, *, agent_id: str, deployment: str, trial_id: UUID) -> Trial:
        return await self._call_row(
            Trial,
            "take_trial",
            agent_id=agent_id,
            deployment=deployment,
            trial_id=str(trial_id),
        )

    async def draw(self, *, request_id: UUID, draws: Sequence[Draw]) -> Drawn:
        return await self._call_row(
            Drawn,
            "draw",
            request_id=str(request_id),
            draws=[each.model_dump(mode="json") for each in draws],
        )

    async def fetch_deployments(self) -> list[DeploymentRow]:
        return await self._call_pages(DeploymentRow, "deployments")
