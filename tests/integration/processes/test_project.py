"""`cogo up` and `cogo serve` on a project that runs elsewhere."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from embedded.state import State, read_state
from tests.support.eventually import eventually
from tests.support.servers.command_line import Up, cogo, cogo_up, environment
from tests.support.servers.embedded import embedded_server

pytestmark = pytest.mark.e2e


def variables(state: State, **others: str) -> dict[str, str]:
    return {"SUPABASE_URL": state.url, "SUPABASE_SECRET_KEY": state.secret_key} | others


async def insert_task(db_url: str, prompt: str) -> UUID:
    connection = await asyncpg.connect(db_url)
    try:
        task_id = await connection.fetchval(
            "insert into cogo_tasks (prompt) values ($1) returning id", prompt
        )
        assert isinstance(task_id, UUID)
        return task_id
    finally:
        await connection.close()


async def attempts_of(db_url: str, task_id: UUID) -> list[tuple[str, str | None]]:
    connection = await asyncpg.connect(db_url)
    try:
        rows = await connection.fetch(
            "select agent_id, outcome from cogo_attempts"
            " where task_id = $1 and lane <> 'cio' order by attempt",
            task_id,
        )
        return [(row["agent_id"], row["outcome"]) for row in rows]
    finally:
        await connection.close()


async def reasons_of(db_url: str, task_id: UUID) -> list[str | None]:
    """Return the class of each attempt's error."""
    connection = await asyncpg.connect(db_url)
    try:
        rows = await connection.fetch(
            "select error ->> 'class' as class from cogo_attempts"
            " where task_id = $1 and lane <> 'cio' order by attempt",
            task_id,
        )
        return [row["class"] for row in rows]
    finally:
        await connection.close()


def test_a_project_without_migrations_is_one_sentence_that_names_the_cure(
    supabase_server: State, tmp_path: Path
) -> None:
    ended = cogo("up", home=tmp_path, **variables(supabase_server))

    assert ended.returncode != 0
    assert "cogo migrate" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_wrong_key_is_one_sentence_that_names_the_variable(
    supabase_server: State, tmp_path: Path
) -> None:
    given = variables(supabase_server, SUPABASE_SECRET_KEY="sb_secret_of_another_project")
    up = cogo("up", home=tmp_path, **given)
    served = cogo("serve", "executor", home=tmp_path, **given)

    for ended in (up, served):
        assert ended.returncode != 0
        assert "SUPABASE_SECRET_KEY" in ended.stderr.splitlines()[-1]
        assert "sb_secret_of" not in ended.stderr
        assert "Traceback" not in ended.stderr


async def test_agents_work_on_a_project_that_was_migrated(tmp_path: Path) -> None:
    with embedded_server(tmp_path / "server") as state:
        migrated = cogo("migrate", home=tmp_path, SUPABASE_DB_URL=state.db_url)
        assert migrated.returncode == 0, migrated.stderr
        with cogo_up("--simulate", home=tmp_path, **variables(state)) as up:
            assert up.answer["url"] == state.url
            expected = {"simulator", "gateway", "orchestrator", "executor"}
            assert set(up.answer["processes"]) == expected
            task_id = await insert_task(state.db_url, "Write a function for fibonacci numbers")

            async def completed() -> bool:
                done = await attempts_of(state.db_url, task_id)
                return [outcome for _, outcome in done] == ["completed"]

            await eventually(completed, within=20)


@pytest.fixture(scope="module")
def home_without_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def up_without_keys(home_without_keys: Path) -> Iterator[Up]:
    """Run `cogo up` there without a key of any provider."""
    with cogo_up(home=home_without_keys) as up:
        yield up


async def test_leases_of_a_killed_executor_are_released_before_they_run_out(
    up_without_keys: Up, home_without_keys: Path
) -> None:
    state = read_state(home_without_keys / ".cogo")
    assert state is not None
    db_url = state.db_url
    task_id = await insert_task(db_url, "Explain binary search [[fault:stall after=2]]")

    async def claimed() -> bool:
        return len(await attempts_of(db_url, task_id)) == 1

    await eventually(claimed, within=10)
    os.kill(up_without_keys.find_process("serve", "executor"), signal.SIGKILL)

    async def claimed_again() -> bool:
        return len(await attempts_of(db_url, task_id)) == 2

    await eventually(claimed_again, within=30)

    [first, second] = await attempts_of(db_url, task_id)
    assert first[0] != second[0]
    # A lease that ran out says so; this one was given back by whoever saw the death.
    assert await reasons_of(db_url, task_id) == ["worker_died", None]
    done = cogo("tasks", "cancel", str(task_id), home=home_without_keys)  # it stalls again
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("up_without_keys")
@pytest.mark.parametrize("kind", ["orchestrator", "executor"])
async def test_serve_says_that_it_is_ready_or_what_it_lacks_and_drains_at_the_first_signal(
    kind: str, home_without_keys: Path
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "cogo", "serve", kind, "--id", "one-more"),
        *("--dir", str(home_without_keys / ".cogo")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(home_without_keys),
    )
    assert process.stdout is not None
    async with asyncio.timeout(120):
        ready = json.loads(await process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        _, logged = await process.communicate()

    lacks = ready.pop("missing", None)
    assert kind == "executor" or ready["sandbox"] is None  # only executors run code
    del ready["sandbox"]
    assert ready == {"waiting" if lacks else "ready": "one-more", "health_url": None}
    assert process.returncode == 0, logged.decode()
    if kind == "executor":  # there is no key here
        assert "ANTHROPIC_API_KEY" in lacks
        assert lacks in logged.decode()
