"""Clients of OpenAI's API in an environment of their own, since their versions are not ours."""

import fcntl
import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from tests.support.servers.command_line import CACHE

FOLDER: Final = Path(__file__).parent
IMAGE: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGP8z8AARAwQCgAf7gP9i18U1AAAAABJRU5E"
    "rkJggg=="
)
"""A PNG file of 73 bytes as base64."""

_INSTALL_SECONDS: Final = 600
_PROGRAM_SECONDS: Final = 600
_VARIABLES: Final = {
    "PATH": "/usr/bin:/bin",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it fetches a list of prices
    "LANGSMITH_TRACING": "false",
}


class Examples:
    """What the examples of a client have given, by name."""

    def __init__(self, results: Mapping[str, Mapping[str, Any]]) -> None:
        self.names = sorted(results)
        self._results = results

    def get(self, name: str) -> Any:
        """Return what an example gave; fail as it failed."""
        result = self._results[name]
        assert "error" not in result, result["error"]
        return result["gave"]


def install_clients() -> Path:
    """Return the Python of the environment with the clients of the lock file, made at first use."""
    lock = FOLDER / "requirements.lock"
    key = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    home = CACHE / f"clients-{key}"
    python = home / "bin" / "python"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "clients.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # two test processes
        if not (home / "complete").exists():
            shutil.rmtree(home, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
            options = ["--quiet", "--no-deps", "--require-hashes", "-r", str(lock)]
            subprocess.run(
                [*_find_installer(python), *options], timeout=_INSTALL_SECONDS, cwd="/", check=True
            )
            (home / "complete").touch()
    return python


def run_program(interpreter: Path, program: Path, *arguments: str, **variables: str) -> str:
    """Run a program of a client and give what it prints; its errors appear in the failure."""
    answer = subprocess.run(
        [interpreter, program, *arguments],
        env=_VARIABLES | variables,
        capture_output=True,
        text=True,
        timeout=_PROGRAM_SECONDS,
        check=False,
    )
    assert answer.returncode == 0, f"{program}:\n{answer.stdout}\n{answer.stderr}"
    return answer.stdout


def read_examples(printed: str) -> Examples:
    """Read what `recording.py` prints."""
    lines = [json.loads(line) for line in printed.splitlines()]
    return Examples({each.pop("name"): each for each in lines})


def start_programs(python: Path, url: str, names: tuple[str, ...]) -> dict[str, Future[str]]:
    """Start programs of the folder `programs` at once, each in a process of its own."""
    pool = ThreadPoolExecutor(len(names))
    folder = FOLDER / "programs"
    found = {
        name: pool.submit(run_program, python, folder / f"{name}.py", url, IMAGE) for name in names
    }
    pool.shutdown(wait=False)
    return found


def _find_installer(python: Path) -> list[str]:
    """Return pip; the environment of the tests has none if uv made it."""
    if importlib.util.find_spec("pip") is not None:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
        return [*pip, "install", "--no-compile"]
    found = shutil.which("uv")
    assert found is not None, "neither pip nor uv is there to install the clients"
    return [found, "pip", "install", "--python", str(python)]
