"""Calls of an open model that cannot be run, for clients of OpenAI's API that run their own."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from cogo.config.connection import Connection
from cogo.config.context import Project
from cogo.config.settings import Settings
from cogo.wiring.gateway import open_services
from gateway.app import create_app
from gateway.metrics import GatewayMetrics
from gateway.options import GatewayOptions
from providers.catalogue.deployment import Credential
from tests.integration.agents.conftest import Fleet

OpenFleet = Callable[[], AbstractAsyncContextManager[Fleet]]

LOCAL = "vllm/Qwen/Qwen3-8B"
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
ASKED: dict[str, Any] = {
    "model": LOCAL,
    "messages": [{"role": "user", "content": 'theirs {"n": 1}'}],
    "tools": [{"type": "function", "function": {"name": "theirs", "parameters": SCHEMA}}],
}


@asynccontextmanager
async def asking(fleet: OpenFleet, home: Path, fault: str) -> AsyncIterator[httpx.AsyncClient]:
    """Run agents for a local model with a habit, and yield a client of a gateway."""
    async with fleet() as agents:
        async with httpx.AsyncClient(base_url=agents.simulator) as simulator:
            faults = {"faults": [{"spec": fault, "vendor": "vllm"}]}
            (await simulator.post("/_simulator/faults", json=faults)).raise_for_status()
        given = {"vllm": Credential(base_url=f"{agents.simulator}/vllm/v1", simulated=True)}
        await agents.executor("e-1", credentials=given, discovers=True)
        await agents.orchestrator()
        connection = Connection(
            url=agents.server.url,
            secret_key=SecretStr(agents.server.secret_key),
            publishable_key=agents.server.publishable_key,
            is_embedded=True,
        )
        options, metrics = GatewayOptions(is_loopback=True, is_keyless=True), GatewayMetrics()
        here = Project(settings=Settings.load(home), home=home, directory=home)
        services = partial(open_services, here, connection, options, metrics)
        edge = create_app(services, options, metrics)
        async with (
            edge.lifespan(),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(edge), base_url="http://127.0.0.1:8000", timeout=60
            ) as client,
        ):
            yield client


pytestmark = pytest.mark.usefixtures("visible_simulator")


async def test_clients_only_get_calls_that_can_be_run(fleet: OpenFleet, tmp_path: Path) -> None:
    fault = "text-calls=hermes flaw=schema times=1"
    async with asking(fleet, tmp_path, fault) as client:
        chat = await client.post("/v1/chat/completions", json=ASKED)
        streamed = ASKED | {
            "stream": True,
            "messages": [{"role": "user", "content": 'theirs {"n": 2}'}],
        }
        stream = await client.post("/v1/chat/completions", json=streamed)

    assert chat.status_code == 200, chat.text
    [choice] = chat.json()["choices"]
    [call] = choice["message"]["tool_calls"]
    assert (call["function"]["name"], call["function"]["arguments"]) == ("theirs", '{"n": 1}')
    assert choice["finish_reason"] == "tool_calls"
    assert "tool_call>" not in chat.text
    pieces = [line.removeprefix("data: ") for line in stream.text.splitlines() if "{" in line]
    deltas = [each["delta"] for piece in pieces for each in json.loads(piece)["choices"]]
    [told] = [call for each in deltas for call in each.get("tool_calls") or ()]
    assert told["function"] == {"name": "theirs", "arguments": '{"n": 2}'}
    assert "tool_call>" not in "".join(each.get("content") or "" for each in deltas)


async def test_a_model_that_calls_badly_is_an_error_that_says_what_to_do(
    fleet: OpenFleet, tmp_path: Path
) -> None:
    async with asking(fleet, tmp_path, "text-calls=hermes flaw=malformed") as client:
        answer = await client.post("/v1/chat/completions", json=ASKED)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (502, "bad_tool_calls", "model")
    assert answer.headers["x-should-retry"] == "false"
    assert "better at calling" in answer.text
