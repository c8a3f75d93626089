"""`cogo submit` and similar commands: answers on standard output, and exit codes."""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from protocol.ids import utc_now
from protocol.lifecycle import TaskState
from protocol.records import EVERYTHING, NewTask
from protocol.transport.supabase_store import SupabaseStore
from tests.e2e.tasks import ended
from tests.support.servers.command_line import cogo
from tests.support.servers.system import System, secrets_of

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


INVALID: Mapping[str, tuple[str, ...]] = {
    "'claude-sonet-5' does not exist; the nearest names: claude-sonnet-5": (
        "Say it", "--model", "claude-sonet-5",
    ),
    "Did you mean CHAT?": ("Say it", "--type", "CHTA"),
    "prompt is empty": (" ",),
    "'mars' is not a data policy": ("Say it", "--data-policy", "mars"),
    "--out / cannot be written": ("Say it", "--out", "/"),
}  # fmt: skip
"""What the sentence says, and what was asked for."""


async def test_submit_refuses_what_cannot_be_done_before_there_is_a_task(
    system: System, store: SupabaseStore
) -> None:
    before = (await store.find_tasks(visible=EVERYTHING, limit=1)).tasks

    refused = {said: system.cogo("submit", *words) for said, words in INVALID.items()}

    cannot = "--out / cannot be written"
    assert {said: each.returncode for said, each in refused.items()} == {
        said: 1 if said == cannot else 2 for said in INVALID
    }
    assert not [each for each in refused.values() if each.stdout or "Traceback" in each.stderr]
    assert not {said for said, each in refused.items() if said not in each.stderr}
    assert (await store.find_tasks(visible=EVERYTHING, limit=1)).tasks == before


async def test_a_task_is_named_by_the_beginning_of_its_id_if_only_one_begins_so(
    system: System, store: SupabaseStore
) -> None:
    owner = uuid4()
    for number, prompt in enumerate(("the first", "the second")):
        await store.submit_task(
            NewTask(
                id=UUID(f"5eed0000-0000-4000-8000-00000000000{number}"), prompt=prompt,
                type="CHAT", model="claude-haiku-5-5", owner=owner,
            )
        )  # fmt: skip
    await ended(store, UUID("5eed0000-0000-4000-8000-000000000001"))

    one = system.cogo("show", "5eed0000-0000-4000-8000-000000000001")
    several = system.cogo("show", "5eed")
    none = system.cogo("tasks", "cancel", "5eee")
    wrong = system.cogo("feedback", "search", "good")

    assert one.returncode == 0, one.stderr
    assert one.stdout.startswith("Simulated answer")
    assert "simulated" in one.stderr
    assert (several.returncode, none.returncode, wrong.returncode) == (2, 1, 2)
    assert "the first" in several.stderr
    assert "the second" in several.stderr
    assert "no task has an id that begins with 5eee" in none.stderr
    assert "is not an id" in wrong.stderr


async def test_last_is_the_newest_task_of_nobody_and_can_be_held_and_resumed(
    system: System, store: SupabaseStore
) -> None:
    later = utc_now() + timedelta(hours=1)
    asked = await store.submit_task(NewTask(prompt="Say it", type="CHAT", run_at=later))
    await store.submit_task(NewTask(prompt="Say it", type="CHAT", run_at=later, owner=uuid4()))

    held = system.cogo("hold", str(asked.id)[:13])
    shown = system.cogo("show", "last", "--json")
    resumed = system.cogo("resume", "last")
    nothing = system.cogo("approve", "last")
    cancelled = system.cogo("tasks", "cancel", "last")

    assert held.stdout.split() == [str(asked.id), "held"]
    assert "running subtasks finish" in held.stderr
    assert f"resume {str(asked.id)[:8]}`" in held.stderr
    assert (shown.returncode, json.loads(shown.stdout)["id"]) == (3, str(asked.id))
    assert resumed.stdout.split() in ([str(asked.id), "pending"], [str(asked.id), "running"])
    assert "no subtask of task" in nothing.stderr
    assert cancelled.stdout.split() == [str(asked.id), "cancelled"]


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


def test_a_debate_is_compared_with_one_answer_of_the_running_system(system: System) -> None:
    ended_well = system.cogo("eval", "debate", "--limit", "1", "--json")

    assert ended_well.returncode == 0, ended_well.stderr
    [debated], [alone] = json.loads(ended_well.stdout)["outcomes"].values()
    assert (debated["calls"], alone["calls"]) == (8, 1), "the simulator never agrees"
    assert debated["ended"] == "decided"
    assert alone["model"] == debated["strongest"]
    assert debated["is_simulated"]


async def test_a_model_that_cannot_answer_is_refused_before_a_debate_is_paid(
    system: System, store: SupabaseStore
) -> None:
    before = (await store.find_tasks(limit=1, visible=EVERYTHING)).tasks
    unknown = system.cogo("eval", "debate", "--against", "claude-nothing", "--limit", "1")

    assert unknown.returncode == 2
    assert unknown.stderr.startswith("cogo: --against: ")
    assert "'claude-nothing' does not exist" in unknown.stderr
    assert (await store.find_tasks(limit=1, visible=EVERYTHING)).tasks == before
