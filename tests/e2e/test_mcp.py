"""`cogo mcp` and `/mcp` of a running system, with the official client."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.shared.exceptions import MCPError

from protocol.ids import utc_now
from protocol.lifecycle import TaskState
from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.tasks import ended
from tests.support.mcp.clients import call, read_text
from tests.support.ports import a_port
from tests.support.processes import find_process
from tests.support.servers.command_line import environment
from tests.support.servers.system import STATE, System

pytestmark = pytest.mark.e2e

PROGRAM = ("-P", "-m", "cogo", "mcp")
LATER = timedelta(seconds=4)
"""Until a task begins: a gateway that was killed is running again by then, or soon after."""


@asynccontextmanager
async def open_stdio(system: System, *arguments: str, **options: Any) -> AsyncIterator[Client]:
    """Open a client that starts `cogo mcp` itself, as assistants do."""
    server = StdioServerParameters(
        command=sys.executable,
        args=[*PROGRAM, *(arguments or ("--dir", str(system.home / STATE)))],
        env=environment(system.home),
        cwd=system.home,
    )
    async with Client(server, **options) as client:
        yield client


def find_server(system: System) -> int:
    """Return the process of `cogo mcp` that this test has started."""
    return find_process(os.getpid(), "mcp", str(system.home / STATE))


@contextmanager
def running_gateway(system: System, port: int) -> Iterator[subprocess.Popen[str]]:
    """Run a gateway of its own, which other tests do not need."""
    where = ("--port", str(port), "--no-key", "--dir", str(system.home / STATE))
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "cogo", "serve", "gateway", *where],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(system.home),
        cwd=system.home,
    ) as process:
        try:
            assert process.stdout is not None
            assert "ready" in process.stdout.readline()
            yield process
        finally:
            process.kill()


async def test_a_task_is_followed_over_stdio_to_its_answer(system: System) -> None:
    heard: list[str] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append(f"{progress} {message}")

    async with open_stdio(system) as client:
        listed = await call(client, "list_models")
        prompt = "Count for me [[pieces:400]]"  # slow enough to be seen running
        task = await call(client, "submit_task", prompt=prompt, type="CHAT")
        arguments = {"task_id": task["task_id"], "until": "end", "timeout_seconds": 60}
        await client.call_tool("watch_task", arguments, progress_callback=hear)
        answer = await client.call_tool("result", {"task_id": task["task_id"]})

    models = {each["id"] for each in listed["models"]}
    assert not answer.is_error
    assert answer.structured_content is not None
    assert answer.structured_content["status"] == "completed"
    assert read_text(answer)
    assert any(model in line for model in models for line in heard), heard
    assert [float(each.split()[0]) for each in heard] == list(range(1, len(heard) + 1))


async def test_a_task_is_picked_up_by_its_id_after_the_server_was_killed(
    system: System, store: SupabaseStore
) -> None:
    begins = (utc_now() + LATER).isoformat()
    waiting = asyncio.Event()

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        waiting.set()

    async with open_stdio(system) as client, asyncio.TaskGroup() as group:
        task = await call(
            client, "submit_task", prompt="Write merge sort", params={"verify": "off"},
            run_at=begins,
        )  # fmt: skip
        watching = group.create_task(
            call_or_none(client, "result", {"task_id": task["task_id"]}, hear)
        )
        await waiting.wait()
        os.kill(find_server(system), signal.SIGKILL)
        assert await watching is None
    async with open_stdio(system) as client:
        known = await call(client, "list_tasks", limit=5)
        answer = await call(client, "result", task_id=task["task_id"], timeout_seconds=60)

    assert task["task_id"] in {each["task_id"] for each in known["tasks"]}
    assert "merge_sort" in answer["text"]
    assert (await store.fetch_task(task_id=UUID(task["task_id"]))).status is TaskState.COMPLETED


async def call_or_none(client: Client, name: str, arguments: dict[str, Any], hear: Any) -> Any:
    """Return the answer, or None if the connection was lost."""
    try:
        return await client.call_tool(name, arguments, progress_callback=hear)
    except MCPError as error:
        assert "closed" in str(error).lower(), error
        return None


async def test_a_wait_survives_the_death_of_the_gateway_behind_it(
    system: System, store: SupabaseStore
) -> None:
    waiting = asyncio.Event()
    port = a_port()
    url = f"http://127.0.0.1:{port}"

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        waiting.set()

    async with open_stdio(system, "--url", url) as client, asyncio.TaskGroup() as group:
        with running_gateway(system, port) as first:
            task = await call(
                client, "submit_task", prompt="Write merge sort", params={"verify": "off"},
                run_at=(utc_now() + LATER).isoformat(),
            )  # fmt: skip
            arguments = {"task_id": task["task_id"], "timeout_seconds": 90}
            watching = group.create_task(
                client.call_tool("result", arguments, progress_callback=hear)
            )
            await waiting.wait()
            first.kill()
        with running_gateway(system, port):
            answer = await watching

    assert not answer.is_error, read_text(answer)
    assert "merge_sort" in read_text(answer)
    assert (await ended(store, UUID(task["task_id"]))).status is TaskState.COMPLETED


def test_only_messages_go_to_standard_output_and_the_end_of_the_input_ends_it(
    tmp_path: Path,
) -> None:
    hello = (
        '{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": '
        '"2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}}\n'
        '{"jsonrpc": "2.0", "method": "notifications/initialized"}\n'
        "this is no message\n"
        '{"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "list_tasks"}}\n'
    )
    nowhere = (*PROGRAM, "--dir", str(tmp_path))

    with subprocess.Popen(
        [sys.executable, *nowhere], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=environment(tmp_path), cwd=tmp_path,
    ) as server:  # fmt: skip
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(hello)
        server.stdin.flush()
        answers = {}
        while 2 not in answers:
            message = json.loads(server.stdout.readline())
            answers[message.get("id")] = message
        rest, errors = server.communicate(timeout=60)

    assert answers[1]["result"]["protocolVersion"] == "2025-06-18"
    refused = answers[2]["result"]
    assert refused["isError"]
    assert "no Supabase is running" in refused["content"][0]["text"]
    assert "cogo up" in refused["content"][0]["text"]
    assert (server.returncode, rest) == (0, "")
    assert "Traceback" not in errors
