"""The simulator as a process of its own."""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    simulator = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "simulator", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield simulator
    finally:
        if simulator.returncode is None:
            simulator.kill()
        await simulator.communicate()


async def url_of(simulator: asyncio.subprocess.Process) -> str:
    assert simulator.stdout is not None
    async with asyncio.timeout(60):
        return str(json.loads(await simulator.stdout.readline())["url"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it_even_during_a_stalled_response(number: signal.Signals) -> None:
    async with (
        process("--speed", "0") as simulator,
        httpx.AsyncClient(trust_env=False, timeout=60) as client,
    ):
        url = await url_of(simulator)
        body = {
            "model": "m",
            "stream": True,
            "messages": [{"role": "user", "content": "fibonacci [[fault:stall]]"}],
        }
        async with client.stream(
            "POST", f"{url}/openai/v1/chat/completions", json=body, headers={"x-api-key": "any"}
        ):
            simulator.send_signal(number)
            async with asyncio.timeout(60):
                code = await simulator.wait()
        assert simulator.stderr is not None
        errors = await simulator.stderr.read()

    assert (code, errors) == (0, b"")


async def test_as_one_server_it_has_that_servers_paths_at_the_root_and_says_what_it_is() -> None:
    async with (
        process("--as", "ollama", "--port", "0") as simulator,
        httpx.AsyncClient(trust_env=False, timeout=60) as client,
    ):
        url = await url_of(simulator)
        tags = await client.get(f"{url}/api/tags")
        other = await client.get(f"{url}/_simulator/health")
        simulator.terminate()
        assert simulator.stderr is not None
        errors = (await simulator.stderr.read()).decode()

    assert "qwen3:8b" in [each["name"] for each in tags.json()["models"]]
    assert "x-cogo-simulated" not in tags.headers
    assert other.status_code == 404
    assert errors == f"This is not ollama: COGO's simulator of it is at {url}\n"


async def test_with_parent_it_stops_when_stdin_closes() -> None:
    async with process("--with-parent") as simulator:
        await url_of(simulator)
        assert simulator.stdin is not None
        simulator.stdin.close()
        async with asyncio.timeout(60):
            code = await simulator.wait()

    assert code == 0


async def test_a_port_in_use_is_reported_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with process("--port", str(port)) as simulator:
            async with asyncio.timeout(60):
                output, errors = await simulator.communicate()

    assert (output, simulator.returncode) == (b"", 1)
    assert errors.decode().startswith(f"The simulator cannot use port {port}: ")
    assert errors.count(b"\n") == 1
