"""Checks of Python without a sandbox around them, for tests of what they report."""

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.sandbox.check import parse_check
from agents.sandbox.job import RunLimits
from agents.sandbox.languages.python import (
    PythonToolchain,
    build_python_job,
    read_python_report,
)
from agents.sandbox.python_toolchain import build_python_toolchain
from agents.sandbox.report import Report
from tests.support.agents.checks import run_plain_job

SECRET = "s3cret"
Check = Callable[..., Report]

ADD = "def add(a, b):\n    return a + b\n"
WRONG = "def add(a, b):\n    return a - b\n"
TESTS = "def test_one():\n    assert add(1, 2) == 3\ndef test_two():\n    assert add(0, 0) == 0\n"


@pytest.fixture(scope="module")
def toolchain(tmp_path_factory: pytest.TempPathFactory) -> PythonToolchain:
    return build_python_toolchain(tmp_path_factory.mktemp("toolchains"))


@pytest.fixture
def check(toolchain: PythonToolchain, tmp_path: Path) -> Check:
    def run(code: str | dict[str, str], tests: Any = TESTS, **more: Any) -> Report:
        files = {"solution.py": code} if isinstance(code, str) else code
        files = {path: textwrap.dedent(text) for path, text in files.items()}
        tests = textwrap.dedent(tests) if isinstance(tests, str) else tests
        wall = more.pop("wall_seconds", 20)
        params = parse_check({"files": files, "tests": tests, **more})
        limits = RunLimits(wall_seconds=wall)
        job = build_python_job(params, toolchain, limits=limits, secret=SECRET)
        outcome = run_plain_job(job, tmp_path)
        return read_python_report(outcome, params, limits=limits, secret=SECRET)

    return run
