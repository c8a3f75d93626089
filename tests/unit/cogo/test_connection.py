"""How the running Supabase of a project is found."""

import os
from pathlib import Path

import pytest

from cogo.config import connection
from cogo.config.connection import find_connection
from cogo.config.context import Project
from cogo.config.lock import hold_lock, is_lock_held, is_up_running
from cogo.config.settings import Settings
from cogo.errors import NotRunning
from embedded.state import State, write_state

STATE = State(
    url="http://127.0.0.1:1",
    db_url="postgresql://postgres:hidden@127.0.0.1:2/postgres",
    publishable_key="sb_publishable_a",
    secret_key="sb_secret_a",
    anon_key="anon",
    service_role_key="service",
    pid=os.getpid(),
    started_at="2026-11-21T00:00:00+00:00",
    version="18.4",
)


class Clock:
    """A clock on which only pauses take time; the server answers at `answers_at`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, answers_at: float) -> None:
        self.now = 0.0
        monkeypatch.setattr(connection, "time", self)
        monkeypatch.setattr(connection, "is_alive", lambda _: self.now >= answers_at)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("SUPABASE_URL", raising=False)
    write_state(tmp_path, STATE)
    return Project(settings=Settings.load(tmp_path), home=tmp_path, directory=tmp_path)


def test_a_server_that_is_being_restarted_is_waited_for(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch, answers_at=1)

    with hold_lock(project.home):
        assert find_connection(project).url == STATE.url

    assert clock.now == pytest.approx(1, abs=0.2)


def test_the_wait_for_a_restart_is_short_and_its_error_does_not_say_to_start_another(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch, answers_at=3600)

    with hold_lock(project.home), pytest.raises(NotRunning, match="try again"):
        find_connection(project)

    assert 1 < clock.now < 10


def test_without_a_running_system_nothing_is_waited_for(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch, answers_at=3600)
    with hold_lock(project.home):
        pass  # its file stays

    with pytest.raises(NotRunning, match="start one with `cogo up`"):
        find_connection(project)

    assert clock.now == 0


@pytest.mark.parametrize("left_over", [None, "", "a line", str(2**22 + 1), "OWN http"])
def test_a_lock_file_without_a_holder_is_no_lock(tmp_path: Path, left_over: str | None) -> None:
    if left_over is not None:
        (tmp_path / "up.lock").write_text(left_over.replace("OWN", str(os.getpid())))

    assert not is_lock_held(tmp_path)


def test_only_a_system_that_was_ready_restarts_its_agents(tmp_path: Path) -> None:
    with hold_lock(tmp_path) as lock:
        assert is_lock_held(tmp_path)
        assert not is_up_running(tmp_path)

        lock.write_url("http://127.0.0.1:1")
        assert is_up_running(tmp_path)

    assert not is_up_running(tmp_path)
