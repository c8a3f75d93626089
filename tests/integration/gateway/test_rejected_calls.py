"""Calls of an open model that cannot be run, for clients of OpenAI's API that run their own."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from embedded.state import State
from protocol.transport.supabase_store import SupabaseStore
from providers.catalogue.deployment import Credential
from simulator import run_simulator
from tests.integration.agents.conftest import Fleet
from tests.integration.gateway.conftest import OpenGateway

LOCAL = "vllm/Qwen/Qwen3-8B"
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
ASKED: dict[str, Any] = {
    "model": LOCAL,
    "messages": [{"role": "user", "content": 'theirs {"n": 1}'}],
    "tools": [{"type": "function", "function": {"name": "theirs", "parameters": SCHEMA}}],
}


@asynccontextmanager
async def writing(project: State, store: SupabaseStore, fault: str) -> AsyncIterator[None]:
    """Run agents for a local model with a habit."""
    async with run_simulator(speed=0) as simulator, asyncio.TaskGroup() as group:
        async with httpx.AsyncClient(base_url=simulator) as client:
            faults = {"faults": [{"spec": fault, "vendor": "vllm"}]}
            (await client.post("/_simulator/faults", json=faults)).raise_for_status()
        fleet = Fleet(server=project, simulator=simulator, store=store, group=group)
        given = {"vllm": Credential(base_url=f"{simulator}/vllm/v1", simulated=True)}
        await fleet.executor("e-1", credentials=given, discovers=True)
        await fleet.orchestrator()
        yield
        for drain in fleet.drains:
            drain.begin()


@pytest.fixture(autouse=True)
def visible(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the simulator be found as a server of open models."""
    monkeypatch.setattr("providers.adapters.local.discovery.SIMULATOR_HEADER", "x-none")


async def test_clients_only_get_calls_that_can_be_run(
    opened: OpenGateway, project: State, store: SupabaseStore
) -> None:
    fault = "text-calls=hermes flaw=schema times=1"
    async with writing(project, store, fault), opened() as client:
        chat = await client.post("/v1/chat/completions", json=ASKED, timeout=60)
        streamed = ASKED | {
            "stream": True,
            "messages": [{"role": "user", "content": 'theirs {"n": 2}'}],
        }
        stream = await client.post("/v1/chat/completions", json=streamed, timeout=60)

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
    opened: OpenGateway, project: State, store: SupabaseStore
) -> None:
    async with writing(project, store, "text-calls=hermes flaw=malformed"), opened() as client:
        answer = await client.post("/v1/chat/completions", json=ASKED, timeout=60)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (502, "bad_tool_calls", "model")
    assert answer.headers["x-should-retry"] == "false"
    assert "better at calling" in answer.text
