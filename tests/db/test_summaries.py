"""Summaries of sessions: asked for in time, of the last one and what follows."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.sql.agent import Agent, Row, insert_task
from tests.support.sql.database import ALICE, BOB, Database

pytestmark = pytest.mark.db

LONG = "x" * 3_000


async def hold_turns(
    agent: Agent,
    count: int,
    session_id: UUID,
    first: int = 1,
    *,
    owner: UUID | None = ALICE,
    **columns: Any,
) -> None:
    """Add turns, with a task each if there are columns of it."""
    for number in range(first, first + count):
        task_id = None
        if columns:
            task_id = await insert_task(agent.connection, owner=owner, **columns)
        await agent.connection.execute(
            "insert into public.cogo_sessions (owner, id) values ($1, $2) on conflict do nothing",
            owner,
            session_id,
        )
        await agent.connection.execute(
            "insert into public.cogo_messages (owner, session_id, role, content, task_id)"
            " values ($1, $2, 'user', $3, $5), ($1, $2, 'assistant', $4, $5)",
            owner,
            session_id,
            f"q{number} {LONG}",
            f"a{number} {LONG}",
            task_id,
        )


async def run(agent: Agent) -> tuple[int, int, str | None]:
    [row] = await agent.connection.fetch("select * from public.cogo_run_memory('o-1')")
    return row["asked"], row["applied"], row["problem"]


async def find_summary_task(agent: Agent) -> Row | None:
    rows = await agent.connection.fetch(
        "select t.* from public.cogo_tasks t join cogo.follow_ups f on f.task_id = t.id"
        " where f.purpose = 'summary' and f.applied_at is null"
    )
    return dict(rows[0]) if rows else None


async def answer(agent: Agent, text: str) -> None:
    """Answer the task for a summary as an executor does."""
    task = await find_summary_task(agent)
    assert task is not None
    for lease in await agent.claim("cio"):
        if lease["task"]["prompt"] == "sort a list":
            continue
        output = {"text": text, "model_used": "cheap"}
        assert await agent.complete(lease, output=output) == "ok"


async def read(agent: Agent, session_id: UUID, owner: UUID | None = ALICE) -> dict[str, Any] | None:
    row = await agent.connection.fetchrow(
        "select summary, messages from public.cogo_read_session($1, $2)", owner, session_id
    )
    return None if row is None else dict(row)


async def test_a_short_session_has_no_summary(agent: Agent) -> None:
    await hold_turns(agent, 3, uuid4())

    assert await run(agent) == (0, 0, None)


@pytest.mark.parametrize("owner", [None, ALICE])
async def test_a_long_session_is_summarised_but_for_its_newest_turns(
    agent: Agent, owner: UUID | None
) -> None:
    session_id = uuid4()
    await hold_turns(agent, 4, session_id, owner=owner)

    assert await run(agent) == (1, 0, None)
    assert await run(agent) == (0, 0, None), "it is asked for once"
    task = await find_summary_task(agent)
    assert task is not None
    assert (task["type"], task["owner"], task["priority"]) == ("CHAT", owner, 1)
    assert (task["session_id"], task["preferences"]) == (None, {"preference": "cost"})
    assert "a2" in task["prompt"]
    assert "q3" not in task["prompt"]
    await answer(agent, "They said x.")
    assert await run(agent) == (0, 1, None)

    session = await read(agent, session_id, owner)
    assert session is not None
    assert session["summary"]["content"] == "They said x."
    assert session["summary"]["model_id"] == "cheap"
    assert session["summary"]["through"] == session["messages"][4]["seq"]
    assert await find_summary_task(agent) is None
    assert not await agent.connection.fetchval(
        "select exists (select from public.cogo_tasks where prompt like '%<messages-%')"
    ), "the task, which holds the texts, is deleted"


async def test_the_next_summary_is_made_of_the_last_one_and_what_follows(agent: Agent) -> None:
    session_id = uuid4()
    await hold_turns(agent, 4, session_id)
    await run(agent)
    await answer(agent, "First summary.")
    await run(agent)

    await hold_turns(agent, 2, session_id, first=5)
    assert await run(agent) == (1, 0, None)

    task = await find_summary_task(agent)
    assert task is not None
    assert "First summary." in task["prompt"]
    assert "q3" in task["prompt"]
    assert "q2" not in task["prompt"]
    await answer(agent, "Second summary.")
    await run(agent)
    session = await read(agent, session_id)
    assert session is not None
    assert session["summary"]["content"] == "Second summary."


async def test_what_fails_is_tried_again_later_and_less_often(
    database: Database, agent: Agent
) -> None:
    session_id = uuid4()
    await hold_turns(agent, 4, session_id)
    for minutes in (1, 4, 16):
        assert (await run(agent))[0] == 1
        await answer(agent, " ")
        assert (await run(agent))[:2] == (0, 1)
        await database.jump(timedelta(minutes=minutes) - timedelta(seconds=1))
        assert (await run(agent))[0] == 0
        await database.jump(timedelta(seconds=2))


async def test_a_summary_keeps_the_restrictions_of_all_that_it_covers(agent: Agent) -> None:
    session_id = uuid4()
    strict = {"data_policy": "eu", "denied_providers": ["p1"], "preference": "quality"}
    other = {"data_policy": ["no-training"], "denied_providers": ["p2"], "policy": "cascade"}
    await hold_turns(agent, 1, session_id, preferences=strict)
    await hold_turns(agent, 3, session_id, first=2, preferences=other)
    await run(agent)
    await answer(agent, "First.")
    await run(agent)
    await hold_turns(agent, 2, session_id, first=5, model="model-a")
    await run(agent)

    task = await find_summary_task(agent)
    assert task is not None
    assert task["preferences"] == {
        "preference": "cost",
        "data_policy": ["eu", "no-training"],
        "denied_providers": ["p1", "p2"],
    }
    # Turns 3 and 4 named no model, those that named one are not covered yet.
    assert task["model"] is None


@pytest.mark.parametrize(
    ("columns", "project"), [({"project": "app"}, None), ({}, None), ({"project": "web"}, "web")]
)
async def test_a_summary_belongs_to_the_project_of_all_that_it_covers(
    agent: Agent, columns: dict[str, Any], project: str | None
) -> None:
    session_id = uuid4()
    await hold_turns(agent, 1, session_id, **columns)
    await hold_turns(agent, 11, session_id, 2, project="web")
    await agent.connection.execute(
        "select from public.cogo_set_project_member('web', $1, 'viewer')", BOB
    )

    await run(agent)

    task = await find_summary_task(agent)
    assert task is not None
    assert (task["owner"], task["project"]) == (ALICE, project)


async def test_a_conversation_with_a_model_by_name_is_read_by_no_other(agent: Agent) -> None:
    await hold_turns(agent, 4, uuid4(), model="model-a")

    await run(agent)

    task = await find_summary_task(agent)
    assert task is not None
    assert task["model"] == "model-a"


async def test_a_forgotten_session_leaves_no_summary_and_no_task(agent: Agent) -> None:
    session_id, other = uuid4(), uuid4()
    await hold_turns(agent, 4, session_id)
    await hold_turns(agent, 4, other, owner=BOB)
    await run(agent)
    await answer(agent, "They said x.")
    await run(agent)
    await hold_turns(agent, 2, session_id, first=5)
    await run(agent)
    assert await find_summary_task(agent) is not None

    await agent.connection.fetch(
        "select * from public.cogo_forget_sessions($1, p_ids => array[$2::uuid])", ALICE, session_id
    )

    assert await find_summary_task(agent) is None
    owners = await agent.connection.fetch("select owner from cogo.session_summaries")
    assert [row["owner"] for row in owners] == [BOB]
    assert not await agent.connection.fetchval(
        "select exists (select from public.cogo_tasks where follow_up = 'summary')"
    )


async def test_a_deleted_message_leaves_the_summary_that_covers_it_and_one_in_the_making(
    agent: Agent,
) -> None:
    session_id = uuid4()
    await hold_turns(agent, 4, session_id)
    await run(agent)
    await agent.connection.execute("delete from public.cogo_messages where content like 'q1 %'")
    await answer(agent, "They said q1.")
    await run(agent)
    session = await read(agent, session_id)
    assert session is not None
    assert session["summary"] is None

    await run(agent)
    await answer(agent, "They said more.")
    await run(agent)
    session = await read(agent, session_id)
    assert session is not None
    assert session["summary"] is not None
    await agent.connection.execute("delete from public.cogo_messages where content like 'a1 %'")
    session = await read(agent, session_id)
    assert session is not None
    assert session["summary"] is None


async def test_a_session_that_was_deleted_meanwhile_gets_no_summary(agent: Agent) -> None:
    await hold_turns(agent, 4, uuid4())
    await run(agent)
    await agent.connection.execute("delete from public.cogo_sessions")
    await answer(agent, "They said x.")

    assert await run(agent) == (0, 1, None)

    assert await agent.connection.fetchval("select count(*) from cogo.session_summaries") == 0


async def test_messages_without_answers_are_not_asked_about_again_and_again(agent: Agent) -> None:
    session_id = uuid4()
    await hold_turns(agent, 1, session_id)
    await agent.connection.execute(
        "insert into public.cogo_messages (owner, session_id, role, content)"
        " select $1, $2, 'user', repeat('y', 3999) from generate_series(1, 20)",
        ALICE,
        session_id,
    )
    await agent.connection.execute("delete from public.cogo_messages where role = 'assistant'")

    assert await run(agent) == (0, 0, None)
    due = await agent.connection.fetchval(
        "select summary_due_at > cogo.now() from public.cogo_sessions"
    )
    assert due
