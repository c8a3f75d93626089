"""While spending is stopped no command calls a model, and all say so in the same words."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from cogo.config.catalogue import load_catalogue, load_credentials
from cogo.config.context import Project
from cogo.smoke_test import SmokeTestReport, try_models
from cogo.wiring.models.spending_gate import SpendingGate
from embedded.state import State
from protocol.transport.supabase_store import SupabaseStore, open_store
from providers.calls.middleware import VendorCall
from tests.integration.cli.conftest import Say
from tests.support.servers.simulator import simulator_process

PROBLEM: Final = (
    '{"task_id": "HumanEval/0", "prompt": "def f():\\n", "entry_point": "f",'
    ' "canonical_solution": "    return 1\\n", "test": "def check(f):\\n    assert f() == 1\\n"}\n'
)
MODEL: Final = "gpt-4o"


@pytest.fixture
def simulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with simulator_process() as url:
        monkeypatch.setenv("FIREWORKS_API_KEY", "a-key")
        monkeypatch.setenv("FIREWORKS_API_URL", f"{url}/fireworks")
        monkeypatch.setenv("OPENAI_API_KEY", "a-key")
        monkeypatch.setenv("OPENAI_BASE_URL", f"{url}/openai/v1")
        yield url


def list_requests(simulator: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{simulator}/_simulator/requests", params={"after": 0})
    found: list[dict[str, Any]] = answer.json()["requests"]
    return [each for each in found if each["message_count"]]


@pytest.mark.parametrize(
    "line",
    [
        "models test",
        f"models test {MODEL}",
        f"models probe {MODEL}",
        "embed text --model text-embedding-3-small",
        "eval debate --limit 1",
        "eval humaneval --data HumanEval.jsonl --live",
    ],
)
def test_a_command_that_calls_models_is_refused(
    cogo: Say, simulator: str, tmp_path: Path, line: str
) -> None:
    (tmp_path / "HumanEval.jsonl").write_text(PROBLEM)
    cogo("stop-spending", "--reason", "a loop")

    code, out, err = cogo(*line.split())

    if "no sandbox works here" in err:
        pytest.skip(err)
    assert (code, out) == (1, "")
    assert "no model was asked: spending was stopped by cli:" in err
    assert "a loop (`cogo resume-spending` ends the stop)" in err
    assert list_requests(simulator) == []


class StopAfterOne(SpendingGate):
    """Stops spending when the first call has ended."""

    def __init__(self, store: SupabaseStore) -> None:
        super().__init__(store)
        self.store = store

    @asynccontextmanager
    async def wrap_call(self, call: VendorCall) -> AsyncIterator[None]:
        async with super().wrap_call(call):
            yield
        await self.store.stop_spending(reason="enough")


@pytest.mark.usefixtures("cogo")
def test_a_stop_ends_a_test_that_has_begun(simulator: str, project: State) -> None:
    found = Project.find(None)
    catalogue = load_catalogue(found)
    reports: list[SmokeTestReport] = []

    async def run() -> None:
        async with open_store(project.url, project.secret_key) as store:
            given, gate = load_credentials(found, catalogue), StopAfterOne(store)
            await try_models(catalogue, given, [MODEL], middleware=[gate], on_report=reports.append)

    asyncio.run(run())

    [report] = reports
    assert [each.ok for each in report.trials] == [True, True, False, False]
    assert "spending_stopped: " in report.trials[-1].detail
    assert "enough" in report.trials[-1].detail
    assert len(list_requests(simulator)) == 1


def test_without_a_database_nothing_can_be_stopped_and_models_are_tested(
    cogo: Say, simulator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SUPABASE_URL")
    monkeypatch.delenv("SUPABASE_SECRET_KEY")

    code, _, err = cogo("models", "test", MODEL)

    assert (code, err) == (0, "")
    assert list_requests(simulator)
