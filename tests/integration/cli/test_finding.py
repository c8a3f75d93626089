"""`cogo tasks`: lists by filters, and commands for many tasks."""

import asyncio
import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from embedded.state import State
from protocol.lifecycle import TaskState
from protocol.records import EVERYTHING, NewTask, Task
from protocol.transport.supabase_store import open_store
from tests.integration.cli.conftest import Say
from tests.support.servers.command_line import environment


def fill(server: State, count: int, **fields: Any) -> list[str]:
    """Insert tasks; return their ids."""

    async def insert() -> list[str]:
        async with open_store(server.url, server.secret_key) as store:
            given = [{"type": "CHAT", "prompt": f"sort {n}"} | fields for n in range(count)]
            new = [NewTask(**each) for each in given]
            return [str((await store.submit_task(each)).id) for each in new]

    return asyncio.run(insert())


def read(server: State) -> list[Task]:
    """Return all tasks."""

    async def find() -> list[Task]:
        async with open_store(server.url, server.secret_key) as store:
            return (await store.find_tasks(limit=1_000, visible=EVERYTHING)).tasks

    return asyncio.run(find())


def listed(cogo: Say, *options: str) -> list[str]:
    code, out, err = cogo("tasks", *options, "--json")
    assert code == 0, err
    return [each["prompt"] for each in json.loads(out)]


def test_pages_go_back_to_newer_tasks(cogo: Say, project: State) -> None:
    fill(project, 5)
    seqs = [each.seq for each in reversed(read(project))]

    code, _, err = cogo("tasks", "--after", str(seqs[0]), "--limit", "2")
    both = cogo("tasks", "--after", "1", "--before", "2")

    assert (code, f"--after {seqs[2]} shows newer ones" in err) == (0, True)
    assert listed(cogo, "--after", str(seqs[0]), "--limit", "2") == ["sort 2", "sort 1"]
    assert listed(cogo, "--after", str(seqs[2]), "--limit", "9") == ["sort 4", "sort 3"]
    assert listed(cogo, "--after", "0", "--all") == [f"sort {n}" for n in (4, 3, 2, 1, 0)]
    assert both[0] == 2
    assert "not both" in both[2]


def test_filters_choose_what_is_listed(cogo: Say, project: State) -> None:
    fill(project, 2, project="web", tags=["a", "b"], model="model-q")
    fill(project, 1, type="OTHER", tags=["a"])

    assert listed(cogo) == ["sort 0", "sort 1", "sort 0"]
    assert listed(cogo, "--project", "web") == ["sort 1", "sort 0"]
    assert listed(cogo, "list", "--project", "none") == ["sort 0"]
    assert listed(cogo, "--tag", "a", "--tag", "b", "--limit", "1") == ["sort 1"]
    assert listed(cogo, "--type", "OTHER", "--type", "CHAT", "--model", "model-q") == [
        "sort 1",
        "sort 0",
    ]
    assert listed(cogo, "--search", "sorting -1", "--type", "CHAT") == ["sort 0"]
    assert listed(cogo, "--status", "failed", "--status", "completed") == []
    assert listed(cogo, "--owner", "none", "--since", "2h", "--until", "2999-01-01") != []
    assert listed(cogo, "--until", "yesterday") == []
    assert listed(cogo, "--since", "today", "--min-cost", "0.01") == []
    assert listed(cogo, "--max-cost", "$1", "--dead") == listed(cogo, "--asking") == []


def test_pages_follow_each_other(cogo: Say, project: State) -> None:
    fill(project, 5)
    found: list[str] = []
    before: list[str] = []
    for _ in range(10):
        code, out, err = cogo("tasks", "list", "--limit", "2", "--json", *before)
        assert code == 0
        found += [each["prompt"] for each in json.loads(out)]
        if "--before" not in err:
            break
        before = ["--before", err.split("--before ")[1].split()[0]]

    assert found == [f"sort {number}" for number in (4, 3, 2, 1, 0)]
    assert len(listed(cogo, "--all", "--limit", "1")) == 5
    code, out, _ = cogo("tasks", "--type", "NONE")
    assert (code, out) == (0, "no task is like that\n")


@pytest.mark.parametrize(
    "options",
    [
        ["--since", "soon"],
        ["--until", "tomorrow-ish"],
        ["--min-cost", "much"],
        ["--owner", "me"],
        ["--status", "lost"],
        ["--before", "0"],
        ["--search", "x" * 501],
        ["--type", "x" * 256],
    ],
)
def test_wrong_filters_are_wrong_usage(cogo: Say, options: list[str]) -> None:
    for command in ("list", "cancel"):
        if command == "list" or options[0] != "--before":
            code, out, err = cogo("tasks", command, *options)
            assert (code, out) == (2, ""), err


def test_several_tasks_are_changed_by_name(cogo: Say, project: State) -> None:
    first, second, third = fill(project, 3)

    code, out, err = cogo("tasks", "hold", first, second[:13])
    assert (code, out, err) == (0, "2 tasks paused\n", "")
    code, out, err = cogo("tasks", "cancel", first, second, "--dry-run")
    assert (code, out) == (0, "2 tasks would be cancelled\n")
    code, out, err = cogo("resume", first, second, third)
    assert (code, out) == (1, "2 tasks resumed\n")
    assert err == f"1 task skipped ({third[:8]}): it is pending\n"
    code, out, err = cogo("tasks", "cancel", first, "last", "--reason", "enough", "--json")
    report = json.loads(out)
    assert (code, set(report["done"]), report["left"]) == (0, {first, third}, 0)
    statuses = {str(each.id): each.status for each in read(project)}
    assert statuses == {
        first: TaskState.CANCELLED,
        second: TaskState.PENDING,
        third: TaskState.CANCELLED,
    }


def test_filters_need_a_yes_where_nobody_can_be_asked(cogo: Say, project: State) -> None:
    fill(project, 3, project="web")
    fill(project, 1)

    code, out, err = cogo("tasks", "cancel", "--project", "web")
    assert (code, out) == (1, "")
    assert "Cancel 3 tasks?" in err
    assert "--yes" in err
    code, out, _ = cogo("tasks", "cancel", "--project", "web", "--dry-run")
    assert (code, out) == (0, "3 tasks would be cancelled\n")
    assert {each.status for each in read(project)} == {TaskState.PENDING}
    code, out, _ = cogo("tasks", "cancel", "--project", "web", "--yes")
    assert (code, out) == (0, "3 tasks cancelled\n")
    code, out, _ = cogo("tasks", "cancel", "--project", "web", "--yes")
    assert (code, out) == (0, "0 tasks cancelled\n")
    code, out, _ = cogo("tasks", "retry", "--project", "web", "--yes")
    assert (code, out) == (0, "0 tasks retried\n")
    assert [each.prompt for each in read(project) if not each.status.is_final] == ["sort 0"]


@pytest.mark.parametrize("command", ["cancel", "retry", "hold", "resume", "approve"])
def test_nothing_is_done_without_a_choice(cogo: Say, command: str) -> None:
    for options in ([], ["--search", " "], ["--children"], ["last", "--type", "CHAT"]):
        code, out, err = cogo("tasks", command, *options, "--yes")
        assert (code, out) == (2, ""), err


def test_ctrl_c_says_what_was_done(project: State, tmp_path: Path) -> None:
    fill(project, 400)
    with _start(
        ["tasks", "cancel", "--type", "CHAT", "--yes", "--json"], project, tmp_path
    ) as child:
        while sum(each.status.is_final for each in read(project)) < 8:
            assert child.poll() is None
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)

    report = json.loads(out)
    cancelled = {str(each.id) for each in read(project) if each.status.is_final}
    assert set(report["done"]) == cancelled, err
    assert len(cancelled) + report["left"] == 400
    assert child.returncode == (130 if report["left"] else 0)


def test_a_person_is_asked_and_sees_how_far_it_is(project: State, tmp_path: Path) -> None:
    fill(project, 30)
    terminal, end = pty.openpty()
    try:
        with _start(["tasks", "cancel", "--type", "CHAT"], project, tmp_path, end=end) as child:
            os.close(end)
            end = -1
            asked = _read_until(terminal, b"[y/N]")
            os.write(terminal, b"y\n")
            shown = _read_until(terminal, b"30 tasks cancelled")
            assert child.wait(60) == 0
    finally:
        for each in (terminal, end):
            if each >= 0:
                os.close(each)

    assert b"Cancel 30 tasks?" in asked
    assert b"30 of 30" in shown
    assert {each.status for each in read(project)} == {TaskState.CANCELLED}


def test_a_list_fits_a_terminal_of_80_columns(project: State, tmp_path: Path) -> None:
    fill(project, 3, prompt="sort a list of unicorns " * 20, model="a-model-with-a-long-name")
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    try:
        with _start(["tasks", "--limit", "2"], project, tmp_path, end=end) as child:
            shown = _read_until(terminal, b"--all)")
            assert child.wait(60) == 0
    finally:
        os.close(terminal)
        os.close(end)
    lines = shown.decode().replace("\r", "").splitlines()

    assert max(map(len, lines)) <= 80
    assert lines[0].split()[:3] == ["TASK", "STATUS", "AGE"]
    assert lines[0].split()[-1] == "PROMPT"
    assert "pending" in lines[1]
    assert "--before" in "".join(lines)


def _start(
    arguments: Iterable[str], project: State, home: Path, *, end: int | None = None
) -> "subprocess.Popen[str]":
    """Start a command, on a terminal if there is one."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "cogo", *arguments],
        stdin=subprocess.DEVNULL if end is None else end,
        stdout=subprocess.PIPE if end is None else end,
        stderr=subprocess.PIPE if end is None else end,
        text=True,
        cwd=home,
        env=environment(
            home,
            SUPABASE_URL=project.url,
            SUPABASE_SECRET_KEY=project.secret_key,
            TERM="xterm",
            COLUMNS="80",
        ),
        start_new_session=True,
    )


def _read_until(terminal: int, words: bytes) -> bytes:
    """Return what a terminal shows up to some words."""
    shown, ends = b"", time.monotonic() + 60
    while words not in shown:
        assert time.monotonic() < ends, shown
        if select.select([terminal], [], [], 1)[0]:
            shown += os.read(terminal, 65_536)
    return shown
