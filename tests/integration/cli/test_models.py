"""`cogo models` and scripts/test-integrations, as a person runs them, against the simulator."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cogo.cli.app import run
from providers.adapters.http.sse import set_raw_event_listener
from providers.catalogue.catalogue import Catalogue
from tests.support.model_servers.json_server import ModelServer, run_model_server
from tests.support.servers.simulator import simulator_process

ROOT = Path(__file__).resolve().parents[3]
NOBODY = "[providers.{}]\nports = []\n"
LOCAL = ("ollama", "lmstudio", "vllm", "llamacpp", "mlx", "tei")


@pytest.fixture(scope="module")
def simulator() -> Iterator[str]:
    with simulator_process() as url:
        yield url


@dataclass(frozen=True, slots=True)
class Program:
    """The program in a directory of its own, with the keys of a test only."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def run(
        self, *arguments: str, code: int = 0, variables: Mapping[str, str] | None = None
    ) -> str:
        with self.monkeypatch.context() as patch:
            for name, value in (variables or {}).items():
                patch.setenv(name, value)
            assert run(arguments) == code
        said = self.capsys.readouterr()
        return said.out if "--json" in arguments else said.out + said.err

    def json(self, *arguments: str, code: int = 0, variables: Mapping[str, str]) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code, variables=variables))


@pytest.fixture
def cogo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Program]:
    catalogue = tmp_path / "cogo.toml"
    catalogue.write_text("\n".join(NOBODY.format(each) for each in LOCAL))
    monkeypatch.setenv("COGO_CATALOGUE", str(catalogue))
    for provider in Catalogue.load().providers.values():
        for name in provider.key_variables:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COGO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COGO_ENV_FILE", str(tmp_path / "no.env"))
    monkeypatch.setenv("NO_PROXY", "")  # so that what the program adds is taken back
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.chdir(tmp_path)
    yield Program(monkeypatch, capsys)
    set_raw_event_listener(None)


def opened(simulator: str) -> dict[str, str]:
    return {
        "FIREWORKS_API_KEY": "a-key",
        "FIREWORKS_API_URL": f"{simulator}/fireworks",
        "ANTHROPIC_API_KEY": "invalid",
        "ANTHROPIC_BASE_URL": f"{simulator}/anthropic",
    }


def test_models_are_tried_and_one_failure_does_not_stop_the_rest(
    cogo: Program, simulator: str
) -> None:
    reports = cogo.json("models", "test", code=1, variables=opened(simulator))

    by_provider = {report["provider"]: report["trials"] for report in reports}
    assert [trial["ok"] for trial in by_provider["fireworks"]] == [True] * 4
    assert [trial["step"] for trial in by_provider["fireworks"]][-1] == "tool call"
    assert all("authentication" in trial["detail"] for trial in by_provider["anthropic"])


def test_a_test_of_no_model_is_no_success(cogo: Program) -> None:
    assert "no provider has a key here" in cogo.run("models", "test", code=1)


def test_raw_events_are_shown_on_demand(cogo: Program, simulator: str) -> None:
    said = cogo.run(
        "models", "test", "fireworks/glm-5p3", "--debug-sse", variables=opened(simulator)
    )

    assert 'fireworks: {"id"' in said
    assert "pieces, the first after" in said


def test_discovery_reports_new_and_missing_models(cogo: Program, simulator: str) -> None:
    found, failed = cogo.json("models", "discover", code=1, variables=opened(simulator))
    shown = cogo.run("models", "discover", "fireworks", variables=opened(simulator))

    assert found["provider"] == "fireworks"
    assert "fireworks/gpt-oss-20b" in found["gone"]
    assert found["new"] == []
    assert "the list has no prices" in shown
    assert failed["provider"] == "anthropic"
    assert "key" in failed["error"]


def test_prices_name_their_source_and_unknown_is_a_dash(cogo: Program) -> None:
    shown = cogo.run("models", "prices", "claude-sonnet-5-5", "Phi-3")
    anthropic, phi = (
        next(line.split() for line in shown.splitlines() if name in line)
        for name in ("anthropic ", "phi-3-medium")
    )

    assert anthropic[2] == "2"
    assert "genai-prices" in anthropic
    assert set(phi[2:]) == {"-"} or "genai-prices" in phi


def test_models_that_the_data_policy_excludes_are_marked(cogo: Program) -> None:
    key = {"ANTHROPIC_API_KEY": "sk-test"}

    free = cogo.run("models", "list", variables=key)
    closed = cogo.run("models", "list", variables=key | {"COGO_DATA_POLICY": "local-only"})
    [*facts] = cogo.json("models", "list", variables=key | {"COGO_DATA_POLICY": "local-only"})

    assert "here" in free
    assert "excluded" not in free
    assert "here" not in closed
    assert "COGO_DATA_POLICY is local-only" in closed
    chats = [each for each in facts if each.get("kind") == "chat"]
    assert chats
    assert all("local-only" in each["excluded"] for each in chats)


def test_a_retired_model_has_the_prices_of_its_successor(cogo: Program) -> None:
    shown = cogo.run("models", "prices", "Claude 3.5 Sonnet")

    assert "Claude Sonnet 5.5 replaces it" in shown
    assert cogo.json("models", "prices", "Claude 3.5 Sonnet", variables={}) == cogo.json(
        "models", "prices", "claude-sonnet-5-5", variables={}
    )


def test_models_that_rank_are_listed_shown_and_priced(cogo: Program) -> None:
    name = "cohere/rerank-v4.0-pro"

    [row] = [each for each in cogo.json("models", "--all", variables={}) if each["id"] == name]
    shown = cogo.json("models", "show", "rerank-v4.0-pro", variables={})
    [price] = cogo.json("models", "prices", name, variables={})

    assert (row["kind"], row["usd_per_search"], row["served_by"]) == ("rerank", 0.0025, None)
    assert shown["asked_id"] == name
    assert (price["model"], price["usd_per_search"]) == (name, 0.0025)
    assert "$0.0025 a search" in cogo.run("models", "prices", name)
    assert "(ranking, $0.0025 a search)" in cogo.run("models", "--all")


def test_models_of_vectors_are_listed_shown_and_priced(cogo: Program) -> None:
    opened = {"OPENAI_API_KEY": "a-key"}
    small = "text-embedding-3-small"

    listed = cogo.run("models", variables=opened)
    known = {each["id"]: each for each in cogo.json("models", variables=opened)}
    every = {each["id"] for each in cogo.json("models", "--all", variables={})}
    shown = cogo.json("models", "show", f"openai/{small}", variables=opened)
    [price] = cogo.json("models", "prices", small, variables={})

    [row] = (line.split() for line in listed.splitlines() if line.startswith(small))
    assert (row[1:3], row[-1]) == (["OpenAI", "here"], "(embeddings)")
    assert (known[small]["kind"], known[small]["dimensions"]) == ("embedding", 1536)
    assert known["gpt-4o"]["kind"] == "chat"
    assert {small, "mistral/mistral-embed", "claude-sonnet-5-5"} <= every
    assert shown["id"] == small
    assert shown["usd_per_million"] == price["usd_per_million"]
    assert float(price["usd_per_million"]["input"]) > 0


def test_a_name_shows_its_successor_parameters_and_where_to_get_a_key(cogo: Program) -> None:
    shown = cogo.run("models", "show", "Claude 3.5 Sonnet")

    assert "Claude Sonnet 5.5 replaces it" in shown
    assert "temperature no" in shown
    assert "ANTHROPIC_API_KEY" in shown
    assert "https://platform.claude.com" in shown


def test_an_unknown_name_suggests_the_nearest(cogo: Program) -> None:
    for command in ("show", "prices", "test"):
        said = cogo.run("models", command, "claude-sonet-5-5", code=2)
        assert "did you mean claude-sonnet-5-5" in said
        assert "unexpected" not in said
    assert "the providers are anthropic" in cogo.run("models", "discover", "nobody", code=2)
    assert "unknown model '0'; `cogo models --all`" in cogo.run("models", "show", "0", code=2)


def test_the_integrations_run_against_the_simulator_without_keys_and_report_it(
    tmp_path: Path,
) -> None:
    script = str(ROOT / "scripts" / "test-integrations")
    nothing = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env=nothing | {"COGO_ENV_FILE": str(tmp_path / "no.env")},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "SIMULATED" in done.stdout
    assert "19 providers, 0 with failures" in done.stdout


@pytest.fixture
def llama(tmp_path: Path) -> Iterator[ModelServer]:
    with run_model_server() as server:
        path = tmp_path / "cogo.toml"
        path.write_text(
            path.read_text().replace(
                "[providers.llamacpp]\nports = []", f"[providers.llamacpp]\nports = [{server.port}]"
            )
        )
        server.list_models("/models/phi-4-Q4_K_M.gguf", owner="llamacpp")
        server.answers["/props"] = {
            "default_generation_settings": {"n_ctx": 2_048},
            "chat_template": "no place for them",
            "model_ftype": "Q4_K_M\x1b[31m",
        }
        yield server


def until_found(cogo: Program, *arguments: str) -> str:
    """Run a command until it has seen the server, which has little time to answer."""
    answers = (cogo.run(*arguments) for _ in range(20))
    return next(said for said in answers if "here" in said)


def test_what_a_model_server_tells_is_shown_with_its_source(
    cogo: Program, llama: ModelServer
) -> None:
    listed = until_found(cogo, "models")
    shown = until_found(cogo, "models", "show", "llamacpp/phi-4-Q4_K_M")
    [described] = json.loads(until_found(cogo, "models", "--json"))

    assert "llamacpp/phi-4-Q4_K_M" in listed
    assert "as text" in listed
    assert "/models/" not in listed
    facts = {line[:18].strip(): line[18:] for line in shown.splitlines()}
    assert facts["context_window"] == "2048 (its server)"
    assert facts["tools"] == "as text (its server)"
    assert facts["license"] == "MIT (COGO's table)"
    assert facts["own_id"] == "/models/phi-4-Q4_K_M.gguf"
    assert "\x1b" not in shown
    known = described["open_model"]
    assert known["facts"]["tool_mode"] == {"value": "text", "source": "probe"}
    assert known["facts"]["parameters"] == {"value": 14.7, "source": "table"}
    assert known["measured"] is None
