"""Writers and readers of memory that meet, wait for each other or end in the middle."""

import random
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.support.eventually import eventually
from tests.support.sql.agent import Agent
from tests.support.sql.database import ALICE, BOB, Connection, Database, run_at_once
from tests.support.sql.memory import (
    add_document,
    call,
    embed,
    find,
    has_pgvector,
    open_follow_ups,
    remember,
    run_memory,
    search,
)

pytestmark = pytest.mark.db

MODEL = "m"


async def is_waiting(watcher: Connection, pid: int) -> bool:
    """Return whether a connection waits for a lock."""
    waits = "select exists (select from pg_locks where pid = $1 and not granted)"
    return bool(await watcher.fetchval(waits, pid))


async def test_a_reader_sees_a_document_as_it_was_or_as_it_is(database: Database) -> None:
    """Two writers replace it in turns, a third forgets, while it is searched."""
    one, two, third, reader = [await database.connect() for _ in range(4)]
    versions = [[f"version {letter} part {number}" for number in range(20)] for letter in "ab"]
    await add_document(one, ALICE, "a.md", versions[0])

    async def replace(who: Connection, chunks: list[str]) -> None:
        for _ in range(8):
            await add_document(who, ALICE, "a.md", chunks)

    async def forget() -> None:
        for _ in range(8):
            await call(third, "forget_memory", owner=ALICE, source="a.md")
            await remember(third, ALICE, "version fact", "another")

    async def read() -> None:
        for _ in range(30):
            hits = await search(reader, ALICE, "version part", limit=100, kinds=["chunk"])
            seen = sorted(hit["content"] for hit in hits)
            assert seen in ([], sorted(versions[0]), sorted(versions[1]))

    failed = await run_at_once(
        replace(one, versions[0]), replace(two, versions[1]), forget(), read()
    )

    assert failed == [None] * 4


async def test_results_are_taken_once_by_two_orchestrators_while_owners_forget(
    database: Database,
) -> None:
    agent = Agent(await database.connect())
    service, other, third = agent.connection, await database.connect(), await database.connect()
    await call(service, "register_index", index="outer")
    for owner in (ALICE, BOB):
        await remember(service, owner, *(f"fact {number}" for number in range(60)))
    await run_memory(service, MODEL)
    await embed(agent, {f"fact {number}": [1, number] for number in range(60)})

    async def forget() -> None:
        rows = await third.fetch(
            "select id from public.cogo_memories where owner = $1 order by id limit 30", BOB
        )
        for row in rows:
            await call(third, "forget_memory", owner=BOB, ids=[row["id"]])

    failed = await run_at_once(run_memory(service, MODEL), run_memory(other, MODEL), forget())
    await run_memory(service, MODEL)

    assert failed == [None] * 3
    assert await service.fetchval("select count(*) from public.cogo_memories") == 90
    # What was forgotten may have cancelled a task: the others of it wait for another one.
    waiting = await service.fetchval("select count(*) from cogo.embedding_queue")
    embedded = await service.fetchval(
        "select count(*) from public.cogo_memories where embedded_at is not null"
    )
    assert waiting + embedded == 90
    if await has_pgvector(service):
        assert await service.fetchval("select count(*) from cogo.memory_vectors_2") == embedded


async def test_a_result_does_not_wait_for_a_memory_that_somebody_changes(
    database: Database,
) -> None:
    agent = Agent(await database.connect())
    service, holder = agent.connection, await database.connect()
    await call(service, "register_index", index="outer")
    await remember(service, ALICE, "fact")
    await run_memory(service, MODEL)
    await embed(agent, {"fact": [1, 0]})

    async with holder.transaction():
        await holder.execute("select from public.cogo_memories for update")
        assert (await run_memory(service, MODEL))["applied"] == 0
    assert await service.fetchval("select tries from cogo.follow_ups") == 0
    await database.jump(timedelta(seconds=2))

    assert (await run_memory(service, MODEL))["applied"] == 1


async def test_who_waits_for_a_document_holds_nobodys_place_in_the_queue(
    database: Database,
) -> None:
    service, other, holder = [await database.connect() for _ in range(3)]
    watcher = await database.connect("postgres")
    await call(service, "register_index", index="outer")
    for source in ("a.md", "b.md"):
        await add_document(service, ALICE, source, [f"text of {source}"])
    await run_memory(service, MODEL)

    async def look() -> None:
        async with holder.transaction():
            await holder.execute("select from public.cogo_documents for update")
            await eventually(lambda: is_waiting(watcher, other.get_server_pid()))
            await service.execute("select from cogo.embedding_queue for update nowait")

    async def forget() -> None:
        await eventually(is_locked)
        await call(other, "forget_memory", owner=ALICE, source="b.md")

    async def is_locked() -> bool:
        free = "select count(*) from (select from public.cogo_documents for share skip locked) f"
        return bool(await service.fetchval(free) == 0)

    assert await run_at_once(look(), forget()) == [None, None]
    await run_memory(service, MODEL)
    [task] = await open_follow_ups(service)
    assert task["params"]["input"] == ["text of a.md"]


async def end_task(who: Connection, task_id: UUID, result: dict[str, Any]) -> None:
    """Complete a task at once, unless it has been cancelled meanwhile."""
    for change in ("status = 'running', started_at", "status = 'completed', finished_at"):
        await who.execute(
            f"update public.cogo_tasks set {change} = cogo.now(), result = $2"  # noqa: S608
            " where id = $1 and status in ('pending', 'running')",
            task_id,
            result if "completed" in change else None,
        )


async def test_writers_of_every_kind_at_once_never_lock_each_other_out(database: Database) -> None:
    agent = Agent(await database.connect())
    await call(agent.connection, "register_index", index="outer")
    order = random.Random(1)  # noqa: S311 - the same each time

    def choose(name: str, most: int, count: int) -> list[str]:
        return [f"{name} {order.randrange(most)}" for _ in range(count)]

    async def write(who: Connection, kind: str) -> None:
        for _ in range(30):
            source = f"{order.randrange(3)}.md"
            match kind:
                case "remember":
                    await remember(who, ALICE, *choose("fact", 40, 20))
                case "add":
                    await add_document(who, ALICE, source, choose("chunk", 30, 30))
                case "forget":
                    await call(who, "forget_memory", owner=ALICE, source=source)
                case "forget facts":
                    await call(who, "forget_memory", owner=ALICE, kind="fact")
                case "sync":
                    changes = await call(who, "list_vector_changes", index="outer")
                    through = max((row["seq"] for row in changes), default=0)
                    await call(who, "confirm_vector_changes", index="outer", through=through)
                case "finish":
                    for task in await open_follow_ups(who):
                        vectors = [[1, order.random()] for _ in task["params"]["input"]]
                        await end_task(who, task["id"], {"embeddings": vectors})
                case _:
                    await run_memory(who, kind)

    kinds = ["remember", "add", "add", "forget", "forget", "forget facts", "sync", "finish"]
    kinds += ["m", "m", "n"]
    people = [await database.connect() for _ in kinds]
    failed = await run_at_once(*map(write, people, kinds))

    assert failed == [None] * len(kinds)


async def test_what_is_added_while_forgetting_waits_stays(database: Database) -> None:
    """Else it would lock memories of a document that it has not locked."""
    service, holder, forgetting, watcher = [await database.connect() for _ in range(4)]
    await add_document(service, ALICE, "a.md", ["old"])
    held = holder.transaction()
    await held.start()
    await holder.execute("select from public.cogo_documents for update")
    pid = forgetting.get_server_pid()

    async def add() -> None:
        await eventually(lambda: is_waiting(watcher, pid))
        await add_document(service, ALICE, "b.md", ["new"])
        await held.rollback()

    forget = call(forgetting, "forget_memory", owner=ALICE, source="*")
    assert await run_at_once(forget, add()) == [None, None]

    assert await find(service, ALICE, "old new") == ["new"]


async def test_a_call_that_ends_in_the_middle_leaves_all_or_nothing(database: Database) -> None:
    """Its connection is killed while it waits for a lock, after it has written."""
    service, victim, holder = [await database.connect() for _ in range(3)]
    killer = await database.connect("postgres")
    await add_document(service, ALICE, "a.md", ["old"])
    held = holder.transaction()
    await held.start()
    await holder.execute("select from public.cogo_documents for update")

    pid = victim.get_server_pid()

    async def kill() -> None:
        await eventually(lambda: is_waiting(killer, pid))
        await killer.execute("select pg_terminate_backend($1)", pid)

    failed = await run_at_once(add_document(victim, ALICE, "a.md", ["new"]), kill())
    assert [bool(each) for each in failed] == [True, False]
    await held.rollback()

    assert await find(service, ALICE, "old new") == ["old"]
    assert (await add_document(service, ALICE, "a.md", ["new"]))["chunks"] == 1
    assert await find(service, ALICE, "old new") == ["new"]
