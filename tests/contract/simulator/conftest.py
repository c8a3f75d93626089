"""A simulator that does not wait, a client for its own paths, and a look at its journal."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import httpx
import pytest

from simulator import running_simulator

Ended: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]


@pytest.fixture
async def simulator() -> AsyncIterator[str]:
    """The URL of a fresh simulator."""
    async with running_simulator(speed=0) as url:
        yield url


@pytest.fixture
async def control(simulator: str) -> AsyncIterator[httpx.AsyncClient]:
    """A plain HTTP client of the same simulator."""
    async with httpx.AsyncClient(base_url=simulator, timeout=10, trust_env=False) as client:
        yield client


@pytest.fixture
def ended_request(control: httpx.AsyncClient) -> Ended:
    """Waits until the work for the first request has ended; gives its entry in the journal."""

    async def wait() -> dict[str, Any]:
        async with asyncio.timeout(60):
            while True:
                listing = (await control.get("/_simulator/requests")).json()
                entry: dict[str, Any] = listing["requests"][0]
                if entry["ended_at"]:
                    return entry

    return wait
