"""`cogo up --local-model`, with a library of the same interface that answers at once."""

import json
import os
import signal
from pathlib import Path

import httpx
import pytest

from cogo.local_model.packages import SERVER
from tests.support.eventually import eventually
from tests.support.models.model_library import install_model_library
from tests.support.processes import is_running
from tests.support.servers.command_line import cogo, cogo_up

pytestmark = pytest.mark.e2e


def cached(home: Path) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(home / ".cache")}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home directory in whose cache both packages are installed."""
    install_model_library(tmp_path)
    return tmp_path


async def test_the_local_model_answers_instead_of_the_simulator(home: Path) -> None:
    state = home / ".cogo"
    served = home / ".cache" / "cogo" / "served-models" / "smollm2-135m-instruct.json"
    with cogo_up("--local-model", "--no-gateway", home=home, **cached(home)) as up:
        pid = up.answer["processes"]["local-model"]
        assert not up.answer["simulated"]
        assert "simulator" not in up.answer["processes"]

        asked = ("submit", "Write a function that doubles a number", "--json", "--dir", str(state))
        task = json.loads(cogo(*asked, home=home, **cached(home)).stdout)
        doctor = json.loads(
            cogo("doctor", "--json", "--dir", str(state), home=home, **cached(home)).stdout
        )
        shown = json.loads(
            cogo("local-model", "--json", "--dir", str(state), home=home, **cached(home)).stdout
        )

        assert task["result"]["model_used"] == "smollm2-135m-instruct"
        assert "return 2 * x" in task["result"]["generated_code"]
        assert not task["simulated"]
        assert float(task["cost_usd"]) == 0
        checks = {each["name"]: each for each in doctor["checks"]}
        assert checks["local model"]["verdict"] == "ok"
        assert "keys" not in checks
        assert shown["url"] == up.answer["local_model_url"]

        os.kill(pid, signal.SIGKILL)

        async def answers_again() -> bool:
            try:
                async with httpx.AsyncClient() as http:
                    response = await http.post(
                        f"{shown['url']}/chat/completions", json={"model": "x"}
                    )
            except httpx.HTTPError:
                return False
            return response.is_success

        await eventually(answers_again)
        restarted = json.loads(served.read_text())
        assert restarted["url"] == shown["url"]
        assert restarted["pid"] != pid
    assert not is_running(restarted["pid"])
    stopped = json.loads(
        cogo("local-model", "--json", "--dir", str(state), home=home, **cached(home)).stdout
    )
    assert stopped["url"] is None
    assert not served.exists()
    assert stopped["installed"]


def test_a_library_that_cannot_start_says_why(home: Path) -> None:
    installed = home / ".cache" / "cogo" / "local-model"
    (installed / SERVER.folder / "xllamacpp.py").write_text("raise ImportError('no such symbol')")

    ended = cogo("up", "--local-model", "--dir", str(home / ".cogo"), home=home, **cached(home))

    assert ended.returncode == 1
    assert "smollm2-135m-instruct cannot start: no such symbol" in ended.stderr


def test_the_simulator_and_the_local_model_exclude_each_other(home: Path) -> None:
    for command in ("up", "demo"):
        ended = cogo(command, "--local-model", "--simulate", home=home, **cached(home))

        assert ended.returncode == 2
        assert "cannot be combined" in ended.stderr
