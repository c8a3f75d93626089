"""Projects and tags of tasks: what is stored, what is refused, who inherits them."""

from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from tests.support.sql.agent import Agent, insert_task, task_of
from tests.support.sql.database import ALICE, Database

pytestmark = pytest.mark.db


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({"project": "web", "tags": ["b", "a"]}, ("web", ["a", "b"])),
        ({"project": "  web \n site\t", "tags": [" a\x01b "]}, ("web site", ["a b"])),
        ({"project": "", "tags": []}, (None, [])),
        ({"project": "\x07\x1b", "tags": ["", " ", "\n"]}, (None, [])),
        ({"project": None, "tags": None}, (None, [])),
        ({"tags": ["x", None, "x", " x", "é", "Z"]}, (None, ["Z", "x", "é"])),
        ({"project": "p" * 100, "tags": [f"{n:050}" for n in range(20)]}, None),
        ({"project": "日本" * 50}, None),
        ({"tags": [["a", "b"], ["c", "a"]]}, (None, ["a", "b", "c"])),
    ],
)
async def test_projects_and_tags_are_stored_clean(
    agent: Agent, given: dict[str, Any], stored: tuple[str | None, list[str]] | None
) -> None:
    task = await task_of(agent, await insert_task(agent.connection, "sort", **given))

    wanted = stored or (given.get("project"), given.get("tags", []))
    assert (task["project"], task["tags"]) == wanted


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"project": "p" * 101}, "project has 101 characters; the limit is 100"),
        ({"project": "p" * 1_000_000}, "project has 1000000 characters; the limit is 100"),
        ({"tags": ["x"] * 10_000}, "tags has 10000 elements; the limit is 20"),
        ({"tags": ["x" * 51]}, "a tag has 51 characters; the limit is 50"),
    ],
)
async def test_what_is_too_large_is_refused(
    agent: Agent, given: dict[str, Any], problem: str
) -> None:
    with pytest.raises(asyncpg.PostgresError, match=problem) as refused:
        await insert_task(agent.connection, "sort", **given)

    assert refused.value.sqlstate == "TQ008"


async def test_a_changed_project_is_cleaned_as_well(agent: Agent) -> None:
    task_id = await insert_task(agent.connection, "sort", project="web")
    change = "update public.cogo_tasks set project = $2, tags = $3 where id = $1"
    await agent.connection.execute(change, task_id, " app ", ["b", "a", "b"])

    task = await task_of(agent, task_id)

    assert (task["project"], task["tags"]) == ("app", ["a", "b"])
    with pytest.raises(asyncpg.PostgresError, match="project has 200"):
        await agent.connection.execute(change, task_id, "p" * 200, [])


async def test_a_user_sets_both_by_table_and_by_rpc(database: Database) -> None:
    alice = await database.connect("authenticated", ALICE)
    row = await alice.fetchrow(
        "insert into public.cogo_tasks (prompt, project, tags) values ('x', 'web', '{b,a}')"
        " returning *"
    )
    assert row is not None and (row["project"], row["tags"]) == ("web", ["a", "b"])
    submit = "select t.* from public.cogo_submit_task('x', p_project => $1, p_tags => $2) t"
    row = await alice.fetchrow(submit, " web ", ["b", "a", "a"])
    assert row is not None and (row["project"], row["tags"]) == ("web", ["a", "b"])


async def test_a_key_repeats_a_request_with_the_same_project_only(agent: Agent) -> None:
    submit = (
        "select (public.cogo_submit_task('x', p_idempotency_key => $1, p_project => $2,"
        " p_tags => $3)).id"
    )
    key = str(uuid4())
    first = await agent.connection.fetchval(submit, key, "web", ["b", "a"])
    assert await agent.connection.fetchval(submit, key, " web", ["a", "b"]) == first
    for project, tags in (("app", ["a", "b"]), (None, ["a", "b"]), ("web", ["a"])):
        with pytest.raises(asyncpg.PostgresError, match="used for another request"):
            await agent.connection.fetchval(submit, key, project, tags)
