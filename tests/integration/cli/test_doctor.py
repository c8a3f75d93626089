"""`cogo doctor`: reports what is missing and the command that fixes it, without secrets."""

import json
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from dotenv import dotenv_values

from cogo.cli.app import run
from cogo.config.settings import CHECKOUT
from cogo.doctor.check import CheckStatus
from cogo.doctor.supabase import check_writes
from protocol.errors import StoreUnavailable
from tests.support.agents.fake_store import FakeStore
from tests.support.servers.command_line import cogo


def test_without_a_supabase_it_reports_how_to_start_one(tmp_path: Path) -> None:
    ended = cogo("doctor", "--json", home=tmp_path)

    found = json.loads(ended.stdout)
    checks = {check["name"]: check for check in found["checks"]}
    assert (ended.returncode, found["ok"]) == (1, False)
    assert checks["supabase"]["verdict"] == "missing"
    assert checks["supabase"]["cure"] == "cogo up"
    assert checks["keys"]["verdict"] == "note"


def test_an_unreachable_project_is_missing_not_a_traceback(tmp_path: Path) -> None:
    ended = cogo(
        "doctor",
        home=tmp_path,
        SUPABASE_URL="http://127.0.0.1:1",
        SUPABASE_SECRET_KEY="sb_secret_of_nobody",
    )

    assert ended.returncode == 1
    assert "missing supabase: http://127.0.0.1:1 does not answer" in ended.stdout
    assert ended.stderr == ""


def test_keys_are_named_by_their_variables_and_never_shown(tmp_path: Path) -> None:
    ended = cogo("doctor", "--json", home=tmp_path, FIREWORKS_API_KEY="value-of-the-key")

    assert "FIREWORKS_API_KEY" in ended.stdout
    assert "value-of-the-key" not in ended.stdout + ended.stderr


def test_a_mistake_in_the_catalogue_names_file_and_entry(tmp_path: Path) -> None:
    file = tmp_path / "cogo.toml"
    file.write_text('[models."x/y"]\nname = 1\n')

    ended = cogo("doctor", "--json", home=tmp_path, COGO_CATALOGUE=str(file))

    [found] = [
        check for check in json.loads(ended.stdout)["checks"] if check["name"] == "catalogue"
    ]
    assert found["verdict"] == "missing"
    assert "cogo.toml" in found["detail"]
    assert "x/y" in found["detail"]


async def test_a_database_that_cannot_write_is_missing_although_it_answers() -> None:
    full = StoreUnavailable("cogo_check_writes: the database cannot write: No space left on device")

    found = await check_writes(FakeStore(errors={"check_writes": full}))

    assert found.status is CheckStatus.MISSING
    assert "No space left" in found.detail
    assert (await check_writes(FakeStore())).status is CheckStatus.OK


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Enter a directory without keys and without a Supabase."""
    for name in [*dotenv_values(CHECKOUT / ".env.example"), "COGO_ENV_FILE"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("NO_PROXY", "")  # so that what the program adds is taken back
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def checks(capsys: pytest.CaptureFixture[str], name: str) -> dict[str, dict[str, str]]:
    capsys.readouterr()
    run(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)["checks"]
    return {check["name"]: check for check in found if check["name"].startswith(name)}


@pytest.mark.usefixtures("here")
def test_a_variable_that_names_no_model_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEFAULT_MODEL", "nobody-has-made-this")

    found = checks(capsys, "catalogue")["catalogue"]

    assert (found["verdict"], found["cure"]) == ("missing", "correct DEFAULT_MODEL")


@pytest.mark.usefixtures("here")
def test_a_key_is_ok_only_when_its_provider_accepts_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Vendor(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_known = self.headers["authorization"] == "Bearer the-good-key-of-a-vendor"
            body = b'{"data": [{"id": "m", "object": "model"}], "object": "list"}'
            self.send_response(200 if is_known else 401)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(body if is_known else b'{"error": {"message": "no such key"}}')

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Vendor) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "the-good-key-of-a-vendor")
        monkeypatch.setenv("OPENAI_API_KEY_2", "the-bad-key-of-a-vendor")
        tried = checks(capsys, "key ")
        server.shutdown()
    offline = checks(capsys, "key ")

    assert {name: check["verdict"] for name, check in tried.items()} == {
        "key OPENAI_API_KEY": "ok",
        "key OPENAI_API_KEY_2": "missing",
    }
    assert {check["verdict"] for check in offline.values()} == {"note"}
    assert all("could not be tested" in check["detail"] for check in offline.values())
    assert "of-a-vendor" not in json.dumps([tried, offline])


def test_a_file_of_keys_that_others_or_git_can_take_is_named(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = here / ".env"
    file.write_text("SUPABASE_SECRET_KEY=sb_secret_of_nobody_but_of_a_test")
    file.chmod(0o644)
    subprocess.run(["git", "init", "-q", str(here)], check=True)
    trap = f"[core]\n\tfsmonitor = touch {here}/it-ran\n"
    (here / ".git" / "config").write_text(trap + (here / ".git" / "config").read_text())

    run(["doctor"])
    said = capsys.readouterr().out

    assert f"chmod 600 {file}" in said
    assert "git does not ignore it" in said
    assert not (here / "it-ran").exists()

    file.chmod(0o600)
    (here / ".gitignore").write_text(".env\n")
    assert checks(capsys, "env file")["env file"]["verdict"] == "ok"
