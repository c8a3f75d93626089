"""How busy a model server is, where it tells: vLLM, in the metrics that Prometheus reads."""

import asyncio
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import httpx2

from providers.adapters.weights.client import WeightsUnavailable, explain_errors, open_http

_WITHIN: Final = timedelta(seconds=1)
_LONGEST: Final = 2_000_000
_TELLING: Final = ("vllm", "openai-compatible")
"""Providers whose servers are, or may be, vLLM."""
_GAUGE: Final = re.compile(
    r"^vllm:num_requests_(running|waiting)(?:\{[^}\n]*\})? +([0-9.eE+]+)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class ServerLoad:
    """Requests at a server, over all of its models."""

    running: int
    waiting: int


async def read_load(http: httpx2.AsyncClient, base_url: str) -> ServerLoad | None:
    """Return how busy a server is; None if it does not tell within a second."""
    url = f"{base_url.rstrip('/').removesuffix('/v1')}/metrics"
    text = ""
    try:
        with explain_errors(url):
            async with (
                asyncio.timeout(_WITHIN.total_seconds()),
                http.stream("GET", url) as response,
            ):
                if not response.is_success:
                    return None
                async for part in response.aiter_text():
                    text += part
                    if len(text) > _LONGEST:
                        break
    except (WeightsUnavailable, TimeoutError, ValueError):
        return None
    return parse_load(text)


async def read_loads(servers: Mapping[str, str]) -> dict[str, ServerLoad]:
    """Return the loads of the servers that tell theirs, given their base URLs by provider."""
    asked = {provider: url for provider, url in servers.items() if provider in _TELLING}
    if not asked:
        return {}
    async with open_http() as http, asyncio.TaskGroup() as group:
        asking = {
            provider: group.create_task(read_load(http, url), name=f"load of {provider}")
            for provider, url in asked.items()
        }
    loads = {provider: task.result() for provider, task in asking.items()}
    return {provider: load for provider, load in loads.items() if load is not None}


def parse_load(metrics: str) -> ServerLoad | None:
    """Return the load from the text of the metrics, or None if it is not there."""
    counts: dict[str, float] = {}
    for name, text in _GAUGE.findall(metrics):
        try:
            value = float(text)
        except ValueError:
            continue
        if math.isfinite(value) and 0 <= value < 1e9:
            counts[name] = counts.get(name, 0) + value
    if "running" not in counts:
        return None
    return ServerLoad(round(counts["running"]), round(counts.get("waiting", 0)))
