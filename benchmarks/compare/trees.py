"""Two trees to measure: this one as it is, and a commit in a temporary worktree."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.compare.statistics import Figure

LOCK: Final = "requirements-dev.lock"
_STOP_SECONDS: Final = 20.0


class CannotCompare(Exception):
    """The trees cannot be compared; the message says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A checkout, and the Python that runs it."""

    name: str
    folder: Path
    python: Path

    def measure(self, benchmark: str, options: Mapping[str, Any]) -> list[Figure]:
        """Run a benchmark once and return its figures; raise `CannotCompare` if it fails.

        The run has its own session: a Ctrl-C reaches it as a SIGTERM, on which it ends what it
        started.
        """
        command = [str(self.python), "-m", "benchmarks.compare.child", benchmark]
        environment = os.environ | {"PYTHONPATH": str(self.folder)}
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
            try:
                output, _ = process.communicate(json.dumps(options).encode())
            finally:
                _end(process)
            if process.returncode != 0:
                errors.seek(0)
                last = errors.read().decode(errors="replace").strip().splitlines()[-8:]
                raise CannotCompare(
                    f"{benchmark} ended with {process.returncode} on {self.name}. Both trees run "
                    "the benchmarks of this one, which may need what the base lacks. It said:\n"
                    + "\n".join(last)
                )
        return [json.loads(line) for line in output.splitlines()]


@contextlib.contextmanager
def open_base(root: Path, base: str) -> Iterator[Tree]:
    """Check a commit out into a temporary folder, with the benchmarks of this tree."""
    commit = find_commit(root, base)
    with tempfile.TemporaryDirectory(prefix="cogo-compare-") as folder:
        tree = Path(folder) / "base"
        _git(root, "worktree", "add", "--quiet", "--detach", str(tree), commit)
        try:
            shutil.rmtree(tree / "benchmarks", ignore_errors=True)
            ignored = shutil.ignore_patterns("__pycache__", "results")
            shutil.copytree(root / "benchmarks", tree / "benchmarks", ignore=ignored)
            yield Tree(name=f"base {commit[:8]}", folder=tree, python=_python_for(root, tree))
        finally:
            _git(root, "worktree", "remove", "--force", str(tree))


def find_commit(root: Path, base: str) -> str:
    """Return the full name of a commit; raise `CannotCompare` if this clone does not have it."""
    asked = ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{base}^{{commit}}"]
    try:
        found = _run_git(root, asked)
    except FileNotFoundError:
        raise CannotCompare("git is not installed, and the base is a commit of git") from None
    if found.returncode != 0:
        raise CannotCompare(
            f"{base!r} is no commit of this clone: name a branch, a tag or a commit, such as main "
            "or HEAD~1. `git fetch` gets those of others."
        )
    return found.stdout.strip()


def _python_for(root: Path, tree: Path) -> Path:
    """Return this environment's Python, or that of an own one if the base has other packages."""
    if _read(tree / LOCK) == _read(root / LOCK):
        return Path(sys.executable)
    print("installing the packages of the base, which differ from these", file=sys.stderr)
    setup = [str(tree / "scripts" / "setup"), "--dev"]
    if code := subprocess.call(setup, stdout=sys.stderr):
        raise CannotCompare(f"the packages of the base cannot be installed (setup: {code})")
    return tree / ".venv" / "bin" / "python"


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _git(root: Path, *arguments: str) -> None:
    done = _run_git(root, arguments)
    if done.returncode != 0:
        raise CannotCompare(f"git {arguments[0]} failed: {done.stderr.strip()}")


def _run_git(root: Path, arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
