"""Whether this gateway lives, whether it can work, and its metrics."""

import asyncio
from importlib.metadata import version
from typing import Final

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from gateway.dependencies import Here, MetricsReader
from gateway.problems import Problem
from protocol.errors import CogoError

router = APIRouter(tags=["health"])

READY_SECONDS: Final = 3.0


@router.get("/health", summary="Whether the process lives")
async def health() -> dict[str, str]:
    """Answer whenever the process can; it asks nobody."""
    return {"status": "ok", "version": version("cogo")}


@router.get("/ready", summary="Whether Supabase answers and can write")
async def ready(here: Here) -> dict[str, str]:
    """Answer 200 when tasks can be taken, else 503 with the reason."""
    try:
        async with asyncio.timeout(READY_SECONDS):
            await here.store.check_writes()
    except TimeoutError as error:
        raise Problem(503, "not_ready", "Supabase does not answer in time") from error
    except CogoError as error:
        raise Problem(503, error.code, error.message, hint=error.hint) from error
    return {"status": "ready"}


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
async def metrics(here: Here, _asker: MetricsReader) -> Response:
    """Give this process's figures, and those of models over the last hour, day and week."""
    stats = await here.store.fetch_model_stats()
    return Response(here.metrics.exposition(stats), media_type=CONTENT_TYPE_LATEST)
