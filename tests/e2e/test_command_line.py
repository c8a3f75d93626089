"""`cogo submit` and its neighbours: the answer on standard output, the truth in the exit code."""

import json
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import pytest

from protocol.lifecycle import TaskState
from protocol.transport.rpc import SupabaseStore
from tests.e2e.tasks import ended
from tests.support.command_line import cogo
from tests.support.system import System, secrets_of

pytestmark = pytest.mark.e2e

PALINDROME = "Write a palindrome check"
QUICK = ("--model", "claude-haiku-5-5")


def test_submit_prints_the_code_and_nothing_else_on_standard_output(system: System) -> None:
    ended_well = system.cogo("submit", PALINDROME, *QUICK)

    assert ended_well.returncode == 0, ended_well.stderr
    compile(ended_well.stdout, "answer.py", "exec")
    assert "def is_palindrome" in ended_well.stdout
    assert "simulated" in ended_well.stderr
    assert "claude-haiku-5-5" in ended_well.stderr


def test_submit_writes_the_answer_to_a_file(system: System, tmp_path: Path) -> None:
    out = tmp_path / "answer.txt"

    ended_well = system.cogo("submit", "Say it", "--type", "CHAT", *QUICK, "--out", str(out))

    assert ended_well.returncode == 0, ended_well.stderr
    assert ended_well.stdout == ""
    assert out.read_text().startswith("Simulated answer")


def test_submit_prints_the_row_as_json(system: System) -> None:
    ended_well = system.cogo("submit", "Say it", "--type", "CHAT", *QUICK, "--json")

    [line] = ended_well.stdout.splitlines()
    row = json.loads(line)
    assert ended_well.returncode == 0
    assert row["status"] == "completed"
    assert row["result"]["simulated"] is True
    assert not [name for name, secret in secrets_of(system.state).items() if secret in line]


async def test_submit_does_not_wait_when_told_so_and_the_same_key_is_the_same_task(
    system: System, store: SupabaseStore
) -> None:
    line = ("submit", "Say it later", "--type", "CHAT", "--no-wait", "--key", "only-once")

    first, second = system.cogo(*line), system.cogo(*line)

    assert (first.returncode, second.returncode) == (0, 0)
    assert first.stdout == second.stdout
    task = await ended(store, UUID(first.stdout.strip()))
    assert task.status is TaskState.COMPLETED


def test_submit_of_what_cannot_be_planned_says_why_and_ends_with_one(system: System) -> None:
    failed = system.cogo("submit", "Say it", "--model", "claude-sonet-5")

    assert failed.returncode == 1
    assert failed.stdout == ""
    assert "'claude-sonet-5' does not exist" in failed.stderr
    assert "claude-sonnet-5" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_tasks_and_agents_are_listed_without_secrets(system: System) -> None:
    listed = [
        system.cogo("agents", "--json"),
        system.cogo("tasks", "list", "--json"),
        system.cogo("doctor", "--json"),
    ]

    for shown in listed:
        assert shown.returncode == 0, shown.stderr
        said = shown.stdout + shown.stderr
        assert not [name for name, secret in secrets_of(system.state).items() if secret in said]
    agents = json.loads(listed[0].stdout)
    assert {each["kind"] for each in agents} == {"orchestrator", "executor"}


PUBLISHABLE = "the publishable key"
WRONG: Mapping[str, Mapping[str, str]] = {
    "set SUPABASE_SECRET_KEY": {"SUPABASE_SECRET_KEY": "sb_secret_wrong"},
    "must be the secret key, not": {"SUPABASE_SECRET_KEY": PUBLISHABLE},
    "cannot be reached": {"SUPABASE_URL": "http://127.0.0.1:1"},
    "not the address": {"SUPABASE_URL": "supabase"},
}
"""What the sentence says, and the variable that is wrong."""


@pytest.mark.parametrize("said", WRONG)
def test_a_project_that_cannot_be_used_is_one_sentence(
    said: str, system: System, tmp_path: Path
) -> None:
    right = {"SUPABASE_URL": system.state.url, "SUPABASE_SECRET_KEY": system.state.secret_key}
    wrong = {
        name: system.state.publishable_key if value == PUBLISHABLE else value
        for name, value in WRONG[said].items()
    }

    refused = cogo("submit", "Say it", home=tmp_path, **right | wrong)

    assert refused.returncode != 0
    assert refused.stdout == ""
    [sentence] = refused.stderr.splitlines()
    assert said in sentence
    assert "unexpected" not in sentence
    assert system.state.secret_key not in sentence
