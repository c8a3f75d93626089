"""Open models that write calls as text, right and wrong, beside a hosted model."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from agents.tools.host import ToolHost
from protocol.lifecycle import TaskState
from protocol.records import Attempt, SelectionRow, StoredTurn, Task, TurnLine
from providers.catalogue.deployment import Credential
from tests.integration.agents.conftest import Fleet

OpenFleet = Callable[[], AbstractAsyncContextManager[Fleet]]

LOCAL = "vllm/Qwen/Qwen3-8B"
HOSTED = "claude-sonnet-5-5"
NAMES = ["text_tools.look"]
LOOKS = 'look {"n": 1}, then look {"n": 2}, then look {"n": 3}, then look {"n": 4}'
TOOL_PARAMS: Mapping[str, Any] = {"tools": NAMES}
TOOLS = '''
from pathlib import Path

from cogo.workflows import tool

LOG = Path(__file__).parent / "calls.log"


@tool(idempotent=True)
def look(n: int) -> str:
    """Look at something."""
    with LOG.open("a") as log:
        log.write(f"look {n}\\n")
    return f"look {n}"
'''


pytestmark = pytest.mark.usefixtures("visible_simulator")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A task that has ended, with all that is known of it."""

    task: Task
    attempts: list[Attempt]
    selections: list[SelectionRow]
    turns: list[StoredTurn]
    lines: list[TurnLine]
    log: list[str]

    @property
    def calls(self) -> Any:
        """What became of its calls."""
        return (self.task.result or {})["derived"]["calls"]


@asynccontextmanager
async def serving(fleet: OpenFleet, folder: Path, fault: str) -> AsyncIterator[Fleet]:
    """Serve a local model that has a habit, and a hosted one."""
    (folder / "text_tools.py").write_text(TOOLS, "utf-8")
    tools = ToolHost(modules=["text_tools"], folders=[folder])
    async with tools, fleet() as agents:
        async with httpx.AsyncClient(base_url=agents.simulator) as client:
            faults = {"faults": [{"spec": fault, "vendor": "vllm"}]}
            (await client.post("/_simulator/faults", json=faults)).raise_for_status()
        key = SecretStr("simulated")
        given = {
            "vllm": Credential(base_url=f"{agents.simulator}/vllm/v1", simulated=True),
            "anthropic": Credential(
                key=key, base_url=f"{agents.simulator}/anthropic", simulated=True
            ),
        }
        await agents.executor(
            "e-1",
            tools=tools,
            credentials=given,
            discovers=True,
            tool_capacity=2,
            list_tools=lambda: NAMES,
        )
        await agents.orchestrator()
        yield agents


async def run(
    fleet: OpenFleet,
    folder: Path,
    fault: str,
    *,
    prompt: str = LOOKS,
    params: Mapping[str, Any] = TOOL_PARAMS,
    **fields: Any,
) -> Ended:
    params = {"max_output_tokens": 2_000, **params}
    async with serving(fleet, folder, fault) as agents:
        submitted = await agents.submit(prompt, type="CHAT", params=params, **fields)
        task = await agents.ended(submitted.id)
        steps = await agents.store.fetch_subtasks(task_id=task.id)
        [step] = [each for each in steps if each.kind == "ask"]
        log = folder / "calls.log"
        return Ended(
            task=task,
            attempts=list(await agents.store.fetch_attempts(task_id=task.id)),
            selections=list(await agents.store.fetch_selections(task_id=task.id)),
            turns=list(await agents.store.fetch_turns(subtask_id=step.id)),
            lines=list(await agents.store.fetch_turn_lines(subtask_id=step.id)),
            log=log.read_text().splitlines() if log.is_file() else [],
        )


async def test_a_hosted_model_goes_on_where_a_local_one_cannot_call(
    fleet: OpenFleet, tmp_path: Path
) -> None:
    preferences = {"policy": "cheapest", "allowed_models": [LOCAL, HOSTED]}

    ended = await run(fleet, tmp_path, "text-calls=hermes flaw=malformed", preferences=preferences)

    assert ended.task.status is TaskState.COMPLETED, ended.task.error
    assert [each.selected_model for each in ended.selections] == [LOCAL, HOSTED]
    assert f"{LOCAL} failed (bad_tool_calls)" in str(ended.selections[-1].reason)
    [failed] = [each for each in ended.attempts if each.outcome == "rerouted"]
    assert failed.error is not None
    assert failed.error["class"] == "bad_tool_calls"
    assert ended.calls == {"clean": 4, "repaired": 0, "rejected": {"malformed": 3}, "text": 3}
    assert ended.log == ["look 1", "look 2", "look 3", "look 4"]
    rejected = [each.rejected for each in ended.lines if each.kind == "result"]
    assert rejected == ["malformed"] * 3 + [None] * 4


@pytest.mark.parametrize(
    ("fault", "prompt", "calls"),
    [
        (
            "text-calls=qwen-xml",
            'look {"n": 1}, then look {"n": 2}',
            {"clean": 2, "repaired": 0, "rejected": {}, "text": 2},
        ),
        (
            "text-calls=hermes flaw=repairable",
            'look {"n": 1}',
            {"clean": 0, "repaired": 1, "rejected": {}, "text": 1},
        ),
        (
            "text-calls=hermes flaw=schema times=1",
            'look {"n": 1}, then look {"n": 2}',
            {"clean": 2, "repaired": 0, "rejected": {"schema": 1}, "text": 1},
        ),
        (
            "text-calls=hermes flaw=truncated times=1",
            'look {"n": 1}, then look {"n": 2}',
            {"clean": 2, "repaired": 0, "rejected": {"truncated": 1}, "text": 1},
        ),
    ],
)
async def test_what_a_local_model_writes_is_run_or_asked_for_again(
    fleet: OpenFleet,
    tmp_path: Path,
    fault: str,
    prompt: str,
    calls: dict[str, Any],
) -> None:
    ended = await run(fleet, tmp_path, fault, prompt=prompt, model=LOCAL)

    assert ended.task.status is TaskState.COMPLETED, ended.task.error
    assert ended.calls == calls
    assert ended.log == [f"look {n + 1}" for n in range(prompt.count("look"))]
    assert [each.outcome for each in ended.attempts if each.model_id] == ["completed"]


async def test_an_announced_call_of_a_local_model_is_asked_for_once(
    fleet: OpenFleet, tmp_path: Path
) -> None:
    ended = await run(
        fleet,
        tmp_path,
        "text-calls=hermes flaw=intent",
        prompt='look {"n": 1}',
        model=LOCAL,
    )

    assert ended.task.status is TaskState.COMPLETED, ended.task.error
    assert [each.body.get("intent") for each in ended.turns] == ["look"]
    assert ended.task.result is not None
    assert ended.task.result["turns"] == 2
    assert ended.log == []


async def test_a_local_model_that_must_be_used_fails_with_a_reason(
    fleet: OpenFleet, tmp_path: Path
) -> None:
    preferences = {"allowed_models": [LOCAL]}

    ended = await run(
        fleet, tmp_path, "text-calls=hermes flaw=unknown-tool", preferences=preferences
    )

    assert ended.task.status is TaskState.FAILED
    assert ended.task.error is not None
    assert ended.task.error["class"] == "no_model"
    assert "called no tool as it must be called" in ended.task.error["message"]
    assert "better at calling tools" in ended.task.error["hint"]
    assert ended.log == []


@pytest.mark.parametrize("flaw", ["schema", "malformed", "unknown-tool", "truncated"])
async def test_a_caller_gets_only_calls_that_can_be_run(
    fleet: OpenFleet, tmp_path: Path, flaw: str
) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    theirs = {"client_tools": [{"name": "theirs", "description": "", "parameters": schema}]}

    ended = await run(
        fleet,
        tmp_path,
        f"text-calls=hermes flaw={flaw} times=1",
        prompt='theirs {"n": 1}',
        params=theirs,
        model=LOCAL,
    )

    assert ended.task.status is TaskState.COMPLETED, ended.task.error
    assert ended.task.result is not None
    [call] = ended.task.result["tool_calls"]
    assert (call["name"], call["arguments"]) == ("theirs", '{"n": 1}')
    assert ended.task.result["finish_reason"] == "tool_calls"
    assert ended.task.result["invalid_calls"] == 1
