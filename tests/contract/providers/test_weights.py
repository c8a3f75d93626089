"""Ollama, LM Studio and vLLM as their APIs describe them, and as broken servers answer."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import timedelta
from typing import Any, TypeAlias

import pytest

from providers.adapters.weights.client import KeptModel, PullProgress, WeightsUnavailable, open_http
from providers.adapters.weights.lm_studio import LmStudioModels
from providers.adapters.weights.load import ServerLoad, parse_load, read_load, read_loads
from providers.adapters.weights.ollama import OllamaModels

Answer: TypeAlias = tuple[int | str, bytes]
Handler: TypeAlias = Callable[[str, str, Any], Answer]


@asynccontextmanager
async def answering(handle: Handler) -> AsyncIterator[str]:
    """Answer requests by their method, path and JSON."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split(" ", 2)
        found = re.search(r"(?i)content-length: (\d+)", head)
        length = int(found[1]) if found else 0
        body = json.loads(await reader.readexactly(length)) if length else None
        status, content = handle(method, path, body)
        writer.write(f"HTTP/1.1 {status} X\r\nconnection: close\r\n\r\n".encode() + content)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def lines(*objects: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in objects)


async def collect(steps: Any) -> list[PullProgress]:
    async with aclosing(steps) as opened:
        return [step async for step in opened]


TAGS = {
    "models": [
        {
            "name": "llama3.1:8b",
            "model": "llama3.1:8b",
            "size": 4_920_753_328,
            "digest": "46e0c10c039e019119339687c3c1757cc81b9da49709a3b3924863ba87ca666e",
            "details": {"family": "llama", "quantization_level": "Q4_K_M"},
        },
        {"name": 3},
        {"name": "odd", "size": -1, "details": None},
    ]
}


async def test_ollama_lists_what_it_keeps_and_what_is_loaded() -> None:
    def handle(method: str, path: str, _body: Any) -> Answer:
        assert method == "GET"
        rows = {"/api/tags": TAGS, "/api/ps": {"models": [{"name": "llama3.1:8b"}]}}
        return 200, json.dumps(rows[path]).encode()

    async with answering(handle) as url, open_http() as http:
        found = await OllamaModels(http, f"{url}/v1").list_models()

    assert found == [
        KeptModel(
            name="llama3.1:8b",
            size=4_920_753_328,
            digest="46e0c10c039e019119339687c3c1757cc81b9da49709a3b3924863ba87ca666e",
            quantization="Q4_K_M",
            loaded=True,
        ),
        KeptModel(name="odd", loaded=False),
    ]


async def test_ollama_pulls_with_the_progress_of_all_layers() -> None:
    asked = []

    def handle(method: str, path: str, body: Any) -> Answer:
        asked.append((method, path, body))
        return 200, lines(
            {"status": "pulling manifest"},
            {"status": "pulling 1", "digest": "sha256:1", "total": 1000, "completed": 400},
            {"status": "pulling 2", "digest": "sha256:2", "total": 10},
            {"status": "pulling 1", "digest": "sha256:1", "total": 1000, "completed": 1000},
            {"status": "success"},
        )

    async with answering(handle) as url, open_http() as http:
        steps = await collect(OllamaModels(http, url).pull("m"))

    assert asked == [("POST", "/api/pull", {"model": "m", "stream": True})]
    assert [(each.done, each.total) for each in steps] == [
        (0, None), (400, 1000), (400, 1010), (1000, 1010), (1000, 1010)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, lines({"error": "pull model manifest: file does not exist"}), "file does not exist"),
        (500, lines({"error": "out of disk"}), "out of disk"),
        (200, lines({"status": "pulling manifest"}), "stopped before m was complete"),
        (200, b"<html>", "something else than JSON"),
        (200, b"x" * 200_000, "a line without end"),
        (200, lines({"error": {"message": "no"}}), "no"),
    ],
)
async def test_a_pull_of_ollama_that_fails_says_why(status: int, body: bytes, reason: str) -> None:
    async with answering(lambda *_: (status, body)) as url, open_http() as http:
        with pytest.raises(WeightsUnavailable, match=reason):
            await collect(OllamaModels(http, url).pull("m"))


async def test_ollama_unloads_and_deletes() -> None:
    asked = []

    def handle(method: str, path: str, body: Any) -> Answer:
        asked.append((method, path, body))
        return (200, b"{}") if path == "/api/generate" else (404, b'{"error": "model not found"}')

    async with answering(handle) as url, open_http() as http:
        models = OllamaModels(http, url)
        await models.unload("m")
        with pytest.raises(WeightsUnavailable, match="model not found"):
            await models.delete("m")

    assert asked == [
        ("POST", "/api/generate", {"model": "m", "keep_alive": 0}),
        ("DELETE", "/api/delete", {"model": "m"}),
    ]


async def test_lm_studio_downloads_by_a_job_that_is_polled() -> None:
    polls = iter([500, 1000])

    def handle(method: str, path: str, body: Any) -> Answer:
        if method == "POST":
            assert (path, body) == ("/api/v1/models/download", {"model": "ibm/granite"})
            job = {"job_id": "job_1", "status": "downloading", "total_size_bytes": 1000}
            return 200, json.dumps(job).encode()
        assert path == "/api/v1/models/download/status/job_1"
        done = next(polls)
        state = "completed" if done == 1000 else "downloading"
        job = {"status": state, "total_size_bytes": 1000, "downloaded_bytes": done}
        return 200, json.dumps(job).encode()

    async with answering(handle) as url, open_http() as http:
        models = LmStudioModels(http, f"{url}/v1", poll=timedelta(milliseconds=1))
        steps = await collect(models.pull("ibm/granite"))

    assert [(each.status, each.done) for each in steps] == [
        ("downloading", 0), ("downloading", 500), ("completed", 1000)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        ({"status": "failed", "job_id": "1"}, "could not download"),
        ({"status": "paused", "job_id": "1"}, "paused"),
        ({}, "could not download"),
        ([], "could not download"),
    ],
)
async def test_a_download_of_lm_studio_that_ends_otherwise_says_so(job: Any, reason: str) -> None:
    async with answering(lambda *_: (200, json.dumps(job).encode())) as url, open_http() as http:
        with pytest.raises(WeightsUnavailable, match=reason):
            await collect(LmStudioModels(http, url).pull("m"))


async def test_lm_studio_lists_and_unloads_each_instance() -> None:
    unloaded = []
    listing = {
        "models": [
            {
                "key": "ibm/granite",
                "size_bytes": 5,
                "quantization": {"name": "Q4_K_M"},
                "loaded_instances": [{"id": "ibm/granite"}, {"id": "ibm/granite:2"}],
            },
            {"key": "other", "loaded_instances": []},
        ]
    }

    def handle(method: str, path: str, body: Any) -> Answer:
        if method == "POST":
            unloaded.append((path, body))
            return 200, b"{}"
        return 200, json.dumps(listing).encode()

    async with answering(handle) as url, open_http() as http:
        models = LmStudioModels(http, url)
        found = await models.list_models()
        await models.unload("ibm/granite")
        with pytest.raises(WeightsUnavailable, match="only in its window"):
            await models.delete("other")

    assert found == [
        KeptModel(name="ibm/granite", size=5, quantization="Q4_K_M", loaded=True),
        KeptModel(name="other", loaded=False),
    ]
    assert unloaded == [
        ("/api/v1/models/unload", {"instance_id": "ibm/granite"}),
        ("/api/v1/models/unload", {"instance_id": "ibm/granite:2"}),
    ]


async def test_a_server_that_is_not_there_is_one_sentence() -> None:
    async with open_http() as http:
        with pytest.raises(WeightsUnavailable, match="Ollama cannot be reached"):
            await OllamaModels(http, "http://127.0.0.1:9").list_models()


async def test_a_server_of_the_operator_cannot_send_requests_elsewhere() -> None:
    asked: list[str] = []

    def elsewhere(_method: str, path: str, _body: Any) -> Answer:
        asked.append(path)
        return 200, b"{}"

    async with answering(elsewhere) as other:
        moved = f"307 Moved\r\nlocation: {other}/api/tags\r\nx-rest:"
        async with answering(lambda *_: (moved, b"")) as url, open_http() as http:
            with pytest.raises(WeightsUnavailable, match="redirects to another address"):
                await OllamaModels(http, url).list_models()
            with pytest.raises(WeightsUnavailable, match="redirects to another address"):
                await collect(OllamaModels(http, url).pull("m"))
            with pytest.raises(WeightsUnavailable, match="redirects to another address"):
                await LmStudioModels(http, url).list_models()
            assert await read_load(http, url) is None

    assert asked == []


METRICS = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="a"} 3.0
vllm:num_requests_running{engine="1",model_name="a"} 1.0
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_waiting{engine="0",model_name="a"} 2.0
vllm:num_requests_waiting_by_reason{reason="capacity"} 9.0
"""


@pytest.mark.parametrize(
    ("metrics", "load"),
    [
        (METRICS, ServerLoad(running=4, waiting=2)),
        ("vllm:num_requests_running 2\n", ServerLoad(running=2, waiting=0)),
        ("", None),
        ("<html>", None),
        ("vllm:num_requests_running 1e400\n", None),
        ("vllm:num_requests_running e.e\n", None),
    ],
)
def test_the_load_of_vllm(metrics: str, load: ServerLoad | None) -> None:
    assert parse_load(metrics) == load


async def test_a_load_is_read_within_bounds_or_unknown() -> None:
    async with open_http() as http:
        async with answering(lambda *_: (200, METRICS.encode())) as url:
            assert await read_load(http, f"{url}/v1") == ServerLoad(running=4, waiting=2)
        async with answering(lambda *_: (404, METRICS.encode())) as url:
            assert await read_load(http, url) is None
        async with answering(lambda *_: (200, b"#" * 4_000_000 + METRICS.encode())) as url:
            assert await read_load(http, url) is None
        assert await read_load(http, "http://127.0.0.1:9/v1") is None


async def test_only_servers_that_may_tell_their_load_are_asked() -> None:
    asked = []

    def handle(_method: str, path: str, _body: Any) -> Answer:
        asked.append(path)
        return 200, METRICS.encode()

    async with answering(handle) as url:
        loads = await read_loads({"vllm": f"{url}/v1", "ollama": f"{url}/v1", "mlx": f"{url}/v1"})

    assert loads == {"vllm": ServerLoad(running=4, waiting=2)}
    assert asked == ["/metrics"]
