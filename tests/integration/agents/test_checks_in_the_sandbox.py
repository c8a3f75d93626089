"""Checks in the real sandbox of this machine."""

import json
from pathlib import Path
from typing import Any

import pytest

from agents.sandbox.check_runner import CheckRunner
from agents.sandbox.report import Report
from tests.support.agents.checks import open_real_runner


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("toolchains")


@pytest.fixture
async def runner(folder: Path) -> CheckRunner:
    return await open_real_runner(folder)


async def _check(runner: CheckRunner, code: str, tests: str | None, **more: Any) -> Report:
    return await runner.run({"files": {"solution.py": code}, "tests": tests, **more})


async def test_python_runs_with_its_tests(runner: CheckRunner) -> None:
    report = await _check(runner, "def f(): return 1\n", "def test_f(): assert f() == 1\n")

    assert (report.verdict, report.total, report.sandbox) == ("passed", 1, runner.sandbox.name)


async def test_tested_code_sees_neither_cogo_nor_the_environment(
    runner: CheckRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    code = """
import importlib.util, os
OURS = ("cogo", "providers", "protocol", "httpx", "pydantic")
NAMES = [each for each in OURS if importlib.util.find_spec(each)]
ENVIRONMENT = sorted(os.environ.values())
"""
    tests = """
from solution import *
def test_names(): assert NAMES == []
def test_environment(): assert "sk-secret" not in str(ENVIRONMENT)
def test_files():
    import os
    assert not [each for each in os.listdir(".") if each.startswith(".cogo")]
"""

    report = await _check(runner, code, tests)

    assert report.passed, report


async def test_the_parent_process_cannot_be_read(runner: CheckRunner) -> None:
    code = """
import os
def read(name):
    try:
        with open(f"/proc/{os.getppid()}/{name}", "rb") as file:
            return file.read(10)
    except OSError as error:
        return error.errno
"""
    tests = "def test_a(): assert [read('mem'), read('environ'), read('fd/1')] == [13, 13, 13]\n"

    report = await _check(runner, code, tests)

    assert report.passed, report


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        ("while True: pass", "timeout"),
        ("x = [bytearray(1 << 20) for _ in range(2_000)]", "memory"),
        ("import os; os.kill(os.getppid(), 9)", "crashed"),
    ],
)
async def test_limits_have_their_verdicts(runner: CheckRunner, body: str, verdict: str) -> None:
    report = await _check(
        runner,
        f"def f():\n    {body}\n",
        "def test_f(): assert f() == 1\n",
        limits={"cpu_seconds": 3, "memory_mb": 200},
    )

    assert report.verdict == verdict, report


async def test_commands_find_python_and_pytest(runner: CheckRunner) -> None:
    tests = "from solution import f\ndef test_f(): assert f() == 1\n"

    good = await _check(runner, "def f(): return 1\n", tests, command="pytest -q")
    bad = await _check(runner, "def f(): return 2\n", tests, command="python -m pytest -q")

    assert (good.verdict, good.passed_tests, good.basis) == ("passed", 1, "exit_code")
    assert (bad.verdict, bad.failed_tests) == ("failed", 1)
    assert json.loads(bad.model_dump_json())["passed"] is False
