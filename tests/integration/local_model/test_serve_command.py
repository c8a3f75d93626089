"""`cogo models serve`, with a library of the same interface that answers at once."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from cogo.config.local_model import HostedModel, write_served_model
from tests.support.eventually import eventually
from tests.support.models.gguf import build_gguf
from tests.support.models.model_library import NO_SERVERS, install_model_library
from tests.support.processes import is_running
from tests.support.servers.command_line import cogo, cogo_up, environment, heed_interrupts

pytestmark = pytest.mark.e2e


def cached(home: Path) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(home / ".cache"), **NO_SERVERS}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home directory with llama.cpp's server and three models, one of them broken."""
    install_model_library(tmp_path)
    for name, weights in (("second", b"fine"), ("bad", b"broken")):
        folder = tmp_path / ".cache" / "cogo" / "models" / name
        folder.mkdir(parents=True)
        content = build_gguf({"general.architecture": "llama"}, weights=weights)
        (folder / "weights.gguf").write_bytes(content)
        record = {
            "source": f"hf:owner/repo/{name}.gguf",
            "size": len(content),
            "sha256": name,
            "pulled_at": "2026-11-30T00:00:00Z",
            "changed_ns": (folder / "weights.gguf").stat().st_mtime_ns,
        }
        (folder / "model.json").write_text(json.dumps(record))
    return tmp_path


STARTING = HostedModel(
    alias="starting",
    supervisor=os.getpid(),
    memory=1,
    context=2_048,
    parallel=1,
    threads=1,
    idle_seconds=0,
    file="",
)


@pytest.fixture
def fake_model() -> Iterator[str]:
    """Serve a list of one model; yield the base URL."""

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            listing = {"object": "list", "data": [{"id": "starting", "owned_by": "llamacpp"}]}
            body = json.dumps(listing).encode()
            self.send_response(200 if self.path == "/v1/models" else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


@contextmanager
def serving(home: Path, *names: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-P", "-m", "cogo", "models", "serve", *names, "--json"]
    with (
        (home / "errors").open("w") as errors,
        subprocess.Popen(
            [*command, "--dir", str(home / ".cogo")],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=home,
            env=environment(home, **cached(home)),
            preexec_fn=heed_interrupts,  # noqa: PLW1509
        ) as process,
    ):
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)


def read_events(process: subprocess.Popen[str], count: int) -> list[dict[str, Any]]:
    assert process.stdout is not None
    return [json.loads(process.stdout.readline()) for _ in range(count)]


async def lists_models(url: str) -> list[str]:
    async with httpx.AsyncClient() as http:
        try:
            answer = await http.get(f"{url}/models")
        except httpx.HTTPError:
            return []
    return [each["id"] for each in answer.json()["data"]]


async def test_models_are_served_restarted_found_removed_and_ended(home: Path) -> None:
    folder = home / ".cache" / "cogo" / "served-models"
    with serving(home) as process:  # all three
        events = read_events(process, 2)
        assert {each["model"] for each in events} == {"second", "smollm2-135m-instruct"}
        assert "bad cannot start: the model cannot be loaded" in (home / "errors").read_text()
        second = next(each for each in events if each["model"] == "second")
        assert await lists_models(second["url"]) == ["second"]

        listed = json.loads(
            cogo("models", "list", "--local", "--json", home=home, **cached(home)).stdout
        )
        assert {each["id"]: (each["served"], each["checksum"]) for each in listed} == {
            "local-model/bad": (False, "verified"),
            "local-model/second": (True, "verified"),
            "smollm2-135m-instruct": (True, "verified"),
        }

        os.kill(second["pid"], signal.SIGKILL)

        async def answers_again() -> bool:
            return await lists_models(second["url"]) == ["second"]

        await eventually(answers_again)

        def read_pid() -> int:
            return int(json.loads((folder / "second.json").read_text())["pid"])

        await eventually(lambda: read_pid() != second["pid"])  # it answers just before it is named
        pid = read_pid()

        refused = cogo("models", "rm", "second", "--yes", home=home, **cached(home))
        assert refused.returncode == 1
        assert "being served" in refused.stderr
        unasked = cogo("models", "rm", "second", "--force", home=home, **cached(home))
        assert unasked.returncode == 2
        removed = cogo("models", "rm", "second", "--yes", "--force", home=home, **cached(home))
        assert removed.returncode == 0, removed.stderr
        assert not is_running(pid)
        assert not (home / ".cache" / "cogo" / "models" / "second").exists()
        assert process.poll() is None
        other = json.loads((folder / "smollm2-135m-instruct.json").read_text())

    assert process.returncode == 0
    assert not is_running(other["pid"])
    assert list(folder.glob("*.json")) == []


def test_a_system_uses_the_server_that_runs_already_and_leaves_it_running(home: Path) -> None:
    with serving(home, "smollm2") as process:
        [event] = read_events(process, 1)
        with cogo_up("--local-model", "--no-gateway", home=home, **cached(home)) as up:
            assert up.answer["local_model_url"] == event["url"]
            assert "local-model" not in up.answer["processes"]
            assert not up.answer["simulated"]
        assert is_running(event["pid"])
        again = cogo("models", "serve", "smollm2", "--json", home=home, **cached(home))
        said = json.loads(again.stdout)
        assert (said["event"], said["url"]) == ("already", event["url"])
        assert is_running(event["pid"])


async def test_a_server_that_hangs_is_killed_and_restarted(home: Path) -> None:
    with serving(home, "second") as process:
        [event] = read_events(process, 1)
        os.kill(event["pid"], signal.SIGSTOP)

        async def answers_again() -> bool:
            return not is_running(event["pid"]) and await lists_models(event["url"]) == ["second"]

        await eventually(answers_again)


def test_a_model_keeps_its_port_until_it_is_removed_or_another_program_has_it(home: Path) -> None:
    def serve() -> str:
        with serving(home, "second") as process:
            return str(read_events(process, 1)[0]["url"])

    first = serve()
    port = urlsplit(first).port
    assert port is not None
    assert serve() == first
    with socket.create_server(("127.0.0.1", port)):
        other = serve()
    assert other != first
    assert serve() == other
    removed = cogo("models", "rm", "second", "--yes", home=home, **cached(home))
    assert removed.returncode == 0, removed.stderr
    assert list((home / ".cache" / "cogo" / "served-models").glob("second*")) == []


def test_a_task_finds_a_model_that_was_served_again_at_another_port(home: Path) -> None:
    ask = ("submit", "Write a function that doubles a number", "--model", "local-model/second")
    with ExitStack() as stack:
        with serving(home, "second") as process:
            first = str(read_events(process, 1)[0]["url"])
            stack.enter_context(cogo_up("--no-gateway", home=home, **cached(home)))
        (home / ".cache" / "cogo" / "served-models" / "second.port").unlink()
        again = stack.enter_context(serving(home, "second"))
        assert read_events(again, 1)[0]["url"] != first
        told = cogo(*ask, "--json", "--dir", str(home / ".cogo"), home=home, **cached(home))

    task = json.loads(told.stdout)
    assert task["status"] == "completed", told.stderr
    assert task["result"]["model_used"] == "local-model/second"


def test_a_system_waits_for_a_model_that_is_being_started(home: Path, fake_model: str) -> None:
    folder = home / ".cache" / "cogo" / "served-models"
    folder.mkdir(mode=0o700)
    write_served_model(folder, STARTING)

    async def be_ready() -> None:
        await eventually((home / ".cogo" / "state.json").exists)  # after the first look at models
        write_served_model(folder, replace(STARTING, url=fake_model, pid=os.getpid()))

    with ThreadPoolExecutor() as pool:
        ready = pool.submit(asyncio.run, be_ready())
        with cogo_up("--no-gateway", home=home, **cached(home)) as up:
            assert not up.answer["simulated"]
        ready.result()


def test_a_simulated_system_says_so_beside_models_of_this_machine(
    home: Path, fake_model: str
) -> None:
    folder = home / ".cache" / "cogo" / "served-models"
    folder.mkdir(mode=0o700)
    state = ("--dir", str(home / ".cogo"))
    with cogo_up("--no-gateway", home=home, **cached(home)) as up:
        assert up.answer["simulated"]
        alone = cogo("models", *state, home=home, **cached(home))
        write_served_model(folder, replace(STARTING, url=fake_model, pid=os.getpid()))
        beside = cogo("models", *state, home=home, **cached(home))
        doctor = json.loads(cogo("doctor", "--json", *state, home=home, **cached(home)).stdout)

    assert "this system is simulated" not in alone.stderr, alone.stdout
    assert "local-model/starting" in beside.stdout
    assert "this system is simulated: restart `" in beside.stderr
    [agents] = [each for each in doctor["checks"] if each["name"] == "agents"]
    assert (agents["verdict"], agents["cure"]) == ("note", "cogo up")
    assert agents["detail"].startswith("this system is simulated")


def test_a_model_that_cannot_start_is_a_failure(home: Path) -> None:
    ended = cogo("models", "serve", "bad", "--dir", str(home / "x"), home=home, **cached(home))

    assert ended.returncode == 1
    assert "the model cannot be loaded" in ended.stderr
    assert not list((home / ".cache" / "cogo" / "served-models").glob("*.json"))


def test_without_a_model_the_first_one_is_named(tmp_path: Path) -> None:
    ended = cogo("models", "serve", home=tmp_path, **cached(tmp_path))

    assert ended.returncode == 1
    assert "cogo models pull smollm2" in ended.stderr
