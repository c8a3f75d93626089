"""The simulator's own paths: faults for the whole process, the request log, health."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from simulator import create_simulator, run_simulator
from simulator.pacing import choose_pace
from simulator.request import Vendor
from tests.contract.simulator.conftest import Ended

KEY = {"authorization": "Bearer very-secret"}


def a_request(prompt: str = "Hello", *, stream: bool = False) -> dict[str, object]:
    return {
        "model": "gpt-6-sol",
        "stream": stream,
        "messages": [{"role": "user", "content": prompt}],
    }


@pytest.fixture
async def slow_simulator() -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of a simulator that takes minutes for a response."""
    async with (
        run_simulator(speed=0.01) as url,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client,
    ):
        yield client


async def ask(control: httpx.AsyncClient, vendor: str = "openai") -> int:
    path = f"/{vendor}/v1/chat/completions"
    return (await control.post(path, json=a_request(), headers=KEY)).status_code


async def test_health_says_that_it_is_simulated(control: httpx.AsyncClient) -> None:
    response = await control.get("/_simulator/health")

    assert response.json() == {"status": "ok", "simulated": True}
    assert response.headers["x-cogo-simulated"] == "true"


async def test_unknown_paths_are_marked_as_simulated_too(control: httpx.AsyncClient) -> None:
    response = await control.get("/anthropic/v2/nothing")

    assert (response.status_code, response.headers["x-cogo-simulated"]) == (404, "true")


async def test_a_schedule_applies_to_its_vendor_until_it_is_replaced(
    control: httpx.AsyncClient,
) -> None:
    schedule = {"faults": [{"spec": "503", "vendor": "fireworks"}]}

    assert (await control.post("/_simulator/faults", json=schedule)).status_code == 200
    during = [await ask(control, vendor) for vendor in ("fireworks", "openai", "fireworks")]
    await control.post("/_simulator/faults", json={"faults": []})
    after = await ask(control, "fireworks")

    assert (during, after) == ([503, 200, 503], 200)


@pytest.mark.parametrize(
    "schedule",
    [{}, {"faults": [{"spec": "explode"}]}, {"faults": [{"spec": "500", "vendor": "acme"}]}],
)
async def test_an_invalid_schedule_is_refused_and_changes_nothing(
    control: httpx.AsyncClient, schedule: dict[str, object]
) -> None:
    await control.post("/_simulator/faults", json={"faults": [{"spec": "503"}]})

    response = await control.post("/_simulator/faults", json=schedule)

    assert response.status_code == 400
    assert response.json()["error"]
    assert await ask(control) == 503


async def test_the_request_log_has_the_requests_without_keys_and_prompts(
    control: httpx.AsyncClient,
) -> None:
    await control.post(
        "/openai/v1/chat/completions", json=a_request("private words", stream=True), headers=KEY
    )
    await ask(control, "fireworks")

    listing = await control.get("/_simulator/requests")
    later = await control.get("/_simulator/requests", params={"after": 1})

    first, second = listing.json()["requests"]
    assert (first["vendor"], first["model"], first["stream"]) == ("openai", "gpt-6-sol", True)
    assert (first["message_count"], first["status"], first["fault"]) == (1, 200, None)
    assert first["pieces"] > 10
    assert first["asked_at"] <= first["ended_at"] <= second["asked_at"]
    assert not first["aborted_by_client"]
    assert "secret" not in listing.text
    assert "private" not in listing.text
    assert later.json()["requests"] == [second]


async def test_a_refused_request_is_logged_with_its_status(
    control: httpx.AsyncClient,
) -> None:
    await control.post("/openai/v1/chat/completions", json=a_request())
    await control.post("/openai/v1/chat/completions", content=b"{", headers=KEY)

    requests = (await control.get("/_simulator/requests")).json()["requests"]

    assert [entry["status"] for entry in requests] == [401, 400]


@pytest.mark.parametrize("path", ["chat/completions", "embeddings"])
async def test_a_request_without_the_rest_of_its_body_has_ended(
    simulator: str, ended_request: Ended, path: str
) -> None:
    address = httpx.URL(simulator)
    _, writer = await asyncio.open_connection(address.host, address.port)
    head = f"POST /openai/v1/{path} HTTP/1.1\r\nhost: vendor\r\nx-api-key: key\r\n"
    writer.write(f"{head}content-length: 2\r\n\r\n{{".encode())
    await writer.drain()
    writer.close()

    entry = await ended_request()

    assert (entry["model"], entry["status"], entry["aborted_by_client"]) == ("", None, True)


async def test_a_disconnect_stops_the_work_immediately(
    slow_simulator: httpx.AsyncClient,
) -> None:
    async with slow_simulator.stream(
        "POST",
        "/openai/v1/chat/completions",
        json=a_request("fibonacci", stream=True),
        headers=KEY,
    ) as response:
        await anext(response.aiter_bytes())

    async with asyncio.timeout(60):
        while not (await first_entry(slow_simulator))["ended_at"]:
            pass

    entry = await first_entry(slow_simulator)
    assert entry["aborted_by_client"]
    assert entry["pieces"] < 5


async def first_entry(control: httpx.AsyncClient) -> dict[str, Any]:
    listing = (await control.get("/_simulator/requests")).json()
    entry: dict[str, Any] = listing["requests"][0]
    return entry


async def test_shutdown_does_not_wait_for_a_stalled_response() -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        async with run_simulator(speed=0) as url:
            stalled = client.stream(
                "POST",
                f"{url}/openai/v1/chat/completions",
                json=a_request("fibonacci [[fault:stall]]", stream=True),
                headers=KEY,
            )
            response = await stalled.__aenter__()

        with pytest.raises(httpx.TransportError):
            await response.aread()
        await stalled.__aexit__(None, None, None)


async def test_an_error_in_the_block_is_raised_unchanged() -> None:
    with pytest.raises(LookupError, match="mine"):
        async with run_simulator(speed=0):
            raise LookupError("mine")


async def test_a_response_takes_as_long_as_its_tokens() -> None:
    async with (
        run_simulator(speed=20) as url,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client,
    ):
        response = await client.post(
            "/openai/v1/chat/completions", json=a_request("fibonacci"), headers=KEY
        )

    tokens = response.json()["usage"]["completion_tokens"]
    quickest = choose_pace("gpt-6-sol", seed=0, speed=20)
    assert response.elapsed.total_seconds() > tokens * quickest.seconds_per_token


def test_a_negative_speed_is_refused() -> None:
    with pytest.raises(ValueError, match="speed"):
        create_simulator(speed=-1)


def test_each_vendor_has_its_own_prefix() -> None:
    paths = {route.path for route in create_simulator().routes if isinstance(route, Route)}

    assert {path.split("/")[1] for path in paths} == set(Vendor)
