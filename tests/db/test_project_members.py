"""Members of projects: what viewers and editors may do with tasks of others."""

from uuid import UUID

import asyncpg
import pytest

from tests.support.sql.agent import Agent, insert_task, plan_task, step, task_of
from tests.support.sql.database import ALICE, BOB, Connection, Database
from tests.support.sql.turns import answer_question, approvals

pytestmark = pytest.mark.db

CHANGES = (
    "select from public.cogo_pause_task($1)",
    "select from public.cogo_resume_task($1)",
    "select from public.cogo_send_event($1, 'go')",
    "select from public.cogo_cancel_task($1)",
)
INSERT = "insert into public.cogo_tasks (prompt, project) values ('x', $1) returning id"


async def add(
    operator: Connection, project: str | None, user: UUID | None, role: str | None
) -> None:
    await operator.execute(
        "select from public.cogo_set_project_member($1, $2, $3)", project, user, role
    )


async def refusal(connection: Connection, statement: str, *values: object) -> str:
    with pytest.raises(asyncpg.PostgresError) as refused:
        await connection.execute(statement, *values)
    return f"{refused.value.sqlstate}: {refused.value.args[0]}"


async def test_an_editor_changes_tasks_of_others_and_a_viewer_does_not(
    agent: Agent, database: Database
) -> None:
    bob = await database.connect("authenticated", BOB)
    task_id = await insert_task(agent.connection, owner=ALICE, project="web")
    for change in CHANGES:
        assert "TQ002: there is no task" in await refusal(bob, change, task_id)

    await add(agent.connection, "web", BOB, "viewer")
    for change in CHANGES:
        told = await refusal(bob, change, task_id)
        assert told == "TQ007: you may only read the tasks of the project web"
    assert (await task_of(agent, task_id))["status"] == "pending"

    await add(agent.connection, " web ", BOB, "editor")
    for change in CHANGES:
        await bob.execute(change, task_id)
    assert (await task_of(agent, task_id))["status"] == "cancelled"


async def test_an_editor_answers_the_questions_of_a_project(
    agent: Agent, database: Database
) -> None:
    bob = await database.connect("authenticated", BOB)
    await insert_task(agent.connection, owner=ALICE, project="web")
    await add(agent.connection, "web", BOB, "viewer")
    [plan] = await agent.claim("cio")
    await agent.complete(plan, plan={"subtasks": [step("a", needs_approval=True)]})
    [asked] = await approvals(bob)
    assert asked["project"] == "web"

    with pytest.raises(asyncpg.PostgresError, match="it is not yours"):
        await answer_question(bob, asked)
    await add(agent.connection, "web", BOB, "editor")
    await answer_question(bob, asked)

    [answered] = await approvals(bob)
    assert (answered["approved"], answered["answered_by"]) == (True, BOB)


async def test_questions_and_children_follow_their_task_to_another_project(
    agent: Agent, database: Database
) -> None:
    bob = await database.connect("authenticated", BOB)
    await add(agent.connection, "app", BOB, "viewer")
    task_id = await plan_task(agent, step("a", needs_approval=True), owner=ALICE, project="web")
    child = await insert_task(agent.connection, owner=ALICE, project="web", parent_task_id=task_id)
    other = await insert_task(agent.connection, owner=ALICE, project="own", parent_task_id=task_id)
    grandchild = await insert_task(
        agent.connection, owner=ALICE, project="web", parent_task_id=child
    )
    assert await approvals(bob) == []

    await agent.connection.execute(
        "update public.cogo_tasks set project = 'app' where id = $1", task_id
    )

    [asked] = await approvals(bob)
    assert (asked["task_id"], asked["project"]) == (task_id, "app")
    seen = {each["id"] for each in await bob.fetch("select id from public.cogo_tasks")}
    assert seen == {task_id, child, grandchild}
    assert (await task_of(agent, other))["project"] == "own"


async def test_a_project_with_members_takes_tasks_from_its_editors_only(
    agent: Agent, database: Database
) -> None:
    alice = await database.connect("authenticated", ALICE)
    bob = await database.connect("authenticated", BOB)
    await alice.execute(INSERT, "web")
    await add(agent.connection, "web", ALICE, "editor")
    await add(agent.connection, "web", BOB, "viewer")

    await alice.execute(INSERT, "web")
    told = await refusal(bob, INSERT, " web")
    assert told == "TQ007: only editors of the project web may submit tasks to it"
    assert "TQ007" in await refusal(
        agent.connection,
        "select from public.cogo_submit_task('x', p_owner => $1, p_project => 'web')",
        BOB,
    )
    await insert_task(agent.connection, project="web")
    await bob.execute(INSERT, "app")


async def test_a_member_hears_the_results_of_the_tasks(agent: Agent, database: Database) -> None:
    bob = await database.connect("authenticated", BOB)
    task_id = await insert_task(agent.connection, owner=ALICE, project="web")
    hears = "select cogo.can_read_topic('cogo-results:' || $1::text)"
    assert await bob.fetchval(hears, str(task_id)) is False

    await add(agent.connection, "web", BOB, "viewer")

    assert await bob.fetchval(hears, str(task_id)) is True
    other = await insert_task(agent.connection, owner=ALICE, project="app")
    assert await bob.fetchval(hears, str(other)) is False


@pytest.mark.parametrize(
    ("project", "user", "role"),
    [
        (None, BOB, "viewer"),
        (" \n", BOB, "viewer"),
        ("web", None, "viewer"),
        ("web", BOB, "owner"),
        ("web", BOB, None),
        ("p" * 101, BOB, "viewer"),
        ("p" * 1_000_000, BOB, "viewer"),
    ],
)
async def test_a_wrong_member_is_refused(
    agent: Agent, project: str | None, user: UUID | None, role: str | None
) -> None:
    with pytest.raises(asyncpg.PostgresError) as refused:
        await add(agent.connection, project, user, role)

    assert refused.value.sqlstate in {"TQ004", "TQ008"}


async def test_projects_are_those_of_tasks_calls_caps_and_members(
    agent: Agent, database: Database
) -> None:
    for project in ("b", "a", "b", None, "a", "c"):
        await insert_task(agent.connection, project=project)
    await add(agent.connection, "d", BOB, "viewer")
    await agent.connection.execute("select from public.cogo_set_budget('project', 'e', 'day', 1)")

    rows = await agent.connection.fetch("select * from public.cogo_projects()")
    assert [(row["name"], row["open_tasks"], len(row["members"])) for row in rows] == [
        ("a", 2, 0), ("b", 2, 0), ("c", 1, 0), ("d", 0, 1), ("e", 0, 0),
    ]  # fmt: skip
    rows = await agent.connection.fetch("select * from public.cogo_projects('{d,none}')")
    assert [row["name"] for row in rows] == ["d", "none"]
    bob = await database.connect("authenticated", BOB)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await bob.execute("select * from public.cogo_projects()")
    members = await bob.fetch("select project, role from public.cogo_project_members")
    assert [tuple(row) for row in members] == [("d", "viewer")]


async def test_a_key_of_a_project_is_no_key_for_everything(agent: Agent) -> None:
    create = (
        "select * from public.cogo_create_api_key('k' || $1, repeat('a', 64), 'n', $2,"
        " p_project => $1)"
    )
    row = await agent.connection.fetchrow(create, " web ", ["tasks:read"])
    assert row is not None and row["project"] == "web"
    told = await refusal(agent.connection, create, "web", ["tasks:read", "admin"])
    assert told == "TQ004: the scope admin is for everything, not for one project"
    for blank in ("", " \n"):
        told = await refusal(agent.connection, create, blank, ["tasks:read"])
        assert told == "TQ004: p_project must name a project; null: the key is for all tasks"
