"""The log of the vendors' requests, as runs of chaos read it."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from simulator import run_simulator
from tests.chaos.vendor_log import VendorLog

BODY = json.dumps({"model": "gpt-6-sol", "messages": [{"role": "user", "content": "Hello"}]})


@pytest.fixture
async def log() -> AsyncIterator[VendorLog]:
    """Yield the log of a simulator that does not wait."""
    async with run_simulator(speed=0) as url:
        yield VendorLog(url)


async def read_until(log: VendorLog, models: list[str]) -> None:
    """Read the log until it has these models."""
    async with asyncio.timeout(60):
        while log.models != models:
            await log.read()


async def begin_request(log: VendorLog) -> asyncio.StreamWriter:
    """Send the headers of a request, which is in the log when this returns."""
    known = log.models
    address = httpx.URL(log.url)
    _, writer = await asyncio.open_connection(address.host, address.port)
    head = "POST /openai/v1/chat/completions HTTP/1.1\r\nhost: vendor\r\nx-api-key: key\r\n"
    writer.write(f"{head}content-length: {len(BODY)}\r\n\r\n".encode())
    await read_until(log, [*known, ""])
    return writer


async def ask(log: VendorLog) -> None:
    async with httpx.AsyncClient(base_url=log.url, headers={"x-api-key": "key"}) as client:
        await client.post("/openai/v1/chat/completions", content=BODY)


async def test_a_request_that_is_read_before_its_body_gets_its_model_later(log: VendorLog) -> None:
    slow = await begin_request(log)
    await ask(log)
    await log.read()
    assert log.models == ["", "gpt-6-sol"]

    slow.write(BODY.encode())

    await read_until(log, ["gpt-6-sol", "gpt-6-sol"])
    slow.close()


async def test_a_request_that_broke_off_before_its_body_counts_once_without_a_model(
    log: VendorLog,
) -> None:
    (await begin_request(log)).close()
    await ask(log)

    await log.read()
    await ask(log)
    await log.read()

    assert log.models == ["", "gpt-6-sol", "gpt-6-sol"]


def test_a_log_that_has_lost_requests_is_an_error() -> None:
    log = VendorLog("http://127.0.0.1")
    log.add([{"number": 1, "model": "gpt-6-sol", "ended_at": None}])

    with pytest.raises(AssertionError, match="begins at request 3, and was read up to 1"):
        log.add([{"number": 3, "model": "gpt-6-sol", "ended_at": None}])
