import ast
import importlib
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "scripts"
PROGRAMS = {
    path.name: text
    for path in sorted(SCRIPTS.iterdir())
    if path.is_file()
    and not path.suffix
    and "python" in (text := path.read_text("utf-8")).partition("\n")[0]
}
NOT_DEPENDED_ON = {"numpy"}
"""Packages without which a script explains what to install."""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a checkout without .venv, whose directory has a space and a quote in its name."""
    clone = tmp_path / "it's new"
    shutil.copytree(SCRIPTS, clone / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("benchmarks", "tests"):
        (clone / name).symlink_to(ROOT / name)
    return clone


def run_program(path: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a script with a Python that has no packages."""
    python = Path(sys.executable).resolve()
    return subprocess.run(
        [python, "-S", "-B", path, *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "name", ["attack", "bench", "catalogue-check", "chaos", "mutate", "train-kinds"]
)
def test_a_script_explains_itself(name: str) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPTS / name, "--help"], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert f"scripts/{name}" in done.stdout


@pytest.mark.parametrize("name", PROGRAMS)
def test_help_needs_no_packages_and_installs_none(clone: Path, name: str) -> None:
    done = run_program(clone / "scripts" / name, "--help")

    assert (done.returncode, done.stderr) == (0, "")
    first = (ast.get_docstring(ast.parse(PROGRAMS[name])) or "").split(".")[0]
    assert " ".join(first.split()) in " ".join(done.stdout.split())
    assert not (clone / ".venv").exists()


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_script_ends_as_a_setup_that_fails(clone: Path, name: str) -> None:
    (clone / "scripts/setup").write_text('#!/bin/sh\necho "no network: $*" >&2\nexit 69\n')

    done = run_program(clone / "scripts" / name)

    assert (done.returncode, done.stderr) == (69, "no network: --dev\n")


def test_the_launcher_names_a_command_to_paste_if_nothing_is_installed(clone: Path) -> None:
    done = subprocess.run(
        [clone / "scripts" / "cogo", "tasks"], capture_output=True, text=True, check=False
    )

    command = done.stderr.partition("run once: ")[2]
    assert done.returncode == 69
    assert shlex.split(command) == [str(clone / "scripts" / "setup")]


def test_modules_that_scripts_import_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    """Type checkers read only files that end in `.py`."""
    monkeypatch.syspath_prepend(SCRIPTS)
    imports = [
        (node.module, name.name)
        for source in PROGRAMS.values()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.module
        for name in node.names
    ]
    missing = [f"{module}.{name}" for module, name in imports if not _can_import(module, name)]

    assert len(PROGRAMS) > 8
    assert missing == []


def _can_import(module: str, name: str) -> bool:
    """Return whether a module has a name, or needs what is installed for its script only."""
    try:
        return hasattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        return error.name in NOT_DEPENDED_ON
