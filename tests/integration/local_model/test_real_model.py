"""The smallest real model, from the package index to its removal: pulled, served, measured, used.

It writes much nonsense, so what is tested is that everything around it holds: nothing is simulated,
no call that it did not make rightly is run, and whatever it does ends in an answer or in a reason.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from cogo.local_model.packages import MODEL_ID
from tests.support.eventually import eventually
from tests.support.models.model_library import NO_SERVERS
from tests.support.processes import is_running
from tests.support.servers.command_line import (
    CACHE,
    cogo_up,
    environment,
    heed_interrupts,
)

pytestmark = [pytest.mark.e2e, pytest.mark.index]

IDLE = 3
UNREACHABLE = ("check the network", "neither pip nor uv")


def run(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-P", "-m", "cogo", *arguments],
        capture_output=True,
        text=True,
        timeout=600,
        cwd=home,
        env=environment(home, **own(home)),
        check=False,
    )


def own(home: Path) -> dict[str, str]:
    """Return the variables that keep the model in the test, and pip's downloads for the next."""
    return {
        "XDG_CACHE_HOME": str(home / ".cache"),
        "PIP_CACHE_DIR": str(CACHE / "pip"),
        "UV_CACHE_DIR": str(CACHE / "uv"),
        "COGO_MODEL_IDLE_SECONDS": str(IDLE),
        **NO_SERVERS,
    }


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home directory into which the model was pulled from the package index."""
    pulled = run(tmp_path, "models", "pull", "smollm2", "--json")
    if pulled.returncode and any(each in pulled.stderr for each in UNREACHABLE):
        pytest.skip(f"the package index cannot be reached: {pulled.stderr.splitlines()[-1]}")
    assert pulled.returncode == 0, pulled.stderr
    events = list(map(json.loads, pulled.stdout.splitlines()))
    assert {each["model"] for each in events} == {MODEL_ID}
    return tmp_path


@contextmanager
def serving(home: Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-P", "-m", "cogo", "models", "serve", "--json"]
    with (
        (home / "errors").open("w") as errors,
        subprocess.Popen(
            [*command, "--dir", str(home / ".cogo")],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=home,
            env=environment(home, **own(home)),
            preexec_fn=heed_interrupts,  # noqa: PLW1509
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=60)


def read_event(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout is not None
    event: dict[str, Any] = json.loads(process.stdout.readline())
    return event


def measure_memory(pid: int) -> int:
    """Return the kilobytes of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


async def test_a_real_model_is_served_measured_used_unloaded_and_removed(home: Path) -> None:
    with serving(home) as process:
        served, measured = read_event(process), read_event(process)
        assert (served["event"], served["model"]) == ("served", MODEL_ID)
        assert measured["event"] == "measured"
        figures = measured["measured"]
        assert figures["tokens_per_s"] > 0
        assert figures["first_token_s"] > 0
        assert figures["follows_schema"] is True  # the server enforces it
        assert figures["calls_tools"] in {True, False}
        async with httpx.AsyncClient(base_url=served["url"].removesuffix("/v1")) as http:
            [listed] = (await http.get("/v1/models")).json()["data"]
            props = (await http.get("/props")).json()
            assert listed["id"] == MODEL_ID
            assert props["model_alias"] == MODEL_ID

            with cogo_up("--no-gateway", home=home, **own(home)) as up:
                assert not up.answer["simulated"]
                task = ask(home, "Say hello.")
                assert task["result"]["model_used"] == MODEL_ID
                assert task["result"]["text"]
                assert not task["simulated"]
                asked = ask(home, "Run the Python program print(6 * 7).", "--tool", "cogo:run_code")
                if asked["status"] == "completed":
                    assert asked["result"]["model_used"] == MODEL_ID
                else:
                    assert asked["error"]["class"] in {"bad_tool_calls", "empty_answer"}
                again = json.loads(run(home, "models", "probe", MODEL_ID, "--json").stdout)
                assert again["measured"]["tokens_per_s"] > 0

            assert measure_memory(served["pid"]) * 1024 < served["memory"]

            async def is_asleep() -> bool:
                return bool((await http.get("/props")).json()["is_sleeping"])

            await eventually(is_asleep)
            asleep = measure_memory(served["pid"])
            answer = await http.post(
                "/v1/chat/completions",
                json={"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4},
                timeout=120,
            )
            assert answer.is_success
            assert measure_memory(served["pid"]) > asleep + 50_000

    assert not is_running(served["pid"])
    assert list((home / ".cache" / "cogo" / "served-models").glob("*.json")) == []
    removed = run(home, "models", "rm", MODEL_ID, "--yes")
    assert removed.returncode == 0, removed.stderr
    assert json.loads(run(home, "models", "list", "--local", "--json").stdout) == []


def ask(home: Path, prompt: str, *options: str) -> dict[str, Any]:
    line = (
        "submit",
        prompt,
        "--type",
        "CHAT",
        "--model",
        MODEL_ID,
        "--params",
        '{"max_output_tokens": 60}',
    )
    ended = run(home, *line, *options, "--json", "--dir", str(home / ".cogo"))
    task: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return task
