"""Searches of tasks by words, before and after these are indexed."""

from datetime import timedelta
from uuid import UUID

import pytest

from tests.support.servers.postgres import ONE_VERSION
from tests.support.sql.agent import Agent, count_tasks, find_prompts, insert_task, plan_task
from tests.support.sql.database import ALICE, BOB, Connection, Database

pytestmark = pytest.mark.db


async def complete_task(agent: Agent, prompt: str, text: str, owner: UUID | None = None) -> UUID:
    task_id: UUID = await plan_task(agent, prompt=prompt, owner=owner)
    [lease] = await agent.claim("model-a")
    assert await agent.complete(lease, output={"text": text}) == "ok"
    return task_id


async def index(database: Database, agent: Agent, limit: int = 100) -> int:
    """Return how many tasks were tried when the words of those ended two minutes ago are added."""
    await database.jump(timedelta(minutes=2))
    added = [
        await agent.connection.fetchval("select cogo.index_tasks($1)", limit) for _ in range(2)
    ]
    return sum(added)


async def indexed(connection: Connection) -> int:
    found: int = await connection.fetchval("select count(*) from cogo.task_words")
    return found


async def test_words_of_prompts_results_and_errors_are_found(
    database: Database, agent: Agent
) -> None:
    await complete_task(agent, "Sort a list of unicorns", "Here is quicksort.")
    await complete_task(agent, "Add two numbers", "A sum, without sorting.")
    await plan_task(agent, prompt="Fail")
    [lease] = await agent.claim("model-a")
    error = {"class": "timeout", "message": "The walrus timed out."}
    await agent.fail(lease, "give_up", error=error)
    await insert_task(agent.connection, "An open unicorn")

    async def search() -> list[list[str]]:
        queries = (
            "unicorn", "quicksort", "walrus", '"sort a list"', '"list a sort"', "sort -unicorn",
            "walrus or sum", "nothing", "unicorn quicksort", "-unicorn",
        )  # fmt: skip
        found = [await find_prompts(agent.connection, q=query) for query in queries]
        for query, prompts in zip(queries, found, strict=True):
            assert await count_tasks(agent.connection, q=query) == (len(prompts), False)
        return found

    unicorns, numbers = "Sort a list of unicorns", "Add two numbers"
    wanted = [
        ["An open unicorn", unicorns], [unicorns], ["Fail"], [unicorns], [], [numbers],
        ["Fail", numbers], [], [unicorns], ["Fail", numbers],
    ]  # fmt: skip
    assert await search() == wanted
    assert await indexed(agent.connection) == 0
    assert await index(database, agent) == 3
    assert await indexed(agent.connection) == 3
    assert await search() == wanted


async def test_a_redriven_task_is_found_by_what_it_is_now(database: Database, agent: Agent) -> None:
    task_id = await plan_task(agent, prompt="Try")
    [lease] = await agent.claim("model-a")
    error = {"class": "timeout", "message": "walrus"}
    await agent.fail(lease, "give_up", error=error)
    await index(database, agent)
    assert await find_prompts(agent.connection, q="walrus") == ["Try"]

    await agent.connection.execute("select from public.cogo_redrive_task($1)", task_id)
    assert await find_prompts(agent.connection, q="walrus") == []
    assert await find_prompts(agent.connection, q="try") == ["Try"]
    [lease] = await agent.claim("model-a")
    await agent.complete(lease, output={"text": "unicorn"})
    for _ in range(2):
        assert await find_prompts(agent.connection, q="walrus") == []
        assert await find_prompts(agent.connection, q="unicorn") == ["Try"]
        await index(database, agent)


async def test_models_of_attempts_are_found_before_and_after_they_are_added(
    database: Database, agent: Agent
) -> None:
    usage = {"model_id": "x/rare"}
    for prompt, used in (("One", usage), ("Two", None), ("Again", usage)):
        await plan_task(agent, prompt=prompt, owner=ALICE)
        [lease] = await agent.claim("model-a")
        if prompt == "Again":
            error = {"class": "timeout", "message": "x"}
            await agent.fail(lease, "give_up", error=error, usage=used)
        else:
            assert await agent.complete(lease, output={"text": "x"}, usage=used) == "ok"
    await insert_task(agent.connection, "Named", model="x/rare")
    bob = await database.connect("authenticated", BOB)

    async def search() -> list[list[str]]:
        found = [
            await find_prompts(agent.connection, model=model)
            for model in ("x/rare", ["x/none", "x/rare"], "x/none")
        ]
        return [*found, await find_prompts(bob, model="x/rare")]

    wanted = [["Named", "Again", "One"]] * 2 + [[], []]
    assert await search() == wanted
    assert await index(database, agent) == 3
    assert await search() == wanted

    again = await agent.connection.fetchval(
        "select id from public.cogo_tasks where prompt = 'Again'"
    )
    await agent.connection.execute("select from public.cogo_redrive_task($1)", again)
    assert await search() == wanted
    [lease] = await agent.claim("model-a")
    await agent.complete(lease, output={"text": "x"}, usage={"model_id": "x/none"})
    wanted[1:3] = [wanted[0], ["Again"]]
    assert await search() == wanted
    assert await index(database, agent) == 1
    assert await search() == wanted


async def test_words_are_added_a_few_at_a_time_and_once(database: Database, agent: Agent) -> None:
    for number in range(5):
        await complete_task(agent, f"unicorn {number}", "done")

    added = [await index(database, agent, 2) for _ in range(4)]

    assert sum(added) == 5
    assert await indexed(agent.connection) == 5
    assert len(await find_prompts(agent.connection, q="unicorn")) == 5
    before = await agent.connection.fetchrow("select xmin, * from cogo.search_clock")
    assert await index(database, agent, 2) == 0
    # An idle system writes nothing.
    assert await agent.connection.fetchrow("select xmin, * from cogo.search_clock") == before


async def test_the_maintenance_of_memory_adds_words(database: Database, agent: Agent) -> None:
    await complete_task(agent, "a unicorn", "done")
    await database.jump(timedelta(minutes=2))
    for _ in range(2):
        await agent.connection.fetch("select * from public.cogo_run_memory('orchestrator-1')")

    assert await indexed(agent.connection) == 1


async def test_what_commits_late_is_not_missed(database: Database, agent: Agent) -> None:
    """The end of a task may be seen after those that came later."""
    late = Agent(await database.connect(), "late")
    await plan_task(late, prompt="late unicorn")
    [lease] = await late.claim("model-a")
    transaction = late.connection.transaction()
    await transaction.start()
    await late.complete(lease)
    await complete_task(agent, "early unicorn", "done")

    assert await index(database, agent) == 0
    assert await find_prompts(agent.connection, q="unicorn") == ["early unicorn", "late unicorn"]
    await transaction.commit()
    for _ in range(2):
        await index(database, agent)
        assert len(await find_prompts(agent.connection, q="unicorn")) == 2
    assert await indexed(agent.connection) == 2


async def test_a_task_that_is_being_deleted_is_neither_waited_for_nor_missed(
    database: Database, agent: Agent
) -> None:
    going = await complete_task(agent, "going unicorn", "done")
    await database.jump(timedelta(seconds=1))
    await complete_task(agent, "staying unicorn", "done")
    other = await database.connect()
    for is_deleted in (False, True):
        transaction = other.transaction()
        await transaction.start()
        await other.execute("delete from public.cogo_tasks where id = $1", going)
        await index(database, agent)
        assert len(await find_prompts(agent.connection, q="unicorn")) == 2
        await (transaction.commit() if is_deleted else transaction.rollback())
    await index(database, agent)

    assert await find_prompts(agent.connection, q="unicorn") == ["staying unicorn"]
    assert await indexed(agent.connection) == 1


async def test_words_go_with_their_task(database: Database, agent: Agent) -> None:
    task_id = await complete_task(agent, "secret unicorn", "done", owner=ALICE)
    await complete_task(agent, "old unicorn", "done")
    await index(database, agent)

    await agent.connection.execute("delete from public.cogo_tasks where id = $1", task_id)
    assert await indexed(agent.connection) == 1
    await database.jump(timedelta(days=40))
    await agent.connection.fetchval("select pruned from public.cogo_prune()")

    assert await indexed(agent.connection) == 0


async def test_users_search_in_their_own_tasks(database: Database, agent: Agent) -> None:
    await complete_task(agent, "her unicorn", "done", owner=ALICE)
    await complete_task(agent, "his unicorn", "done", owner=BOB)
    alice = await database.connect("authenticated", ALICE)
    for _ in range(2):
        assert await find_prompts(alice, q="unicorn") == ["her unicorn"]
        assert await count_tasks(alice, q="unicorn") == (1, False)
        assert await find_prompts(alice, q="unicorn", owner=str(BOB)) == []
        await index(database, agent)
    assert await indexed(agent.connection) == 2


async def test_ids_are_found_by_their_beginnings(database: Database, agent: Agent) -> None:
    task_id = await complete_task(agent, "wanted", "done", owner=ALICE)
    bob = await database.connect("authenticated", BOB)
    for text in (str(task_id), str(task_id)[:8], str(task_id)[:13].upper(), task_id.hex):
        assert await find_prompts(agent.connection, q=f" {text} ") == ["wanted"]
        assert await find_prompts(bob, q=text) == []
    assert await find_prompts(agent.connection, q="0" * 32) == []


async def test_signs_and_stop_words_are_looked_for_as_they_are(agent: Agent) -> None:
    await insert_task(agent.connection, "use => here")
    await insert_task(agent.connection, "no sign")

    assert await find_prompts(agent.connection, q="=>") == ["use => here"]
    assert await find_prompts(agent.connection, q="The") == []
    assert await find_prompts(agent.connection, q="No") == ["no sign"]


async def test_languages_without_spaces_are_found(database: Database, agent: Agent) -> None:
    await complete_task(agent, "東京の天気", "晴れ")
    for _ in range(2):
        assert await find_prompts(agent.connection, q="天気") == ["東京の天気"]
        assert await find_prompts(agent.connection, q="晴れ") == ["東京の天気"]
        await index(database, agent)


async def test_texts_of_any_size_have_words(database: Database, agent: Agent) -> None:
    many = " ".join(f"w{number:x}" for number in range(250_000))
    await complete_task(agent, "walrus " + many, many)
    await complete_task(agent, "x" * 1_000_000 + " unicorn", "walrus")

    for _ in range(2):
        assert len(await find_prompts(agent.connection, q="walrus")) == 2
        await index(database, agent)
    assert await indexed(agent.connection) == 2


@ONE_VERSION
async def test_no_query_is_an_error(database: Database, agent: Agent) -> None:
    await complete_task(agent, "indexed", "done")
    await index(database, agent)
    await insert_task(agent.connection, "open")
    hostile = [
        "'",
        "''",
        '"',
        '"""',
        "& | !",
        "a & b",
        "!a",
        "<->",
        "a <-> b",
        ":*",
        "a:*",
        "((",
        "\\",
    ]
    hostile += ["-", "--", "- -", "or", "or or", "-or", "a" * 5_000, "é" * 5_000, "😀" * 5_000]
    hostile += ["-" * 5_000, "(" * 5_000, "a or " * 2_000, "\x01\x7f", "\u202e", "$1", "%L", "%"]
    hostile += ["\t\n", " ", "'; drop table public.cogo_tasks; --", "a" * 2_047, "0" * 8, "f" * 33]
    for query in hostile:
        await find_prompts(agent.connection, q=query)
        await count_tasks(agent.connection, q=query)
    assert await find_prompts(agent.connection) == ["open", "indexed"]
