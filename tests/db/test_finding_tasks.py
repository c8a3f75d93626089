"""Lists of tasks by filters: what they find, in pages, for whom."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.support.sql.agent import (
    Agent,
    count_tasks,
    find_prompts,
    insert_task,
    plan_task,
    read_task_page,
    step,
)
from tests.support.sql.database import ALICE, BOB, Database

pytestmark = pytest.mark.db


async def test_each_filter_finds_its_tasks(database: Database, agent: Agent) -> None:
    service = agent.connection
    await insert_task(service, "old", owner=ALICE, type="CHAT", project="web", tags=["a", "b"])
    await database.jump(timedelta(hours=2))
    await insert_task(service, "middle", owner=BOB, model="model-x", tags=["b"], project="none")
    await database.jump(timedelta(hours=2))
    await insert_task(service, "new", type="CHAT", model="model-y")
    cancelled = await insert_task(service, "gone", owner=ALICE)
    await service.execute("select from public.cogo_cancel_task($1)", cancelled)
    middle = str(database.now - timedelta(hours=1))

    async def both(**filters: Any) -> list[str]:
        found = await find_prompts(service, **filters)
        assert await count_tasks(service, **filters) == (len(found), False)
        return found

    assert await both() == ["gone", "new", "middle", "old"]
    assert await both(type="CHAT") == ["new", "old"]
    assert await both(type=["CHAT", "GENERATE_CODE"], status="pending") == ["new", "middle", "old"]
    assert await both(status=["cancelled", "failed"]) == ["gone"]
    assert await both(owner=str(ALICE)) == ["gone", "old"]
    assert await both(owner="none") == ["new"]
    assert await both(owner=["none", str(BOB)]) == ["new", "middle"]
    assert await both(owner=[str(ALICE), str(BOB)]) == ["gone", "middle", "old"]
    assert await both(model="model-x") == ["middle"]
    assert await both(project="web") == ["old"]
    assert await both(project=["web", "none"]) == ["gone", "new", "middle", "old"]
    assert await both(tag="b") == ["middle", "old"]
    assert await both(tag=["b", "a"]) == ["old"]
    assert await both(since=middle) == ["gone", "new"]
    assert await both(until=middle) == ["middle", "old"]
    assert await both(since=middle, owner="none", type="CHAT") == ["new"]
    assert await both(status=[], type=None, owner=[], q="", dead=False) == await both()


async def test_costs_and_models_of_attempts_are_found(agent: Agent) -> None:
    for cost in ("0.25", "1"):
        await plan_task(agent, step("code", lane="model-a"), prompt=f"for {cost}")
        [lease] = await agent.claim("model-a")
        usage = {"model_id": "model-a", "cost_usd": float(cost), "input_tokens": 1}
        assert await agent.complete(lease, usage=usage) == "ok"
    await insert_task(agent.connection, "waits")

    assert await find_prompts(agent.connection, min_cost=0.25) == ["for 1", "for 0.25"]
    assert await find_prompts(agent.connection, min_cost="0.5") == ["for 1"]
    assert await find_prompts(agent.connection, max_cost=0.5, status="completed") == ["for 0.25"]
    assert await find_prompts(agent.connection, model="model-a") == ["for 1", "for 0.25"]


async def test_dead_letters_questions_and_child_tasks_are_found(agent: Agent) -> None:
    await insert_task(agent.connection, "fine")
    await plan_task(agent, step("code", lane="model-a"), prompt="dead")
    [lease] = await agent.claim("model-a")
    await agent.fail(lease, "give_up")
    asking = await plan_task(agent, step("code", needs_approval=True), prompt="asks")
    child = await insert_task(agent.connection, "child")
    await agent.connection.execute(
        "update public.cogo_tasks set parent_task_id = $2 where id = $1", child, asking
    )

    assert await find_prompts(agent.connection, dead=True) == ["dead"]
    assert await find_prompts(agent.connection, asking=True) == ["asks"]
    assert await find_prompts(agent.connection) == ["asks", "dead", "fine"]
    assert (await find_prompts(agent.connection, children=True))[0] == "child"


async def test_pages_lead_to_the_first_task_ever(agent: Agent) -> None:
    prompts = [f"task {number}" for number in range(25)]
    for number, prompt in enumerate(prompts):
        await insert_task(agent.connection, prompt, type="CHAT" if number % 5 == 0 else "RARE")
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, prompts), ({"type": "CHAT"}, prompts[::5])
    ]  # fmt: skip
    for filters, wanted in cases:
        found: list[str] = []
        before = None
        for _ in range(30):
            page = await read_task_page(agent.connection, 3, before, **filters)
            found += [task["prompt"] for task in page["tasks"]]
            before = page["next"]
            if before is None:
                break

        assert found == [*reversed(wanted)]


async def test_pages_lead_back_to_the_newest_task(agent: Agent) -> None:
    prompts = [f"sort {number}" for number in range(25)]
    for number, prompt in enumerate(prompts):
        await insert_task(agent.connection, prompt, type="CHAT" if number % 5 == 0 else "RARE")
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, prompts), ({"type": "CHAT"}, prompts[::5]), ({"q": "sort"}, prompts)
    ]  # fmt: skip
    for filters, wanted in cases:
        first = await read_task_page(agent.connection, 3, **filters)
        assert first["newer"] is None
        bookmark = await read_task_page(agent.connection, 3, first["next"], **filters)
        assert bookmark["newer"] == bookmark["tasks"][0]["seq"]
        oldest = await read_task_page(agent.connection, 1, after=0, **filters)
        found = [task["prompt"] for task in oldest["tasks"]]
        after = oldest["newer"]
        for _ in range(30):
            if after is None:
                break
            page = await read_task_page(agent.connection, 3, after=after, **filters)
            seqs = [task["seq"] for task in page["tasks"]]
            assert seqs == sorted(seqs, reverse=True)
            # The page of older ones begins where this one ends.
            before = await read_task_page(agent.connection, 1, page["next"], **filters)
            assert before["tasks"][0]["seq"] <= after
            found += [task["prompt"] for task in reversed(page["tasks"])]
            after = page["newer"]

        assert found == wanted


async def test_newer_tasks_are_those_of_the_time_that_was_asked_for(agent: Agent) -> None:
    for number in range(4):
        await insert_task(agent.connection, f"task {number}", type="CHAT")
    await agent.connection.execute(
        "update public.cogo_tasks set created_at = '2026-01-01Z'::timestamptz + seq * interval '1h'"
    )
    rows = await agent.connection.fetch(
        "select seq, created_at from public.cogo_tasks order by seq"
    )
    since, until = rows[1]["created_at"].isoformat(), rows[3]["created_at"].isoformat()

    page = await read_task_page(agent.connection, 9, after=rows[0]["seq"], since=since, until=until)
    empty = await read_task_page(agent.connection, 9, after=rows[3]["seq"])

    assert [task["seq"] for task in page["tasks"]] == [rows[2]["seq"], rows[1]["seq"]]
    assert page["newer"] is None
    assert (empty["tasks"], empty["newer"], empty["next"]) == ([], None, rows[3]["seq"] + 1)
    with pytest.raises(asyncpg.PostgresError, match="not both"):
        await read_task_page(agent.connection, 9, 5, 5)


async def test_long_stretches_without_a_match_are_crossed(database: Database, agent: Agent) -> None:
    """Also those of numbers that no task has any more."""
    superior = await database.connect("postgres")
    await insert_task(agent.connection, "first", type="RARE")
    for step_ in (10, 1_000, 100_000, 10_000_000):
        await superior.execute(
            "select setval('public.cogo_tasks_seq_seq',"
            " nextval('public.cogo_tasks_seq_seq') + $1::bigint)",
            step_,
        )
        await insert_task(agent.connection, f"after {step_}")

    assert await find_prompts(agent.connection, type="RARE") == ["first"]
    page = await read_task_page(agent.connection, type="RARE")
    assert page["next"] is None
    assert (await read_task_page(agent.connection, after=0, type="RARE"))["newer"] is None
    await insert_task(agent.connection, "last", type="RARE")
    first = page["tasks"][0]["seq"]
    [last] = (await read_task_page(agent.connection, after=first, type="RARE"))["tasks"]
    assert last["prompt"] == "last"


async def test_users_find_their_own_tasks_whatever_they_ask_for(
    database: Database, agent: Agent
) -> None:
    for owner, prompt in ((ALICE, "hers"), (BOB, "his"), (None, "nobody's")):
        await insert_task(agent.connection, prompt, owner=owner, project="shared", tags=["t"])
    alice = await database.connect("authenticated", ALICE)

    assert await find_prompts(alice) == ["hers"]
    others: list[dict[str, Any]] = [
        {"owner": str(BOB)},
        {"owner": "none"},
        {"q": "his"},
        {"q": "his", "owner": str(BOB)},
    ]
    for filters in others:
        assert await find_prompts(alice, **filters) == []
        assert await count_tasks(alice, **filters) == (0, False)
    everything = {"every_owner": True, "projects": ["shared"], "owner": str(BOB)}
    assert await find_prompts(alice, visible=everything, project="shared", tag="t") == ["hers"]
    facets = await alice.fetchval("select public.cogo_task_facets()")
    assert facets["owners"] == [str(ALICE)]


async def test_members_find_the_tasks_of_their_projects(database: Database, agent: Agent) -> None:
    service = agent.connection
    await insert_task(service, "hers", owner=ALICE)
    await insert_task(service, "his unicorn in web", owner=BOB, project="web")
    await insert_task(service, "his in app", owner=BOB, project="app")
    await insert_task(service, "his", owner=BOB)
    await insert_task(service, "nobody's", project="none")
    await service.execute("select from public.cogo_set_project_member('web', $1, 'viewer')", ALICE)
    alice = await database.connect("authenticated", ALICE)

    assert await find_prompts(alice) == ["his unicorn in web", "hers"]
    assert await count_tasks(alice) == (2, False)
    assert await find_prompts(alice, owner=str(BOB)) == ["his unicorn in web"]
    assert await find_prompts(alice, project="web") == ["his unicorn in web"]
    assert await find_prompts(alice, project=["app", "none"]) == ["hers"]
    assert await find_prompts(alice, project="app") == []
    assert await find_prompts(alice, q="unicorn") == ["his unicorn in web"]
    facets = await alice.fetchval("select public.cogo_task_facets()")
    assert facets["projects"] == ["web"]
    await service.execute("select from public.cogo_remove_project_member('web', $1)", ALICE)
    assert await find_prompts(alice) == ["hers"]


async def test_operators_find_what_somebody_may_see(agent: Agent) -> None:
    service = agent.connection
    await insert_task(service, "hers", owner=ALICE)
    await insert_task(service, "his in web", owner=BOB, project="web")
    await insert_task(service, "his", owner=BOB)
    await insert_task(service, "hers in web", owner=ALICE, project="web")
    await insert_task(service, "nobody's")
    alice = str(ALICE)

    assert await find_prompts(service, visible={"owner": alice}) == ["hers in web", "hers"]
    assert await find_prompts(service, visible={}) == ["nobody's"]
    assert await find_prompts(service, visible={"owner": alice, "projects": ["web"]}) == [
        "hers in web",
        "his in web",
        "hers",
    ]
    assert await find_prompts(service, visible={"owner": alice, "only_project": "web"}) == [
        "hers in web"
    ]
    assert await find_prompts(service, visible={"every_owner": True, "only_project": "web"}) == [
        "hers in web",
        "his in web",
    ]
    assert await find_prompts(service, visible={"owner": alice}, owner=str(BOB)) == []


async def test_without_a_user_nothing_is_found(database: Database, agent: Agent) -> None:
    await insert_task(agent.connection, "nobody's")
    nobody = await database.connect("authenticated")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await find_prompts(nobody)
    anonymous = await database.connect("anon")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await find_prompts(anonymous)


@pytest.mark.parametrize(
    "filters",
    [
        [],
        "all",
        3,
        None,
        {"colour": "red"},
        {"status": 3},
        {"status": [3]},
        {"status": {"a": 1}},
        {"type": ["x"] * 1_001},
        {"owner": "alice"},
        {"owner": "'; drop table public.cogo_tasks; --"},
        {"since": "yesterday-ish"},
        {"since": []},
        {"until": "294277-01-01"},
        {"min_cost": "much"},
        {"min_cost": {}},
        {"dead": "yes"},
        {"visible": "all"},
        {"visible": {"owner": "x"}},
        {"visible": {"every_owner": "true"}},
    ],
)
async def test_wrong_filters_are_refused_with_a_reason(agent: Agent, filters: object) -> None:
    for function in ("cogo_find_tasks", "cogo_count_tasks", "cogo_task_facets"):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await agent.connection.fetchval(f"select public.{function}($1::jsonb)", filters)
        assert refused.value.sqlstate in {"TQ004", "TQ008"}


@pytest.mark.parametrize(
    "text", ["'", "%", "\\", "$1", "{", '"', "a' or true --", "}'::text[]) or true --", "日本", ""]
)
async def test_texts_are_only_values(agent: Agent, text: str) -> None:
    await insert_task(agent.connection, "other")
    if text:
        await insert_task(agent.connection, "wanted", type=text, project=text, tags=[text])
    wanted = ["wanted"] if text else []

    assert await find_prompts(agent.connection, type=text) == wanted
    assert await find_prompts(agent.connection, project=text) == wanted
    assert await find_prompts(agent.connection, tag=text) == wanted
    assert await find_prompts(agent.connection, model=text) == []
    assert await find_prompts(agent.connection, status=text) == []
    await find_prompts(agent.connection, q=text)


@pytest.mark.parametrize("value", ["-infinity", "infinity", "0001-01-01", "9999-12-31", "now"])
async def test_any_time_may_be_a_bound(agent: Agent, value: str) -> None:
    await insert_task(agent.connection, "now")

    found = await find_prompts(agent.connection, since=value) + await find_prompts(
        agent.connection, until=value
    )

    assert found == ["now"]


async def test_facets_are_the_values_that_occur(agent: Agent) -> None:
    await insert_task(agent.connection, type="CHAT", project="web", tags=["b", "a"], owner=ALICE)
    await insert_task(agent.connection, type="CHAT", model="model-x", tags=["b"])
    await insert_task(agent.connection, type="OTHER")

    facets = await agent.connection.fetchval("select public.cogo_task_facets()")

    assert facets == {
        "types": ["CHAT", "OTHER"],
        "models": ["model-x"],
        "projects": ["web"],
        "tags": ["b", "a"],
        "owners": ["none", str(ALICE)],
    }
    nothing = json.dumps({"type": "NONE"})
    empty = await agent.connection.fetchval(
        "select public.cogo_task_facets($1::jsonb)", json.loads(nothing)
    )
    assert set(map(tuple, empty.values())) == {()}


async def test_lists_are_as_short_as_the_previews(agent: Agent) -> None:
    await insert_task(agent.connection, "x" * 10_000, owner=UUID(int=7))

    [task] = (await read_task_page(agent.connection))["tasks"]

    assert task["prompt"] == "x" * 300
    assert task["status"] == "pending"
    assert task["owner"] == str(UUID(int=7))
