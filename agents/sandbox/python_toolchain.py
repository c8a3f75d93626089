"""The folder that checks of Python read: pytest, what it requires, and our harness."""

import hashlib
import importlib.metadata
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from agents.sandbox import harness
from agents.sandbox.languages.python import PythonToolchain

DISTRIBUTIONS: Final = ("pytest", "pluggy", "iniconfig", "packaging", "pygments")
_HARNESS: Final = Path(harness.__file__).parent


class ToolchainMissing(Exception):
    """The tools for a language are not installed."""


def find_python_toolchain(cache: Path) -> PythonToolchain:
    """Return the toolchain of this version; `build_python_toolchain` makes its folder.

    Raises ToolchainMissing if pytest is not installed.
    """
    folder = cache / f"python-{_compute_version(_find_distributions())}"
    prefixes = {Path(sys.base_prefix).resolve(), Path(sys.base_exec_prefix).resolve()}
    return PythonToolchain(Path(sys.executable).resolve(), folder, tuple(sorted(prefixes)))


def build_python_toolchain(cache: Path) -> PythonToolchain:
    """Return the toolchain, copied into `cache` if it is not there in this version.

    It holds nothing else of this installation: neither COGO nor other packages.
    Raises ToolchainMissing if pytest is not installed, or cannot be run.
    """
    toolchain = find_python_toolchain(cache)
    if not toolchain.folder.is_dir():
        interpreter = toolchain.interpreter
        try:
            _build(_find_distributions(), toolchain.folder, interpreter)
        except subprocess.SubprocessError as error:
            raise ToolchainMissing(f"{interpreter} cannot run pytest: {error}") from error
    return toolchain


def _find_distributions() -> list[importlib.metadata.Distribution]:
    try:
        return [importlib.metadata.distribution(name) for name in DISTRIBUTIONS]
    except importlib.metadata.PackageNotFoundError as error:
        raise ToolchainMissing(f"{error.name} is not installed beside COGO") from error


def _compute_version(found: list[importlib.metadata.Distribution]) -> str:
    digest = hashlib.sha256(sys.version.encode())
    for each in found:
        digest.update(f"{each.name}=={each.version}\n".encode())
    for path in sorted(_HARNESS.glob("*.*")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _build(found: list[importlib.metadata.Distribution], folder: Path, interpreter: Path) -> None:
    """Copy everything beside `folder` and rename it, so that it is complete or absent."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".building-") as temporary:
        new = Path(temporary) / "toolchain"
        for distribution in found:
            _copy_distribution(distribution, new)
        target = new / "agents/sandbox/harness"
        target.mkdir(parents=True)
        for path in _HARNESS.glob("*.*"):
            shutil.copyfile(path, target / path.name)
        for package in (new / "agents", new / "agents/sandbox"):
            (package / "__init__.py").touch()
        _write_programs(new / "bin", folder, interpreter)
        # What a run imports is compiled now, because the folder is read-only for it.
        command = [str(interpreter), "-I", "-S", "-c", _WARM_UP, str(new)]
        # Its output is dropped: agents write JSON to theirs.
        subprocess.run(  # noqa: S603
            command, check=True, timeout=120, env={}, cwd=new, capture_output=True
        )
        _make_readable(new)
        with suppress(OSError):  # another process was faster
            new.rename(folder)


_WARM_UP: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "import unittest, pytest, agents.sandbox.harness.run_node, agents.sandbox.harness.run_pytest; "
    "pytest.main(['-q', '--co', '-p', 'no:cacheprovider', '-c', '/dev/null', '--rootdir=/', "
    "sys.argv[1] + '/iniconfig'])"
)


def _write_programs(target: Path, folder: Path, interpreter: Path) -> None:
    """Write `python` and `pytest` for commands. They see the folder, and no other packages."""
    target.mkdir()
    python = f"PYTHONPATH={shlex.quote(str(folder))}${{PYTHONPATH:+:$PYTHONPATH}} exec "
    python += f"{shlex.quote(str(interpreter))} -S"
    programs = {"python": "", "python3": "", "pytest": " -m pytest -p no:cacheprovider"}
    for name, arguments in programs.items():
        (target / name).write_text(f'#!/bin/sh\n{python}{arguments} "$@"\n', encoding="utf-8")


def _copy_distribution(distribution: importlib.metadata.Distribution, new: Path) -> None:
    for file in distribution.files or ():
        if file.suffix != ".py" or ".." in file.parts:
            continue
        source = Path(str(distribution.locate_file(file)))
        target = new / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _make_readable(folder: Path) -> None:
    """Make the folder readable for the account of a sandbox, and writable only for its owner."""
    for root, _, names in os.walk(folder):
        Path(root).chmod(0o755)
        for name in names:
            (Path(root) / name).chmod(0o755 if Path(root).name == "bin" else 0o644)
