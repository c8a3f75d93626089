"""Fixtures: repositories of real git."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from cogo.repository import Changes, Repository


@dataclass(frozen=True)
class Sandbox:
    """A repository to test with, and what it says afterwards."""

    path: Path

    def git(self, *arguments: str, given: bytes = b"") -> str:
        """Run git as a person does; return what it printed."""
        done = subprocess.run(
            ["git", *arguments], cwd=self.path, input=given, capture_output=True, check=True
        )
        return done.stdout.decode().rstrip("\n")

    def write(self, path: str, content: str | bytes, *, executable: bool = False) -> None:
        """Write a file of the working tree."""
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        file.chmod(0o755 if executable else 0o644)

    def commit(self, files: Mapping[str, str | bytes] | None = None) -> str:
        """Write files, commit everything and return the commit."""
        for path, content in (files or {}).items():
            self.write(path, content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "by hand")
        return self.git("rev-parse", "HEAD")

    def read(self, revision: str, path: str) -> bytes:
        """Return a file of a commit as it is stored."""
        command = ["git", "cat-file", "blob", f"{revision}:{path}"]
        return subprocess.run(command, cwd=self.path, capture_output=True, check=True).stdout

    def snapshot(self) -> tuple[str, bytes, dict[str, bytes]]:
        """Return what must not change: the status, the index and the working tree."""
        files = {
            str(file.relative_to(self.path)): file.read_bytes()
            for file in self.path.rglob("*")
            if file.is_file() and ".git" not in file.relative_to(self.path).parts
        }
        index = self.path / ".git" / "index"
        return self.git("status", "--porcelain"), index.read_bytes(), files

    @property
    def repository(self) -> Repository:
        """The repository as the product opens it."""
        return Repository.open(self.path)


@pytest.fixture(autouse=True)
def _no_configuration_of_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "gitconfig"
    file.write_text(
        "[user]\n name = Ada\n email = ada@example.org\n[init]\n defaultBranch = main\n"
    )
    for name in [each for each in os.environ if each.startswith("GIT_")]:  # noqa: TID251
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(file))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    """Return a repository with one commit on main."""
    made = Sandbox(tmp_path / "a repo: ünïcode")
    made.path.mkdir()
    made.git("init", "--quiet")
    made.commit({"README.md": "hello\n", "src/old.py": "def old():\n    return 1\n"})
    return made


def build_changes(files: Mapping[str, str], *, seen: Mapping[str, str] | None = None) -> Changes:
    """Return changes whose tests passed."""
    return Changes(files=files, seen=seen or {}, branch=None, status="verified")
