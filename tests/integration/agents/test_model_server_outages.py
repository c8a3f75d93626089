"""A model server that stops in the middle of a task and is started again."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack

import httpx
import pytest

from protocol.lifecycle import TaskState
from providers.catalogue.deployment import Credential
from simulator import run_simulator
from tests.integration.agents.conftest import Fleet
from tests.support.eventually import eventually

OpenFleet = Callable[[], AbstractAsyncContextManager[Fleet]]

LOCAL = "vllm/Qwen/Qwen3-8B"


pytestmark = pytest.mark.usefixtures("visible_simulator")


async def is_answering(url: str) -> bool:
    async with httpx.AsyncClient(base_url=url) as client:
        listed = (await client.get("/_simulator/requests")).json()["requests"]
    return any(each["stream"] and each["status"] == 200 for each in listed)


async def test_a_task_waits_for_its_server_and_goes_on_when_it_is_back(fleet: OpenFleet) -> None:
    preferences = {"policy": "cheapest", "allowed_models": [LOCAL]}
    async with AsyncExitStack() as running, fleet() as agents:
        local = await running.enter_async_context(run_simulator(speed=0.2))
        given = {"vllm": Credential(base_url=f"{local}/vllm/v1", simulated=True)}
        await agents.executor("e-1", credentials=given, discovers=True)
        await agents.orchestrator()
        task = await agents.submit("[[pieces:200]]", type="CHAT", preferences=preferences)
        await eventually(lambda: is_answering(local))

        await running.aclose()  # in the middle of the answer

        async def is_waited_for() -> bool:
            attempts = await agents.store.fetch_attempts(task_id=task.id)
            return any(
                each.outcome == "released" and "connection" in str(each.error) for each in attempts
            )

        await eventually(is_waited_for, within=30)
        port = int(local.rpartition(":")[2])
        await running.enter_async_context(run_simulator(port=port, speed=3))
        ended = await agents.ended(task.id)
        attempts = await agents.store.fetch_attempts(task_id=task.id)

    assert ended.status is TaskState.COMPLETED, ended.error
    assert [each.model_id for each in attempts if each.model_id][-1] == LOCAL
    assert sum(each.outcome in {"failed", "rerouted"} for each in attempts) <= 2
