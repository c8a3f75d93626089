"""The pure parts of the sandbox: what is kept of output, what is shown, which paths are taken."""

import os
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.sandbox.isolation.directory import split_path
from agents.sandbox.isolation.output import CUT, KeptOutput
from agents.sandbox.isolation.uids import FIRST_UID, RUNS_AT_ONCE, find_agent, hold_uid
from agents.sandbox.isolation.view import (
    BASE_ENVIRONMENT,
    STORAGE,
    build_account_files,
    build_environment,
    set_environment,
    show_readable,
    show_storage,
)
from agents.sandbox.job import InvalidJob, Job, RunLimits, check_job

LARGEST_UID: Final = 2**31 - 1


@given(parts=st.lists(st.binary(max_size=20)), limit=st.integers(2, 40))
def test_output_keeps_its_beginning_and_its_end(parts: list[bytes], limit: int) -> None:
    kept, whole = KeptOutput(limit), b"".join(parts)
    for part in parts:
        kept.add(part)

    if len(whole) <= limit:
        assert kept.join() == whole
    else:
        head, _, tail = kept.join().partition(CUT)
        assert whole.startswith(head)
        assert whole.endswith(tail)
        assert len(head) + len(tail) == limit


def test_paths_of_files_stay_in_their_directory() -> None:
    assert split_path("a/./b//c.py") == ("a", "b", "c.py")
    for path in ("", ".", "/a", "a/", "..", "a/../../b", "./", "a/" * 40 + "b"):
        with pytest.raises(InvalidJob):
            split_path(path)


def test_folders_above_what_is_shown_are_made_so_that_everybody_may_pass(tmp_path: Path) -> None:
    folder = tmp_path / "tools"
    folder.mkdir()

    arguments = show_readable([folder, folder])

    assert arguments[-3:] == ["--ro-bind", str(folder), str(folder)]
    assert arguments.count("--ro-bind") == 1
    modes = [arguments[at + 1] for at, each in enumerate(arguments) if each == "--perms"]
    assert set(modes) == {"0755"}
    assert str(tmp_path) in arguments


def test_what_the_system_shows_is_not_shown_again() -> None:
    assert show_readable([Path("/usr/bin")]) == []


@pytest.mark.parametrize(
    "path", ["/", "/proc", "/etc", "/home", "/root", "a", "/usr/../etc", STORAGE + "/job", "/none"]
)
def test_too_much_is_never_shown(path: str) -> None:
    with pytest.raises(InvalidJob):
        show_readable([Path(path)])


def test_everything_that_can_be_written_has_a_size() -> None:
    arguments = show_storage(Job(command=["true"], limits=RunLimits(disk_mb=3)))

    written = [at for at, each in enumerate(arguments) if each == "--tmpfs"]
    assert {arguments[at + 1] for at in written} == {"/dev/shm", STORAGE}  # noqa: S108
    assert {tuple(arguments[at - 2 : at]) for at in written} == {("--size", str(3 << 20))}


def test_the_environment_is_what_the_job_names() -> None:
    environment = build_environment(Job(command=["true"], environment={"A": "1", "PATH": "/x"}))

    assert environment == BASE_ENVIRONMENT | {"A": "1", "PATH": "/x"}
    assert set_environment({"A": "1"}) == ["--clearenv", "--setenv", "A", "1"]


def test_the_accounts_hold_one_user_who_is_not_root() -> None:
    accounts = build_account_files(1000)["/etc/passwd"].splitlines()

    assert [line.split(":")[2] for line in accounts] == ["1000"]


def test_runs_at_once_have_users_of_their_own() -> None:
    with hold_uid() as first, hold_uid() as second:
        assert first != second
        assert {first // RUNS_AT_ONCE, second // RUNS_AT_ONCE} == {first // RUNS_AT_ONCE}
        assert FIRST_UID <= min(first, second) <= max(first, second) <= LARGEST_UID
        assert {find_agent(first), find_agent(second)} == {os.getpid()}
    assert find_agent(os.getuid()) is None


@pytest.mark.parametrize("text", ["\0", "\ud800"])
def test_text_that_no_program_can_be_given_is_refused(text: str) -> None:
    for job in (
        Job(command=[text]),
        Job(command=["true"], files={text: b""}),
        Job(command=["true"], environment={"A": text}),
    ):
        with pytest.raises(InvalidJob):
            check_job(job)


@pytest.mark.parametrize("limits", [RunLimits(disk_mb=0), RunLimits(wall_seconds=-1)])
def test_limits_leave_something(limits: RunLimits) -> None:
    with pytest.raises(InvalidJob):
        check_job(Job(command=["true"], limits=limits))


def test_a_command_has_an_end() -> None:
    with pytest.raises(InvalidJob, match="too long"):
        check_job(Job(command=["x" * 200_000]))
