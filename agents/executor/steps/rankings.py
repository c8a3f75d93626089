"""Rankings: the steps of workflows that rank documents, by models of vendors."""

import time
from typing import Any

from loguru import logger
from pydantic import BaseModel, ConfigDict

from agents.executor.call_context import build_call_context
from agents.executor.failure_policy import end_irreplaceable
from agents.runtime.agent import Agent
from agents.runtime.pool import SideWork
from protocol.lanes import RERANKS, read_rerank_lane
from protocol.records import ClaimedSubtask, Completion, Usage
from providers.errors import ProviderError, UnknownModel
from providers.rerank.records import Ranking
from providers.router import Router


class RerankArguments(BaseModel):
    """The arguments of a step, as its workflow has described it."""

    model_config = ConfigDict(frozen=True)

    query: str
    documents: list[str]
    top_n: int | None = None


class RerankExecutor:
    """Calls rerank models for claimed steps. Each model that can be called has a lane."""

    def __init__(self, router: Router) -> None:
        self._router = router

    def list_lanes(self) -> list[str]:
        """Return the lanes of the rerank models that can be called now."""
        return [RERANKS + each for each in self._router.list_rerank_models()]

    def build_side_work(self, agent: Agent) -> SideWork:
        """Return the work for the pool of an executor."""
        return SideWork(
            lanes=self.list_lanes,
            work=self.execute,
            capacity=agent.options.rerank_capacity,
            wakeup=agent.build_wakeup(),
            get_limit=self._get_limit,
        )

    async def execute(self, claimed: ClaimedSubtask) -> Completion:
        """Rank the documents of a step. Raises WorkFailed, WorkWaits."""
        started = time.monotonic()
        arguments = RerankArguments.model_validate(claimed.params.get("arguments"))
        try:
            reranker = await self._router.open_reranker()
            ranking = await reranker.rerank(
                read_rerank_lane(claimed.lane) or claimed.lane,
                arguments.query,
                arguments.documents,
                top_n=arguments.top_n,
                context=build_call_context(claimed),
            )
        except ProviderError as error:
            raise end_irreplaceable(error, claimed) from error
        usage = _build_usage(ranking, seconds=time.monotonic() - started)
        logger.info(
            "documents were ranked", documents=len(arguments.documents), model=usage.model_id
        )
        return Completion(ref=claimed.ref, output=_build_output(ranking, usage), usage=usage)

    def _get_limit(self, lane: str) -> int | None:
        try:
            return self._router.count_rerank_slots(read_rerank_lane(lane) or lane) or None
        except UnknownModel:
            return None


def _build_usage(ranking: Ranking, *, seconds: float) -> Usage:
    return Usage(
        model_id=ranking.model,
        provider=ranking.provider,
        input_tokens=ranking.tokens,
        cached_tokens=0,
        output_tokens=0,
        reasoning_tokens=0,
        cost_usd=ranking.cost_usd,
        duration_ms=round(seconds * 1000),
        simulated=ranking.simulated,
    )


def _build_output(ranking: Ranking, usage: Usage) -> dict[str, Any]:
    count = len(ranking.documents)
    documents = "1 document" if count == 1 else f"{count} documents"
    return {
        "text": f"{documents} ranked by {usage.model_id}",
        "ranking": [list(each) for each in ranking.documents],
        "model_used": usage.model_id,
        "provider": usage.provider,
        "input_tokens": ranking.tokens,
        "generation_time": usage.duration_ms,
        "notes": list(ranking.notes),
        **({"simulated": True} if ranking.simulated else {}),
    }
