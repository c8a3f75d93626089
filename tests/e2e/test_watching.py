"""Watching a task: live, in order and complete for its owner, closed to others."""

from itertools import groupby
from uuid import UUID, uuid4

import httpx
import pytest
from realtime import RealtimeSubscribeStates

from protocol.lifecycle import TaskState
from protocol.messages import MessageType, SubtaskResult, TaskResult, read_payload
from protocol.topics import RESULTS, TASKS, result_topic
from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.tasks import ended
from tests.e2e.watcher import Watcher, joined, realtime, watching
from tests.support.servers.system import System

pytestmark = pytest.mark.e2e

SLOW = "[[fault:slow-headers=6]]"
"""Time enough to join between the insert and the first word of the answer."""


async def inserted(system: System, headers: dict[str, str], **row: object) -> str:
    async with httpx.AsyncClient(base_url=system.state.url, headers=headers, timeout=60) as http:
        answer = await http.post(
            "/rest/v1/cogo_tasks", json=row, headers={"Prefer": "return=representation"}
        )
    assert answer.status_code == 201, answer.text
    return str(answer.json()[0]["id"])


async def signed_up(system: System) -> tuple[str, dict[str, str]]:
    """Make a user; give the access token, and what the user's requests carry."""
    key = system.state.publishable_key
    async with httpx.AsyncClient(
        base_url=system.state.url, headers={"apikey": key}, timeout=60
    ) as http:
        answer = await http.post(
            "/auth/v1/signup", json={"email": f"{uuid4()}@example.com", "password": "long enough"}
        )
    token = str(answer.raise_for_status().json()["access_token"])
    return token, {"apikey": key, "Authorization": f"Bearer {token}"}


async def test_a_watcher_hears_the_answer_in_order_and_whole_and_then_the_results(
    system: System, store: SupabaseStore
) -> None:
    task_id = uuid4()
    async with watching(system.state, result_topic(task_id)) as watcher:
        await inserted(
            system,
            system.headers,
            id=str(task_id),
            prompt="Write a debounce decorator",
            params={"verify": "off"},
            model="fireworks/deepseek-v4p1-flash",
        )
        await watcher.until(MessageType.TASK_RESULT)

    task = await store.fetch_task(task_id=task_id)
    assert task.result is not None
    pieces = watcher.progress()
    assert {piece.attempt for piece in pieces} == {1}
    said = {"text": "", "reasoning": ""}
    for piece in pieces:
        assert piece.offset == len(said[piece.kind])
        said[piece.kind] += piece.delta
    assert said["text"] == task.result["text"]
    assert said["reasoning"] == task.result["reasoning_content"]
    assert [kind for kind, _ in groupby(each.type for each in watcher.heard)] == [
        MessageType.SUBTASK_PROGRESS,
        MessageType.SUBTASK_RESULT,
        MessageType.TASK_RESULT,
    ]
    [result] = [
        read_payload(each, SubtaskResult) for each in watcher.of(MessageType.SUBTASK_RESULT)
    ]
    assert result.status == "completed"
    assert result.output is not None
    assert result.output.generated_code == task.result["generated_code"]
    assert result.metadata.model_id == "fireworks/deepseek-v4p1-flash"
    [whole] = [read_payload(each, TaskResult) for each in watcher.of(MessageType.TASK_RESULT)]
    assert (whole.task_id, whole.status) == (task_id, "completed")


async def test_a_task_without_a_stream_announces_its_results_only(
    system: System,
) -> None:
    task_id = uuid4()
    async with watching(system.state, result_topic(task_id)) as watcher:
        await inserted(
            system,
            system.headers,
            id=str(task_id),
            prompt="Say it at once",
            stream=False,
            params={"verify": "off"},
        )
        await watcher.until(MessageType.TASK_RESULT)

    assert [each.type for each in watcher.heard] == [
        MessageType.SUBTASK_RESULT,
        MessageType.TASK_RESULT,
    ]


async def test_users_hear_their_own_task_and_no_one_elses(
    system: System, store: SupabaseStore
) -> None:
    token, headers = await signed_up(system)
    other, _ = await signed_up(system)
    task_id = await inserted(system, headers, prompt=f"Say hello {SLOW}", type="CHAT")
    topic = f"{RESULTS}:{task_id}"
    key = system.state.publishable_key
    nothing = Watcher()

    async with (
        watching(system.state, topic, key=key, token=token) as watcher,
        realtime(system.state, key=key, token=other) as stranger,
        realtime(system.state, key=key) as nobody,
    ):
        refused = RealtimeSubscribeStates.CHANNEL_ERROR
        assert await joined(stranger, topic, nothing) is refused
        assert await joined(nobody, topic, nothing) is refused
        for everyones in (RESULTS, TASKS):
            assert await joined(stranger, everyones, nothing) is refused
        await watcher.until(MessageType.TASK_RESULT)

    text = "".join(piece.delta for piece in watcher.progress())
    row = await store.fetch_task(task_id=UUID(task_id))
    assert row.status is TaskState.COMPLETED
    assert row.result is not None
    assert text == row.result["text"]
    assert not nothing.heard


async def test_users_read_the_rows_of_their_own_tasks_only(
    system: System, store: SupabaseStore
) -> None:
    _, headers = await signed_up(system)
    _, others = await signed_up(system)
    anonymous = {"apikey": system.state.publishable_key}
    task_id = await inserted(system, headers, prompt="Say whose you are", type="CHAT")
    task = await ended(store, UUID(task_id))

    seen = {}
    for who, carried in {"owner": headers, "other": others, "anonymous": anonymous}.items():
        async with httpx.AsyncClient(
            base_url=system.state.url, headers=carried, timeout=60
        ) as http:
            for table in ("cogo_tasks", "cogo_subtasks", "cogo_attempts", "cogo_model_selections"):
                answer = await http.get(f"/rest/v1/{table}", params={"select": "*"})
                seen[who, table] = answer.json() if answer.is_success else []

    assert seen["owner", "cogo_tasks"][0]["result"] == task.result
    assert {who for (who, _), rows in seen.items() if rows} == {"owner"}
    about = [row.get("task_id") or row["id"] for (who, _), rows in seen.items() for row in rows]
    assert set(about) == {task_id}
