"""The gateway of a running system, with real clients."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator

import httpx
import openai
import pytest
from websockets.asyncio.client import connect

from protocol.lifecycle import TaskState
from protocol.records import EVERYTHING
from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.tasks import HOLD, attempts, ended
from tests.support.eventually import eventually
from tests.support.servers.system import System

pytestmark = pytest.mark.e2e

SECONDS = 60.0


@pytest.fixture
def url(system: System) -> str:
    return str(system.up.answer["gateway_url"])


@pytest.fixture
async def http(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, timeout=SECONDS) as client:
        yield client


@pytest.fixture
async def client(url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as opened:
        yield opened


def curl(*arguments: str) -> dict[str, object]:
    done = subprocess.run(
        ["curl", "-sS", "--max-time", str(SECONDS), *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("swarm_id", "message"),
    [
        ("coding-swarm", "Write a Python function to calculate fibonacci"),
        ("strategic-swarm", "Plan a microservices architecture"),
        ("debate-swarm", "Should we use Kubernetes?"),
    ],
)
async def test_the_documented_curl_lines_are_answered(
    url: str, swarm_id: str, message: str
) -> None:
    body = json.dumps({"swarm_id": swarm_id, "message": message})
    line = ["-X", "POST", f"{url}/swarm/execute", "-H", "Content-Type: application/json"]

    answer = await asyncio.to_thread(curl, *line, "-d", body)

    assert (answer["team_id"], answer["status"]) == (swarm_id, "complete")
    assert isinstance(answer["responses"], list)
    assert all(isinstance(each, str) and each for each in answer["responses"])
    assert answer["session_id"]
    assert answer["workflow"] in {"STRATEGY", "GENERATE_CODE", "DEBATE"}


@pytest.mark.parametrize("accept", ["application/x-ndjson", "text/event-stream"])
async def test_a_swarm_streams_frames_whose_content_is_the_answer(
    http: httpx.AsyncClient, store: SupabaseStore, accept: str
) -> None:
    body = {"message": "Plan a small shop", "stream": True, "session_id": f"shop-{accept}"}
    frames = []
    async with http.stream(
        "POST", "/swarm/coordinate", json=body, headers={"Accept": accept}
    ) as answer:
        async for line in answer.aiter_lines():
            text = line.removeprefix("data: ")
            if text.startswith("{"):
                frames.append(json.loads(text))

    assert all({"content", "done", "team_id", "session_id"} <= each.keys() for each in frames)
    assert [each["done"] for each in frames] == [False] * (len(frames) - 1) + [True]
    assert {"planning", "stamped", "complete"} <= {each.get("status") for each in frames}
    task = await store.fetch_task(task_id=frames[-1]["task_id"])
    assert task.result is not None
    last = max((n for n, each in enumerate(frames) if each.get("discard")), default=0)
    assert "".join(each["content"] for each in frames[last:]) == task.result["text"]


async def test_a_socket_answers_one_request_after_the_other_and_says_what_is_wrong(
    url: str,
) -> None:
    said: list[dict[str, object]] = []
    async with connect(f"{url.replace('http', 'ws')}/ws/swarm") as socket:
        await socket.send(json.dumps({"swarm_id": "no-swarm", "message": "hello"}))
        for session_id in ("one", "two"):
            body = {"swarm_id": "coding-swarm", "message": "Write merge sort"}
            await socket.send(json.dumps(body | {"session_id": session_id}))
        while sum(bool(each["done"]) for each in said) < 3:
            said.append(json.loads(await socket.recv()))

    assert isinstance(said[0]["error"], dict)
    assert said[0]["error"]["code"] == "unknown_swarm"
    for session_id in ("one", "two"):
        frames = [each for each in said if each.get("session_id") == session_id]
        assert frames[-1]["status"] == "complete"
        assert "merge_sort" in "".join(str(each["content"]) for each in frames)


async def test_an_openai_client_gets_a_whole_answer(client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(
        model="auto",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "My name is Ada."}]},
            {"role": "assistant", "content": "Hello Ada."},
            {"role": "user", "content": "Write fibonacci"},
        ],
        max_tokens=500,
    )

    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.completion_tokens > 0


async def test_an_openai_client_gets_a_stream(client: openai.AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="auto",
        messages=[{"role": "user", "content": "Count for me [[pieces:50]]"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [each async for each in stream]

    pieces = [each.choices[0].delta.content for each in chunks if each.choices]
    said = "".join(filter(None, pieces))
    assert said.split() == [f"w{number}" for number in range(50)]
    assert [each.choices[0].finish_reason for each in chunks if each.choices][-1] == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens > 0


async def test_an_openai_client_is_refused_with_a_reason(client: openai.AsyncOpenAI) -> None:
    models = [each async for each in client.models.list()]
    assert "auto" in {each.id for each in models}
    assert {each.owned_by for each in models} == {"cogo"}

    with pytest.raises(openai.NotFoundError, match="Available models"):
        await client.chat.completions.create(
            model="no-such-model", messages=[{"role": "user", "content": "hi"}]
        )
    with pytest.raises(openai.BadRequestError, match="use tools"):
        await client.chat.completions.create(
            model="auto",
            messages=[{"role": "user", "content": "hi"}],
            functions=[{"name": "f", "parameters": {}}],
        )


async def test_a_client_hears_an_unfinished_answer_and_cancels_it_by_going_away(
    http: httpx.AsyncClient, store: SupabaseStore
) -> None:
    body = {"model": "auto", "messages": [{"role": "user", "content": f"Wait {HOLD}"}]}
    async with http.stream("POST", "/v1/chat/completions", json=body | {"stream": True}) as answer:
        async for line in answer.aiter_lines():
            if "content" in line and '"content":""' not in line:
                break

    async def cancelled() -> bool:
        tasks = (await store.find_tasks(visible=EVERYTHING, limit=20)).tasks
        [task] = [each for each in tasks if each.prompt == f"Wait {HOLD}"]
        return task.status is TaskState.CANCELLED

    assert await eventually(cancelled, within=20)


async def test_models_are_listed_selected_and_tested_in_the_documented_envelope(
    http: httpx.AsyncClient,
) -> None:
    listed = (await http.get("/api/models")).json()
    assert listed["success"] is True
    assert listed["data"]["total"] == len(listed["data"]["models"]) > 0
    model = listed["data"]["models"][0]
    assert model["capabilities"]
    assert model["status"] in {"available", "degraded", "unavailable"}

    needs = {"task_requirements": {"taskType": "coding", "complexity": "medium"}}
    selected = (await http.post("/api/models/select", json=needs)).json()["data"]
    assert selected["recommendations"]
    assert selected["reasoning"]

    tested = (await http.post("/api/models/test", json={"model_id": model["id"]})).json()
    assert tested["data"]["model_id"] == model["id"]
    assert (tested["data"]["status"], tested["data"]["simulated"]) == ("simulated", True)
    assert tested["data"]["test_result"]


async def test_code_is_generated_in_the_documented_envelope(http: httpx.AsyncClient) -> None:
    body = {"prompt": "Write an LRU cache", "language": "python", "framework": "none"}
    done = await http.post("/api/code-generation/generate", json=body)
    data = done.json()["data"]
    assert done.json()["success"] is True
    assert "class" in data["generated_code"]
    assert data["simulated"] is True
    assert data["model_used"]
    assert data["generation_time"] >= 0
    assert (data["language"], data["framework"], data["context"]) == ("python", "none", "")

    refused = await http.post(
        "/api/code-generation/generate", json=body | {"model_id": "no-such-model"}
    )
    assert refused.status_code == 400
    assert refused.json()["success"] is False
    assert refused.json()["error"].startswith("Model 'no-such-model' is not available. Available")


async def test_a_client_that_resumes_with_the_last_id_misses_nothing(
    http: httpx.AsyncClient, store: SupabaseStore
) -> None:
    sent = await http.post("/tasks", json={"prompt": "Write binary search", "type": "CHAT"})
    task_id = sent.json()["id"]
    frames: list[tuple[str, dict[str, object]]] = []
    last_id = ""
    while not frames or frames[-1][0] != "end":
        headers = {"Last-Event-ID": last_id}
        async with http.stream("GET", f"/tasks/{task_id}/events", headers=headers) as answer:
            name, before = "", len(frames)
            async for line in answer.aiter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("id: "):
                    last_id = line.removeprefix("id: ")
                elif line.startswith("data: "):
                    frames.append((name, json.loads(line.removeprefix("data: "))))
                elif not line and len(frames) - before >= 5 and last_id:
                    break  # go away again and again

    task = await ended(store, task_id)
    assert task.result is not None
    text = ""
    for name, data in frames:
        if name == "text":
            offset, delta = data["offset"], str(data["delta"])
            assert isinstance(offset, int)
            assert offset == len(text)  # no gap, and nothing comes twice
            text += delta
    assert text == task.result["text"]
    seqs = {data["seq"] for name, data in frames if name == "event"}
    assert seqs == {each.seq for each in await store.fetch_events(task_id=task.id)}
    over = await http.get(f"/tasks/{task_id}/events", headers={"Last-Event-ID": last_id})
    assert over.status_code == 204


async def test_many_watchers_of_many_tasks_miss_nothing(http: httpx.AsyncClient) -> None:
    sent = [await http.post("/tasks", json={"prompt": f"Write code {n}"}) for n in range(4)]
    ids = [each.json()["id"] for each in sent]
    texts: list[tuple[str, str]] = []

    async def watch(task_id: str) -> None:
        text = ""
        end: dict[str, dict[str, str]] = {}
        async with http.stream("GET", f"/tasks/{task_id}/events") as answer:
            name = ""
            async for line in answer.aiter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    data = json.loads(line.removeprefix("data: "))
                    text += data["delta"] if name == "text" else ""
                    end = data if name == "end" else end
        texts.append((text, end["result"]["text"]))

    async with asyncio.TaskGroup() as group:
        for task_id in ids * 5:
            group.create_task(watch(task_id))

    assert len(texts) == 20
    assert all(text == whole for text, whole in texts)


async def test_the_timeline_of_a_task_has_its_transitions_and_its_calls_to_models(
    http: httpx.AsyncClient, store: SupabaseStore
) -> None:
    sent = await http.post("/tasks", json={"prompt": "Write binary search", "type": "CHAT"})
    task = await ended(store, sent.json()["id"])

    whole = (await http.get(f"/tasks/{task.id}/timeline")).json()
    rest = (await http.get(f"/tasks/{task.id}/timeline", params={"after": 3})).json()

    events = await store.fetch_events(task_id=task.id)
    assert [each["seq"] for each in whole["events"]] == [each.seq for each in events]
    assert rest["events"] == whole["events"][3:]
    [call] = whole["calls"]
    [attempt] = await attempts(store, task.id)
    assert (call["subtask_id"], call["attempt"]) == (str(attempt.subtask_id), attempt.attempt)
    assert (call["outcome"], call["model_id"]) == ("completed", attempt.model_id)
    assert "prompt" not in call
    assert whole["tool_calls"] == []


async def test_what_failed_attempts_had_written_is_given_with_their_numbers(
    http: httpx.AsyncClient, store: SupabaseStore
) -> None:
    asked = {"prompt": "Write binary search [[fault:cut]]", "type": "CHAT"}
    sent = await http.post("/tasks", json=asked)
    task = await ended(store, sent.json()["id"])

    given = (await http.get(f"/tasks/{task.id}/attempts")).json()["attempts"]
    details = (await http.get(f"/tasks/{task.id}")).json()

    failed = {
        (each["subtask_id"], each["attempt"])
        for each in details["attempts"]
        if each["outcome"] in {"failed", "rerouted"}
    }
    assert given
    assert {(each["subtask_id"], each["attempt"]) for each in given} <= failed
    assert all(each["text"] for each in given)
    assert all("output" not in each and "text" not in each for each in details["attempts"])
