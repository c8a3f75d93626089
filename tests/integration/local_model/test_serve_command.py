"""`cogo models serve`, with a library of the same interface that answers at once."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

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
        pid = json.loads((folder / "second.json").read_text())["pid"]
        assert pid != second["pid"]

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


def test_a_model_that_cannot_start_is_a_failure(home: Path) -> None:
    ended = cogo("models", "serve", "bad", "--dir", str(home / "x"), home=home, **cached(home))

    assert ended.returncode == 1
    assert "the model cannot be loaded" in ended.stderr
    assert not list((home / ".cache" / "cogo" / "served-models").glob("*.json"))


def test_without_a_model_the_first_one_is_named(tmp_path: Path) -> None:
    ended = cogo("models", "serve", home=tmp_path, **cached(tmp_path))

    assert ended.returncode == 1
    assert "cogo models pull smollm2" in ended.stderr
