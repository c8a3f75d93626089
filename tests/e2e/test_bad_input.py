"""Invalid input is refused by name, and later tasks are done."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import httpx
import pytest

from protocol.lifecycle import TaskState
from protocol.messages import MessageType
from protocol.topics import ALL, MODEL_SELECTION, RESULTS, SUBTASKS, TASKS
from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.tasks import HOLD, ended, executor_of, outcomes, running_agents, submitted
from tests.support.eventually import eventually
from tests.support.processes import is_running
from tests.support.servers.system import System

pytestmark = pytest.mark.e2e

WRONG: Mapping[str, tuple[dict[str, Any], str, str]] = {
    "unknown type": ({"type": "WRITE_POEM"}, "type", "GENERATE_CODE"),
    "list of params": ({"params": ["python"]}, "params", "JSON object"),
    "number as a language": ({"params": {"language": 7}}, "params.language", "string"),
    "empty prompt": ({"prompt": ""}, "prompt", "say what you want"),
    "blank prompt": ({"prompt": " \n\t"}, "prompt", "say what you want"),
    "unknown model": ({"model": "claude-sonet-5"}, "model", "claude-sonnet-5"),
    "file above the repository": (
        {"params": {"target_file": "../secrets.py"}},
        "params.target_file",
        "inside the repository",
    ),
    "file elsewhere": ({"params": {"target_file": "/etc/passwd"}}, "params.target_file", "inside"),
    "branch that git refuses": ({"params": {"git_branch": "a..b"}}, "params.git_branch", "git"),
    "kind of analysis": (
        {"type": "ANALYZE_CODE", "params": {"analysis_type": "roast"}},
        "params.analysis_type",
        "review",
    ),
    "misspelt preference": ({"preferences": {"preferense": "speed"}}, "preferences", "preferense"),
}
"""What is inserted, the field that the error names, and what its sentence or its list says."""


async def test_a_task_that_cannot_be_planned_fails_by_name_and_the_next_is_done(
    system: System, store: SupabaseStore
) -> None:
    rows = [{"prompt": "Say it", **wrong} for wrong, _, _ in WRONG.values()]
    inserted = []
    async with httpx.AsyncClient(
        base_url=system.state.url, headers=system.headers, timeout=60
    ) as http:
        for row in [*rows, {"prompt": "Say it well", "type": "CHAT"}]:
            headers = {"Prefer": "return=representation"}
            answer = await http.post("/rest/v1/cogo_tasks", json=row, headers=headers)
            inserted.append(UUID(answer.raise_for_status().json()[0]["id"]))

    *bad, good = [await ended(store, task_id) for task_id in inserted]
    for task, (name, (_, field, said)) in zip(bad, WRONG.items(), strict=True):
        assert task.status is TaskState.FAILED, name
        assert task.error is not None, name
        assert task.error["class"] == "invalid_task", name
        assert task.error["field"].startswith(field), name
        assert said in task.error["message"] + str(task.error.get("allowed")), name
        assert await outcomes(store, task.id) == [], name
    assert good.status is TaskState.COMPLETED


async def test_text_that_postgres_cannot_hold_is_refused(
    system: System, store: SupabaseStore
) -> None:
    async with httpx.AsyncClient(
        base_url=system.state.url, headers=system.headers, timeout=60
    ) as http:
        for text in (r"nul \u0000", r"half of a pair \ud800"):
            answer = await http.post(
                "/rest/v1/cogo_tasks",
                content=f'{{"prompt": "{text}"}}',
                headers={"Content-Type": "application/json"},
            )
            assert answer.status_code == 400, text
            assert answer.json()["message"], text

    ended_well = await ended(store, (await submitted(store, "Say it still", type="CHAT")).id)
    assert ended_well.status is TaskState.COMPLETED


NO_TYPE = "garbage"
GARBAGE: tuple[dict[str, Any], ...] = (
    {},
    {"type": 7, "payload": [], "source": None},
    {"type": "", "payload": {}, "source": "x", "target": "y"},
    {"type": "TASK_CREATED", "payload": {"task_id": "not a uuid"}, "source": "x", "target": "y"},
    {"type": "SUBTASK_CANCELLED", "payload": {"task_id": 1}, "source": "x", "target": "y"},
    {"type": "MODEL_SELECTION_REQUEST", "payload": {"task_id": {}}, "source": "x", "target": "y"},
    {"type": "NOBODY_KNOWS_IT", "payload": {}, "source": "x", "target": "y", "version": 9},
)


async def test_garbage_on_every_channel_changes_nothing_and_is_logged_once(
    system: System, store: SupabaseStore
) -> None:
    held = await submitted(store, f"Say it through the noise {HOLD}")
    executor = (await executor_of(store, held.id)).id
    kinds = ("orchestrator", "executor")
    living = [pid for kind in kinds for _, pid in await running_agents(store, kind)]
    expected = [(executor, SUBTASKS), ("orchestrator", TASKS), ("orchestrator", MODEL_SELECTION)]

    async def say_garbage() -> bool:
        """Return whether all have logged it; one that has just started receives the next."""
        await broadcast(system, [*ALL, f"{RESULTS}:{held.id}"])
        return all(complaints(system, agent, topic) for agent, topic in expected)

    await eventually(say_garbage, every=0.2)
    await say_garbage()
    good = await ended(store, (await submitted(store, "Say it anyway", type="CHAT")).id)

    assert good.status is TaskState.COMPLETED
    assert await outcomes(store, held.id) == [None]
    assert [pid for pid in living if is_running(pid)] == living
    for agent, topic in expected:
        assert len(complaints(system, agent, topic)) == 1
    await store.cancel_task(task_id=held.id)


async def broadcast(system: System, topics: Sequence[str]) -> None:
    messages = [
        {"topic": topic, "event": event, "payload": body, "private": True}
        for topic in topics
        for event in (*MessageType, NO_TYPE)
        for body in GARBAGE
    ]
    async with httpx.AsyncClient(
        base_url=system.state.url, headers=system.headers, timeout=60
    ) as http:
        answer = await http.post("/realtime/v1/api/broadcast", json={"messages": messages})
        assert answer.status_code == 202


def complaints(system: System, agent_id: str, topic: str) -> list[str]:
    """Return an agent's log lines about malformed messages of one event on one topic."""
    signs = ("a malformed message was ignored", f'"topic": "{topic}"', f'"event": "{NO_TYPE}"')
    return [line for line in system.log_of(agent_id) if all(sign in line for sign in signs)]
