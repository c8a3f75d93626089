"""Commands in a process that is already there, on an emptied project."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cogo.cli.app import run
from embedded.state import State

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def chosen_project(project: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> State:
    """Return an emptied project, which the commands of a test use."""
    monkeypatch.setenv("SUPABASE_URL", project.url)
    monkeypatch.setenv("SUPABASE_SECRET_KEY", project.secret_key)
    monkeypatch.setenv("COGO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COGO_ENV_FILE", str(tmp_path / "no.env"))
    monkeypatch.chdir(tmp_path)
    return project


@pytest.fixture
def cogo(chosen_project: State, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run a command on an emptied project; return its exit code and what it printed."""

    def say(*arguments: str) -> tuple[int, str, str]:
        code = run([*arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return say
