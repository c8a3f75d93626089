"""`cogo sandbox`: reports and exit codes without a server."""

import json
from pathlib import Path

import pytest

from agents.sandbox.choice import open_sandbox
from tests.support.servers.command_line import cogo

CODE = "def add(a, b):\n    return a + b\n"
TESTS = "def test_add():\n    assert add(1, 2) == 3\n"


@pytest.fixture
async def home(tmp_path: Path) -> Path:
    if await open_sandbox() is None:
        pytest.skip("no sandbox works on this machine: user namespaces are not available")
    (tmp_path / "good.py").write_text(CODE)
    (tmp_path / "bad.py").write_text(CODE.replace("+", "-"))
    (tmp_path / "test_add.py").write_text(TESTS)
    return tmp_path


def test_code_is_run_with_its_tests(home: Path) -> None:
    good = cogo("sandbox", "run", "good.py", "--test", "test_add.py", home=home)
    bad = cogo("sandbox", "run", "bad.py", "--test", "test_add.py", "--json", home=home)
    stub = cogo("sandbox", "run", "good.py", "--test", "test_add.py", "--stub", home=home)
    none = cogo("sandbox", "run", "good.py", home=home)

    assert (good.returncode, bad.returncode, stub.returncode, none.returncode) == (0, 1, 1, 5)
    assert good.stdout.startswith("passed 1 of 1\n")
    report = json.loads(bad.stdout)
    assert (report["verdict"], report["failures"][0]["test"]) == ("failed", "test_add.py::test_add")
    assert "None" in stub.stdout
    assert none.stdout.startswith("no tests: no tests were found\n")


def test_a_command_is_judged_by_its_exit_code(home: Path) -> None:
    ended = cogo("sandbox", "run", "good.py", "--command", "grep -q 'a - b' good.py", home=home)

    assert ended.returncode == 1
    assert "Only the exit code of the command was judged." in ended.stdout


def test_a_file_without_an_ending_is_known_by_its_first_line(home: Path) -> None:
    (home / "script").write_text("#!/usr/bin/env -S python3.12 -u\nassert 1 == 1\n")
    (home / "text").write_text("assert 1 == 1\n")

    script = cogo("sandbox", "run", "script", "--json", home=home)
    text = cogo("sandbox", "run", "text", home=home)
    wrong = cogo("sandbox", "run", "good.py", "--no-such-option", home=home)

    assert json.loads(script.stdout)["language"] == "python"
    assert (text.returncode, wrong.returncode) == (2, 2)
    assert "--language" in text.stderr


def test_the_status_names_what_can_be_run(home: Path) -> None:
    status = json.loads(cogo("sandbox", "status", "--json", home=home).stdout)
    off = cogo("sandbox", "status", home=home, COGO_SANDBOX="off")
    refused = cogo("sandbox", "run", "good.py", "--json", home=home, COGO_SANDBOX="off")

    assert {"sandbox:python", "sandbox:command"} <= set(status["lanes"])
    assert off.returncode == 1
    assert refused.returncode == 5
    assert json.loads(refused.stdout)["verdict"] == "unavailable"


def test_nothing_is_downloaded_without_a_word(tmp_path: Path) -> None:
    ended = cogo("sandbox", "install", "node", home=tmp_path)

    assert ended.returncode != 0
    assert "confirm with --yes" in ended.stderr
