"""Fixtures: a simulator without delays, a client of its own paths, and its request log."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import httpx
import pytest

from simulator import run_simulator

Ended: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]


@pytest.fixture
async def simulator() -> AsyncIterator[str]:
    """Run a simulator; yield its URL."""
    async with run_simulator(speed=0) as url:
        yield url


@pytest.fixture
async def control(simulator: str) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a plain HTTP client of the same simulator."""
    async with httpx.AsyncClient(base_url=simulator, timeout=10, trust_env=False) as client:
        yield client


@pytest.fixture
def ended_request(control: httpx.AsyncClient) -> Ended:
    """Wait until the first request has ended and return its entry in the request log."""

    async def wait() -> dict[str, Any]:
        async with asyncio.timeout(60):
            while True:
                listing = (await control.get("/_simulator/requests")).json()
                entry: dict[str, Any] = listing["requests"][0]
                if entry["ended_at"]:
                    return entry

    return wait
