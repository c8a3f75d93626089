"""Embeddings: the steps of workflows that turn texts into vectors, by models of vendors."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from loguru import logger
from pydantic import BaseModel, ConfigDict

from agents.executor.call_context import build_call_context
from agents.executor.failure_policy import end_irreplaceable
from agents.executor.steps.memory import RECALL, MemoryExecutor
from agents.runtime.agent import Agent
from agents.runtime.pool import SideWork
from protocol.embeddings import EncodingFormat, encode_vector
from protocol.lanes import EMBEDDINGS, read_embedding_lane
from protocol.records import ClaimedSubtask, Completion, Usage
from providers.embeddings.records import Embedded, Purpose
from providers.errors import MalformedResponse, ProviderError, UnknownModel
from providers.router import Router


class EmbeddingArguments(BaseModel):
    """The arguments of a step, as its workflow has described it."""

    model_config = ConfigDict(frozen=True)

    texts: list[str] | list[list[int]]
    dimensions: int | None = None
    encoding_format: EncodingFormat = "float"
    purpose: Purpose = "document"


class EmbeddingExecutor:
    """Calls embedding models for claimed steps. Each model that can be called has a lane.

    Searches of memory are done in the lane of the model that embeds their query.
    """

    def __init__(self, router: Router, memory: MemoryExecutor) -> None:
        self._router = router
        self._memory = memory

    def list_lanes(self) -> list[str]:
        """Return the lanes of the embedding models that can be called now."""
        return [EMBEDDINGS + each for each in self._router.list_embedding_models()]

    def build_side_work(self, agent: Agent) -> SideWork:
        """Return the work for the pool of an executor."""
        return SideWork(
            lanes=self.list_lanes,
            work=self.execute,
            capacity=agent.options.embedding_capacity,
            wakeup=agent.build_wakeup(),
            get_limit=self._get_limit,
        )

    async def execute(self, claimed: ClaimedSubtask) -> Completion:
        """Embed the texts of a step. Raises WorkFailed, WorkWaits."""
        if claimed.params.get("name") == RECALL:
            return await self._memory.execute(claimed)
        started = time.monotonic()
        arguments = EmbeddingArguments.model_validate(claimed.params.get("arguments"))
        try:
            embedder = await self._router.open_embedder()
            embedded = await embedder.embed(
                read_embedding_lane(claimed.lane) or claimed.lane,
                arguments.texts,
                purpose=arguments.purpose,
                dimensions=arguments.dimensions,
                context=build_call_context(claimed),
            )
            vectors = await asyncio.to_thread(_encode, embedded, arguments.encoding_format)
        except ProviderError as error:
            raise end_irreplaceable(error, claimed) from error
        usage = _build_usage(embedded, seconds=time.monotonic() - started)
        logger.info("texts were embedded", texts=len(vectors), model=usage.model_id)
        return Completion(
            ref=claimed.ref,
            output=_build_output(embedded, vectors, arguments, usage),
            usage=usage,
        )

    def _get_limit(self, lane: str) -> int | None:
        try:
            return self._router.count_embedding_slots(read_embedding_lane(lane) or lane) or None
        except UnknownModel:
            return None


def _encode(embedded: Embedded, encoding_format: EncodingFormat) -> list[Any]:
    """Return the vectors as JSON. Raises MalformedResponse."""
    try:
        return [
            encode_vector(each.vector) if encoding_format == "base64" else list(each.vector)
            for each in embedded.embeddings
        ]
    except OverflowError as error:
        raise MalformedResponse(embedded.provider, "a number is too large for 32 bits") from error


def _build_usage(embedded: Embedded, *, seconds: float) -> Usage:
    return Usage(
        model_id=embedded.embeddings[0].model,
        provider=embedded.provider,
        input_tokens=embedded.tokens,
        cached_tokens=0,
        output_tokens=0,
        reasoning_tokens=0,
        cost_usd=embedded.cost_usd,
        duration_ms=round(seconds * 1000),
        simulated=embedded.simulated,
    )


def _build_output(
    embedded: Embedded, vectors: Sequence[Any], arguments: EmbeddingArguments, usage: Usage
) -> dict[str, Any]:
    dimensions = embedded.embeddings[0].dimensions
    texts = "1 text" if len(vectors) == 1 else f"{len(vectors)} texts"
    return {
        "text": f"{texts} as vectors of {dimensions} dimensions by {usage.model_id}",
        "embeddings": vectors,
        "encoding_format": arguments.encoding_format,
        "dimensions": dimensions,
        "model_used": usage.model_id,
        "provider": usage.provider,
        "input_tokens": embedded.tokens,
        "generation_time": usage.duration_ms,
        "notes": list(embedded.notes),
        **({"simulated": True} if embedded.simulated else {}),
    }
