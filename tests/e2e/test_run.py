"""`cogo run`: a verdict at the end, its exit code, and Ctrl-C once and twice."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from protocol.ids import parse_id_range
from protocol.lifecycle import TaskState
from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.tasks import ended
from tests.support.servers.command_line import environment, heed_interrupts
from tests.support.servers.system import STATE, System

pytestmark = pytest.mark.e2e

PALINDROME = "Write a Python function is_palindrome(text)"
QUICK = ("--model", "claude-haiku-5-5")
ENDLESS = f"{PALINDROME} [[fault:stall after=5]]"
RIGHT = "from solution import is_palindrome\ndef test_a():\n    assert is_palindrome('aba')\n"
WRONG = RIGHT.replace("aba", "ab")


def a_test(folder: Path, text: str) -> str:
    (folder / "test_it.py").write_text(text)
    return str(folder / "test_it.py")


def test_verified_code_ends_with_0_and_is_all_of_standard_output(
    system: System, tmp_path: Path
) -> None:
    ran = system.cogo("run", PALINDROME, "--test", a_test(tmp_path, RIGHT), "--max-usd", "0.20")

    assert ran.returncode == 0, ran.stderr
    compile(ran.stdout, "answer.py", "exec")
    for words in ("plan  ", "draft  ", "check  ", "passed 1 of 1", "verified: 1 of 1", "$0.20"):
        assert words in ran.stderr
    assert "cogo apply" in ran.stderr


def test_code_that_fails_its_tests_ends_with_1_after_a_repair(
    system: System, tmp_path: Path
) -> None:
    test = a_test(tmp_path, WRONG)

    ran = system.cogo("run", PALINDROME, "--test", test, "--json", *QUICK)

    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert ran.returncode == 1, ran.stderr
    assert [each["event"] for each in (lines[0], lines[-1])] == ["task", "result"]
    assert lines[-1]["exit_code"] == 1
    assert lines[-1]["task"]["result"]["verification"]["status"] == "failed"
    assert any(each.get("key") == "repair" for each in lines)
    failed = [each["report"] for each in lines if "report" in each]
    assert failed[0]["failures"][0]["test"] == "test_it.py::test_a"


def test_code_without_tests_is_unverified_and_ends_with_2(system: System, tmp_path: Path) -> None:
    out = tmp_path / "answer.py"
    line = ("run", PALINDROME, "--params", '{"verify": "off"}', "--out", str(out), *QUICK)

    ran = system.cogo(*line)
    accepted = system.cogo("run", "--follow", "last", "--accept", "unverified")

    assert (ran.returncode, ran.stdout) == (5, ""), ran.stderr
    assert "unverified: " in ran.stderr
    assert "def is_palindrome" in out.read_text()
    assert accepted.returncode == 0
    assert "def is_palindrome" in accepted.stdout


def test_an_answer_without_code_has_nothing_to_verify(system: System) -> None:
    ran = system.cogo("run", "Say it", "--type", "CHAT", *QUICK)

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("Simulated answer")
    assert "completed" in ran.stderr


def test_a_model_asks_a_person_and_what_it_calls_is_shown(system: System) -> None:
    prompt = 'ask_person {"question": "Which colour?"}'
    line = (prompt, "--type", "CHAT", "--tool", "cogo:ask_person", *QUICK)

    with running(system, *line) as process:
        called = read_until(process, " calls ")
        asked = read_until(process, "--answer TEXT")
        words = asked.partition("cogo approve ")[2].split()
        task, key = words[0], words[2]
        answered = system.cogo("approve", task, "--key", key, "--answer", "deep blue")
        rest = process.stderr.read() if process.stderr else ""
        assert process.wait() == 0, rest
    turns = system.cogo("show", task, "--turns").stdout
    watched = system.cogo("watch", task).stdout

    assert 'cogo:ask_person(question="Which colour?"), turn 1' in called
    assert answered.stdout.endswith(f"{key} answered\n"), answered.stderr
    gave = 'cogo:ask_person(question="Which colour?"): deep blue'
    assert f"gave {gave}" in rest
    assert "tools     2 turns; cogo:ask_person (1 call" in rest
    assert f"gave         {gave}" in watched
    assert "  gave     cogo:ask_person" in turns
    assert "           deep blue" in turns


def test_data_that_follows_a_schema_is_all_of_standard_output(
    system: System, tmp_path: Path
) -> None:
    (tmp_path / "city.json").write_text(
        '{"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}'
    )
    line = ("Name a city", "--type", "CHAT", "--schema", str(tmp_path / "city.json"), *QUICK)

    ran = system.cogo("run", *line)
    shown = system.cogo("show", "last")

    assert isinstance(json.loads(ran.stdout)["name"], str), ran.stderr
    assert shown.stdout == ran.stdout


def test_a_tool_that_nobody_offers_is_refused_before_a_task_is_inserted(system: System) -> None:
    ran = system.cogo("run", "x", "--type", "CHAT", "--tool", "cogo:fly")

    assert (ran.returncode, ran.stdout) == (2, "")
    assert "no executor offers 'cogo:fly'; there are: cogo:ask_person" in ran.stderr
    assert "  task  " not in ran.stderr


@pytest.mark.parametrize("line", [["--quick"], [], ["a", "--follow", "last"], ["--accept", "all"]])
def test_wrong_usage_is_no_verdict(system: System, line: list[str]) -> None:
    assert system.cogo("run", *line).returncode == 2


async def test_ctrl_c_leaves_the_task_running_and_twice_cancels_it(
    system: System, store: SupabaseStore
) -> None:
    with running(system, ENDLESS) as process:
        task = read_until(process, "  task  ").split()[-1]
        read_until(process, " writes")
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read() if process.stderr else ""
        assert process.wait() == 130
    assert f"cogo run --follow {task[:8]}" in rest
    task_id, _ = parse_id_range(task)
    assert (await store.fetch_task(task_id=task_id)).status is TaskState.RUNNING

    with running(system, "--follow", task) as process:
        read_until(process, " writes")
        process.send_signal(signal.SIGINT)
        read_until(process, "Ctrl-C again")
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read() if process.stderr else ""
        assert process.wait() == 4
    assert "cancelled" in rest
    assert (await ended(store, task_id)).status is TaskState.CANCELLED


def test_a_reader_that_went_away_changes_no_verdict(system: System) -> None:
    with running(system, "Say it", "--type", "CHAT", "--json") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"] == "task"
        process.stdout.close()
        assert process.wait() == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


@contextmanager
def running(system: System, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """Run `cogo run` until the block ends."""
    command = [sys.executable, "-P", "-m", "cogo", "run", *arguments]
    with subprocess.Popen(
        [*command, "--dir", str(system.home / STATE)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=system.home,
        env=environment(system.home),
        preexec_fn=heed_interrupts,  # noqa: PLW1509
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def read_until(process: "subprocess.Popen[str]", words: str) -> str:
    """Return the first line of standard error with these words."""
    assert process.stderr is not None
    seen = ""
    for line in process.stderr:
        if words in line:
            return line.rstrip("\n")
        seen += line
    raise AssertionError(f"it never said {words!r}: {seen}")
