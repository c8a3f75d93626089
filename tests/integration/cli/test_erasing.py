"""`cogo export` and `cogo erase`: the files, the receipt, and what is asked before."""

import asyncio
import hashlib
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from embedded.state import State
from protocol.records import NewTask, Visibility
from protocol.records.memory import NewFact
from protocol.transport.supabase_store import SupabaseStore, open_store
from tests.integration.cli.conftest import Say

ALICE, BOB = uuid4(), uuid4()


@pytest.fixture
def filled(project: State) -> None:
    """Give two owners tasks and facts."""

    async def fill(store: SupabaseStore) -> None:
        for owner, word in ((ALICE, "alice"), (BOB, "bob")):
            await store.remember(owner=owner, facts=[NewFact(content=f"{word} likes tea")])
            for _ in range(3):
                await store.submit_task(NewTask(prompt=f"for {word}", owner=owner))

    asyncio.run(with_store(project, fill))


async def with_store(project: State, work: object) -> object:
    async with open_store(project.url, project.secret_key) as store:
        return await work(store)  # type: ignore[operator]


def count_tasks(project: State, owner: UUID) -> int:
    async def count(store: SupabaseStore) -> int:
        return len((await store.find_tasks(limit=100, visible=Visibility(owner=owner))).tasks)

    found = asyncio.run(with_store(project, count))
    assert isinstance(found, int)
    return found


@pytest.mark.usefixtures("filled")
def test_an_export_is_files_with_a_manifest(cogo: Say, tmp_path: Path) -> None:
    folder, archive = tmp_path / "out" / "alice", tmp_path / "alice.zip"

    codes = [cogo("export", str(ALICE), "--output", str(each))[0] for each in (folder, archive)]
    again = cogo("export", str(ALICE), "--output", str(archive))

    assert codes == [0, 0]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["owner"] == str(ALICE)
    tasks = (folder / "cogo_tasks.jsonl").read_bytes()
    described = manifest["files"]["cogo_tasks.jsonl"]
    assert described["rows"] == len(tasks.splitlines()) == 3
    assert described["sha256"] == hashlib.sha256(tasks).hexdigest()
    assert {json.loads(line)["prompt"] for line in tasks.splitlines()} == {"for alice"}
    assert (folder / "cogo_tasks.jsonl").stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(archive) as opened:
        assert opened.read("cogo_memories.jsonl").count(b"alice likes tea") == 1
        assert set(opened.namelist()) == {each.name for each in folder.iterdir()}
    assert again[0] == 1
    assert "exists" in again[2]


@pytest.mark.usefixtures("filled")
def test_an_erasure_is_confirmed_and_ends_with_a_receipt(cogo: Say, project: State) -> None:
    counted = cogo("erase", str(ALICE), "--dry-run")
    unconfirmed = cogo("erase", str(ALICE))
    before = count_tasks(project, ALICE)

    erased = cogo("erase", str(ALICE), "--yes", "--json", "--requested-by", "ticket 1")

    assert "public.cogo_tasks" in counted[1]
    assert unconfirmed[0] == 1
    assert "nothing was erased" in unconfirmed[2]
    assert before == 3
    assert erased[0] == 0
    answer = json.loads(erased[1])
    assert hashlib.sha256(answer["receipt"].encode()).hexdigest() == answer["sha256"]
    receipt = json.loads(answer["receipt"])
    assert (receipt["requested_by"], receipt["erased"]["public.cogo_tasks"]) == ("ticket 1", 3)
    assert (count_tasks(project, ALICE), count_tasks(project, BOB)) == (0, 3)


def test_a_project_is_exported_and_erased_and_its_owner_keeps_the_rest(
    cogo: Say, project: State, tmp_path: Path
) -> None:
    async def fill(store: SupabaseStore) -> None:
        for name in ("web", "web", "app", None):
            await store.submit_task(NewTask(prompt=f"for {name}", owner=ALICE, project=name))

    asyncio.run(with_store(project, fill))
    exported = cogo("export", "--project", "web", "--output", str(tmp_path / "web"))
    counted = json.loads(cogo("erase", "--project", "web", "--dry-run", "--json")[1])
    unconfirmed = cogo("erase", "--project", "web")
    erased = cogo("erase", "--project", "web", "--yes", "--json", "--requested-by", "ticket 2")
    again = cogo("erase", "--project", "web", "--dry-run")
    wrong = [cogo("erase", *each) for each in ((), (str(ALICE), "--project", "web"))]

    assert exported[0] == 0
    manifest = json.loads((tmp_path / "web" / "manifest.json").read_text())
    assert (manifest["project"], manifest["files"]["cogo_tasks.jsonl"]["rows"]) == ("web", 2)
    assert counted["public.cogo_tasks"] == 2
    assert unconfirmed[0] == 1
    assert "nothing was erased" in unconfirmed[2]
    receipt = json.loads(json.loads(erased[1])["receipt"])
    assert (erased[0], receipt["project"]) == (0, "web")
    assert (receipt["requested_by"], receipt["erased"]["public.cogo_tasks"]) == ("ticket 2", 2)
    assert count_tasks(project, ALICE) == 2
    assert again == (
        1, "", "nothing of the project web was found: is it the right name?\n"
    )  # fmt: skip
    assert [code for code, _, _ in wrong] == [2, 2]
    assert "either the UUID of a user or --project" in wrong[0][2]


def test_tasks_that_agents_hold_are_named_and_waited_for(cogo: Say, project: State) -> None:
    async def hold(store: SupabaseStore) -> None:
        await store.submit_task(NewTask(prompt="x", owner=ALICE))
        lease = timedelta(hours=1)
        await store.claim_subtasks(
            agent_id="o", lanes=["cio"], limit=1, lease=lease, request_id=uuid4()
        )

    asyncio.run(with_store(project, hold))

    held = cogo("erase", str(ALICE), "--yes", "--timeout", "0")
    asyncio.run(
        with_store(
            project, lambda store: store.release_subtasks(agent_id="o", leases=None, reason="end")
        )
    )
    done = cogo("erase", str(ALICE), "--yes")

    assert held[0] == 1
    assert "still held by agents: 1" in held[2]
    assert done[0] == 0
    assert "SHA-256: " in done[1]


@pytest.mark.usefixtures("filled")
def test_an_owner_of_whom_nothing_is_known_is_not_erased_in_silence(cogo: Say) -> None:
    nobody = str(uuid4())

    dry = cogo("erase", nobody, "--dry-run")
    code, told, failed = cogo("erase", nobody)  # nothing is there that a person could confirm
    again = [cogo("erase", str(ALICE), "--yes")[0] for _ in range(2)]

    assert dry == (1, "", f"nothing of {nobody} was found: is it the right UUID?\n")
    assert code == 1
    assert dry[2] in failed
    assert '"erased": {}' in told
    assert again == [0, 1]
