"""The state file of a server."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from embedded.state import FILE_NAME, State, is_alive, mark_stopped, read_state, write_state


def a_state(*, pid: int | None = os.getpid()) -> State:
    return State(
        url="http://127.0.0.1:1",
        db_url="postgresql://postgres:hidden@127.0.0.1:2/postgres",
        publishable_key="sb_publishable_a",
        secret_key="sb_secret_a",
        anon_key="anon",
        service_role_key="service",
        pid=pid,
        started_at="2026-11-21T00:00:00+00:00",
        version="18.4",
    )


def test_a_written_state_is_read_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    write_state(tmp_path, a_state())

    assert read_state(tmp_path) == a_state()
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_the_server_of_a_directory_is_not_that_of_its_copy(tmp_path: Path) -> None:
    origin, copy, moved = (tmp_path / name for name in ("origin", "copy", "moved"))
    origin.mkdir()
    write_state(origin, a_state())

    shutil.copytree(origin, copy)
    origin.rename(moved)

    assert read_state(copy) == a_state(pid=None)
    assert read_state(moved) == a_state()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"url": 1}', "\udcff"])
def test_an_invalid_file_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_bytes(text.encode("utf-8", "surrogateescape"))

    assert read_state(tmp_path) is None


def test_no_file_or_no_directory_is_none(tmp_path: Path) -> None:
    assert read_state(tmp_path) is None
    assert read_state(tmp_path / "absent") is None


def test_a_stop_keeps_the_address_and_removes_the_pid(tmp_path: Path) -> None:
    write_state(tmp_path, a_state())

    mark_stopped(tmp_path)

    assert read_state(tmp_path) == a_state(pid=None)


def test_a_stopped_server_is_not_alive() -> None:
    assert not is_alive(a_state(pid=None))


def test_a_process_that_does_not_answer_is_not_alive() -> None:
    assert not is_alive(a_state(pid=os.getpid()))


def test_secrets_are_not_in_the_repr() -> None:
    assert "sb_secret_a" not in repr(a_state())
    assert "hidden" not in repr(a_state())
