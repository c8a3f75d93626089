"""`cogo models health` on a real project."""

import asyncio
import json
from pathlib import Path

import pytest

from cogo.cli.app import run
from embedded.state import State
from protocol.records.models import CallsReport
from protocol.transport.supabase_store import open_store


@pytest.fixture(autouse=True)
def _in_a_place_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: State) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COGO_ENV_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("COGO_HOME", str(tmp_path))
    monkeypatch.setenv("SUPABASE_URL", project.url)
    monkeypatch.setenv("SUPABASE_SECRET_KEY", project.secret_key)


async def _fail(project: State) -> None:
    error = {"class": "overloaded", "message": "it burns", "status": 529}
    report = CallsReport(
        deployment="vendor:model",
        model_id="model",
        provider="vendor",
        answered=2,
        failed=30,
        error=error,
        concurrency=4,
        running=1,
    )
    async with open_store(project.url, project.secret_key) as store:
        await store.report_calls(agent_id="executor", report=1, items=[report])


def test_health_shows_state_room_and_the_last_error(
    project: State, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["models", "health"]) == 0
    assert "health is derived from calls" in capsys.readouterr().out
    with asyncio.Runner() as runner:
        runner.run(_fail(project))

    assert run(["models", "health"]) == 0
    said = capsys.readouterr().out
    assert run(["models", "health", "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)

    assert "vendor:model" in said
    assert "overloaded: it burns" in said
    assert (row["state"], row["concurrency"], row["running"]) == ("open", 4, 1)
    assert row["last_error"]["status"] == 529
