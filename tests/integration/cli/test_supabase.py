"""`cogo supabase`: the embedded server on its own, used from several terminals."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import asyncpg
import httpx
import pytest

from cogo.config.lock import hold_lock
from cogo.migrations import load_migrations, migrate
from tests.support.ports import a_port
from tests.support.servers.command_line import cogo
from tests.support.servers.embedded import embedded_server
from tests.support.servers.postgres import state_directory

Supabase: TypeAlias = "Callable[..., subprocess.CompletedProcess[str]]"

LAST_OF_0_1_0 = "20261128000100"
"""The last migration of the first release, whose migrations never change."""


@contextlib.contextmanager
def an_installation(home: Path) -> Iterator[Supabase]:
    directory = home / ".cogo"
    directory.mkdir(mode=0o711)  # Postgres may enter it, also when we are root

    def run(command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return cogo("supabase", command, "--dir", str(directory), *arguments, home=home)

    try:
        yield run
    finally:
        run("stop")


@pytest.fixture
def home() -> Iterator[Path]:
    with state_directory() as directory:
        yield directory


@pytest.fixture
def supabase(home: Path) -> Iterator[Supabase]:
    with an_installation(home) as run:
        yield run


@pytest.fixture(scope="module")
def shared() -> Iterator[Supabase]:
    """Run an installation for tests that leave its data as they were; some stop its server."""
    with state_directory() as home, an_installation(home) as run:
        yield run


def said(answer: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    assert answer.returncode == 0, answer.stderr
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


def insert(state: dict[str, Any], prompt: str) -> None:
    answer = httpx.post(
        f"{state['url']}/rest/v1/cogo_tasks",
        json={"prompt": prompt},
        headers={"apikey": state["secret_key"]},
        timeout=60,
    )
    assert answer.status_code == 201, answer.text


def prompts(state: dict[str, Any]) -> list[str]:
    answer = httpx.get(
        f"{state['url']}/rest/v1/cogo_tasks?select=prompt&order=created_at",
        headers={"apikey": state["secret_key"]},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    return [row["prompt"] for row in answer.json()]


def test_start_returns_and_leaves_a_server_that_stop_ends(supabase: Supabase) -> None:
    started = said(supabase("start", "--json"))
    insert(started, "stays")

    again = said(supabase("start", "--json"))
    told = said(supabase("status", "--json"))
    spoken = supabase("status")
    stopped = supabase("stop")
    nobody = supabase("status", "--json")

    assert started == again == told
    assert all(started[name] in spoken.stdout for name in ("url", "publishable_key", "db_url"))
    assert stopped.returncode == 0, stopped.stderr
    assert (nobody.returncode, json.loads(nobody.stdout)["running"]) == (1, False)
    assert prompts(said(supabase("start", "--json"))) == ["stays"]


def test_stored_rows_survive_a_kill(supabase: Supabase) -> None:
    before = said(supabase("start", "--json"))
    insert(before, "survives")
    os.kill(before["pid"], signal.SIGKILL)

    after = said(supabase("start", "--json"))

    assert after["pid"] != before["pid"]
    assert after["secret_key"] == before["secret_key"]
    assert prompts(after) == ["survives"]


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        ("20991231235959", "newer than this version of COGO"),
        ("20261121090000", "cogo supabase reset"),
    ],
    ids=["newer", "older"],
)
def test_data_of_another_version_are_refused_until_a_reset(
    supabase: Supabase, version: str, sentence: str
) -> None:
    before = said(supabase("start", "--json"))
    record = f"insert into cogo.schema_versions (version) values ('{version}')"  # noqa: S608
    asyncio.run(run_statements(before["db_url"], record))
    supabase("stop")

    refused = supabase("start")
    stopped = supabase("status", "--json")
    reset = supabase("reset", "--yes")

    assert refused.returncode == 1
    assert sentence in refused.stderr
    assert json.loads(stopped.stdout)["running"] is False
    assert reset.returncode == 0, reset.stderr
    assert prompts(said(supabase("start", "--json"))) == []


def test_data_of_an_earlier_version_get_the_missing_migrations_at_start(
    home: Path, supabase: Supabase
) -> None:
    files = load_migrations()
    released = [each for each in files if each.version <= LAST_OF_0_1_0]
    missing = {each.version for each in files[len(released) :]}
    assert missing
    with embedded_server(home / ".cogo") as before:
        done = asyncio.run(migrate(before.db_url, released))
        asyncio.run(
            run_statements(before.db_url, "insert into public.cogo_tasks (prompt) values ('stays')")
        )
    assert done.applied[-1] == LAST_OF_0_1_0

    after = said(supabase("start", "--json"))

    assert prompts(after) == ["stays"]
    answer = httpx.post(
        f"{after['url']}/rest/v1/rpc/cogo_schema_versions",
        headers={"apikey": after["secret_key"]},
        timeout=60,
    )
    assert missing <= {row["version"] for row in answer.json()}


async def run_statements(db_url: str, *statements: str) -> None:
    connection = await asyncpg.connect(db_url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def test_two_servers_on_one_machine_are_separate(supabase: Supabase, shared: Supabase) -> None:
    first, second = said(supabase("start", "--json")), said(shared("start", "--json"))
    insert(first, "of the first")

    assert prompts(second) == []
    assert first["url"] != second["url"]
    assert first["db_url"].rpartition(":")[2] != second["db_url"].rpartition(":")[2]
    assert first["secret_key"] != second["secret_key"]


def test_a_reset_drops_all_data_and_keeps_keys_and_address(supabase: Supabase) -> None:
    before = said(supabase("start", "--port", str(a_port()), "--json"))
    insert(before, "goes")
    person = {"email": "a@example.com", "password": "long enough"}
    headers = {"apikey": before["publishable_key"]}
    assert httpx.post(
        f"{before['url']}/auth/v1/signup", json=person, headers=headers, timeout=60
    ).is_success

    asked = supabase("reset")
    assert asked.returncode == 1
    assert prompts(before) == ["goes"]
    answer = supabase("reset", "--yes")

    assert answer.returncode == 0, answer.stderr
    after = said(supabase("status", "--json"))
    assert (after["url"], after["secret_key"]) == (before["url"], before["secret_key"])
    assert prompts(after) == []
    token = f"{after['url']}/auth/v1/token?grant_type=password"
    assert httpx.post(token, json=person, headers=headers, timeout=60).status_code == 400


def test_rotated_keys_replace_the_old_ones(supabase: Supabase) -> None:
    before = said(supabase("start", "--port", str(a_port()), "--json"))
    insert(before, "stays")

    fresh = said(supabase("keys", "--rotate", "--json"))

    after = said(supabase("status", "--json"))
    names = ("publishable_key", "secret_key", "anon_key", "service_role_key")
    assert {name: after[name] for name in names} == fresh
    assert not set(fresh.values()) & set(before.values())
    assert prompts(after) == ["stays"]
    for name in names:
        refused = httpx.get(
            f"{after['url']}/rest/v1/", headers={"apikey": before[name]}, timeout=60
        )
        assert refused.status_code == 401, name


def test_keys_are_shown_and_kept_while_nothing_runs(shared: Supabase) -> None:
    started = said(shared("start", "--json"))
    shared("stop")

    shown = said(shared("keys", "--json"))

    assert shown["secret_key"] == started["secret_key"]


def test_psql_is_the_project_s_owner_and_no_password_is_in_its_arguments(
    shared: Supabase,
) -> None:
    state = said(shared("start", "--json"))

    # The child of psql is a shell whose parent is psql: it prints psql's arguments.
    command = r"\! tr '\0' ' ' < /proc/$PPID/cmdline"
    query = shared("psql", "-Atc", "select current_user")
    arguments = shared("psql", "--", "-c", command)

    assert query.stdout == "postgres\n", query.stderr
    assert "--username=postgres" in arguments.stdout
    assert state["db_url"].split(":")[2].partition("@")[0] not in arguments.stdout


@pytest.mark.parametrize(
    ("arguments", "said_", "code"),
    [
        (("stop",), "cogo supabase start", 1),
        (("status",), "cogo supabase start", 1),
        (("psql",), "cogo supabase start", 1),
        (("keys",), "cogo supabase start", 1),
        (("reset", "--yes"), "cogo supabase start", 1),
        (("start", "--host", "0.0.0.0"), "--allow-remote", 2),  # noqa: S104 - it is refused
        (("start", "--host", "my machine"), "not an IP address", 2),
    ],
)
def test_an_impossible_command_is_one_sentence_with_a_remedy(
    supabase: Supabase, arguments: tuple[str, ...], said_: str, code: int
) -> None:
    answer = supabase(*arguments)

    assert answer.returncode == code
    assert said_ in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_a_server_that_others_can_reach_warns(supabase: Supabase) -> None:
    answer = supabase("start", "--host", "0.0.0.0", "--allow-remote", "--json")  # noqa: S104

    assert "without encryption" in answer.stderr
    assert said(answer)["url"].startswith("http://127.0.0.1:")


def test_data_of_another_version_are_refused_with_a_remedy(supabase: Supabase) -> None:
    home = Path(said(supabase("start", "--json"))["home"])
    supabase("stop")
    (home / "postgres" / "PG_VERSION").write_text("15\n")

    answer = supabase("start")
    reset = supabase("reset", "--yes")

    assert answer.returncode == 1
    assert "holds data of Postgres 15" in answer.stderr
    assert reset.returncode == 0, reset.stderr
    assert prompts(said(supabase("start", "--json"))) == []


def test_the_server_of_a_running_system_is_left_alone(shared: Supabase) -> None:
    state = said(shared("start", "--json"))

    with hold_lock(Path(state["home"])):
        answers = [shared(*each) for each in (["stop"], ["reset", "--yes"], ["keys", "--rotate"])]

    for answer in answers:
        assert answer.returncode == 1
        assert "already runs" in answer.stderr
    assert said(shared("status", "--json")) == state
