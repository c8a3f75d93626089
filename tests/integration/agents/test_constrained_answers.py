"""Schemas with a real llama.cpp server and SmolLM2 135M, from the row to `result.data`.

It runs where the local model is installed (`cogo local-model install`), and needs no network.
At temperature 0 this model wrote, on 2026-11-29: "red", 7, ["a", "b"], "MOC-12", and of the
largest planet that it is not large and has 99 moons: the grammar makes the form right, not what is
said. Where it was only told the schema it answered in prose, twice, so that the task failed with
`invalid_answer`. What the grammar does not enforce, such as 0 to 1 for fractions, it gets wrong.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import pytest
from jsonschema_rs import validator_for
from pydantic import SecretStr

from cogo.config.local_model import get_served_directory
from cogo.local_model.install import find_installed, find_library
from cogo.local_model.library import require_installed_model
from cogo.local_model.packages import MODEL_ID
from cogo.local_model.serving import reserve_model
from protocol.lifecycle import TaskState
from protocol.records import Task
from providers.catalogue.deployment import Credential
from tests.integration.agents.conftest import Fleet

OpenFleet = Callable[[], AbstractAsyncContextManager[Fleet]]

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        find_installed() is None,
        reason="not installed: cogo local-model install",
    ),
]

ENFORCED: Final[list[dict[str, Any]]] = [
    {"enum": ["red", "green", "blue"]},
    {"type": "integer", "minimum": 5, "maximum": 9},
    {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2, "maxItems": 3},
    {
        "type": "object",
        "properties": {
            "kind": {"const": "planet"},
            "size": {
                "type": "object",
                "properties": {"moons": {"type": "integer", "minimum": 0, "maximum": 99}},
                "required": ["moons"],
                "additionalProperties": False,
            },
            "is_large": {"type": "boolean"},
        },
        "required": ["kind", "size", "is_large"],
        "additionalProperties": False,
    },
    {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{2}$"},
]
"""What a grammar can express: even this model cannot answer otherwise."""
TOLD: Final[list[dict[str, Any]]] = [
    {"type": "object", "properties": {"any": True}, "required": ["any"]},
    {"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "object", "required": ["kind"]}}},
]
"""What llama.cpp refuses to make a grammar of."""


@pytest.fixture
async def llama() -> AsyncIterator[str]:
    """Run the server with the real library and weights; yield its URL."""
    with reserve_model(require_installed_model(MODEL_ID), idle_seconds=0) as hosting:
        if not hosting.is_ours:
            assert hosting.served.url is not None
            yield hosting.served.url
            return
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cogo.local_model.server", "--alias", MODEL_ID),
            *("--library", str(find_library()), "--served", str(get_served_directory())),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            assert process.stdout is not None
            line = await asyncio.wait_for(process.stdout.readline(), 120)
            yield json.loads(line)["url"]
        finally:
            process.kill()
            await process.wait()


async def test_a_real_small_model_answers_with_data_of_the_schema(
    fleet: OpenFleet, llama: str
) -> None:
    given = {"local-model": Credential(key=SecretStr("none"), base_url=llama)}
    async with fleet() as agents:
        await agents.orchestrator()
        await agents.executor("executor-1", credentials=given)

        async def ask(schema: dict[str, Any]) -> Task:
            params = {"response_schema": schema, "max_output_tokens": 150, "temperature": 0}
            task = await agents.submit(
                "Which planet is the largest?", type="CHAT", model=MODEL_ID, params=params
            )
            return await agents.ended(task.id)

        enforced = [await ask(each) for each in ENFORCED]
        told = [await ask(each) for each in TOLD]

    for schema, task in zip(ENFORCED, enforced, strict=True):
        assert task.status is TaskState.COMPLETED, task.error
        assert task.result is not None
        validator_for(schema).validate(task.result["data"])
        assert "instructions" not in str(task.result["notes"])
        assert not task.simulated
    for task in told:
        # It is told and validated: whatever this model writes, the task ends with data or says why.
        if task.status is TaskState.COMPLETED:
            assert task.result is not None
            assert "the server cannot enforce it" in str(task.result["notes"])
        else:
            assert task.error is not None
            assert task.error["class"] == "invalid_answer"
