"""Liveness, readiness and metrics of this gateway."""

import asyncio
from importlib.metadata import version
from typing import Final

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from gateway.dependencies import MetricsRead, ServicesDep
from gateway.problems import Problem
from protocol.errors import CogoError

router = APIRouter(tags=["health"])

READY_SECONDS: Final = 3.0


@router.get("/health", summary="Check liveness")
async def health() -> dict[str, str]:
    """Answer 200 whenever the process runs; nothing else is checked."""
    return {"status": "ok", "version": version("cogo")}


@router.get("/ready", summary="Check that Supabase answers and can write")
async def ready(services: ServicesDep) -> dict[str, str]:
    """Answer 200 if tasks can be submitted, else 503 with the reason."""
    try:
        async with asyncio.timeout(READY_SECONDS):
            await services.store.check_writes()
    except TimeoutError as error:
        raise Problem(503, "not_ready", "Supabase does not answer in time") from error
    except CogoError as error:
        raise Problem(503, error.code, error.message, hint=error.hint) from error
    return {"status": "ready"}


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
async def metrics(services: ServicesDep, _principal: MetricsRead) -> Response:
    """Return the metrics of this process, of AI columns, and of models over the last week."""
    stats = await services.store.fetch_model_stats()
    columns = await services.store.fetch_columns()
    return Response(services.metrics.render(stats, columns), media_type=CONTENT_TYPE_LATEST)
