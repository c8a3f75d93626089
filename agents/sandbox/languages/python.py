"""Checks of Python: pytest, unittest, assertions, and `check(candidate)`."""

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from agents.sandbox.check import CheckParams, encode_files
from agents.sandbox.job import Job, Outcome, RunLimits
from agents.sandbox.languages.harness_report import MANIFEST, NONCE_FILE, read_harness_report
from agents.sandbox.report import Report

TEST_FILE: Final = "test_solution.py"

_FOREIGN: Final = frozenset(
    {"conftest.py", "sitecustomize.py", "usercustomize.py", "pytest.ini", ".pytest.ini", "tox.ini"}
)
"""Files that would change how tests run. Those of the tested code are left out."""


@dataclass(frozen=True, slots=True)
class PythonToolchain:
    """An interpreter, and a folder with pytest and the program that runs it."""

    interpreter: Path
    folder: Path
    readable: tuple[Path, ...]


def build_python_job(
    params: CheckParams, toolchain: PythonToolchain, *, limits: RunLimits, secret: str
) -> Job:
    """Return the job that runs the tests of `params`; only the harness learns `secret`."""
    tests = list_test_files(params)
    files = {
        path: text
        for path, text in params.files.items()
        if path not in tests and PurePosixPath(path).name not in _FOREIGN
    }
    manifest = {
        "sources": sorted(path for path in files if path.endswith(".py")),
        "tests": [path for path in tests if path.endswith(".py")],
        "is_stub": params.against == "stub",
        "entry_point": params.entry_point,
    }
    program = toolchain.folder / "agents/sandbox/harness/run_python.py"
    return Job(
        files={
            **encode_files(files | tests),
            MANIFEST: json.dumps(manifest).encode(),
            NONCE_FILE: secret.encode(),
        },
        command=[str(toolchain.interpreter), "-I", "-S", "-B", str(program)],
        limits=limits,
        environment={"PYTHONHASHSEED": "0"},
        readable=(toolchain.folder, *toolchain.readable),
    )


def list_test_files(params: CheckParams) -> dict[str, str]:
    """Return the files of the tests by path."""
    if isinstance(params.tests, str):
        return {TEST_FILE: params.tests} if params.tests.strip() else {}
    return params.tests or {}


def read_python_report(
    outcome: Outcome, params: CheckParams, *, limits: RunLimits, secret: str
) -> Report:
    """Return the report on the tests of `params`."""
    return read_harness_report(
        outcome, language="python", command="python -m pytest", limits=limits, secret=secret
    )
