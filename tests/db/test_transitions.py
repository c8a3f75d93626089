# ruff: noqa: S608 -- the statements are put together from our own names.

from enum import StrEnum
from itertools import permutations, product

import asyncpg
import pytest

from protocol.lanes import is_calling_lane, is_model_lane
from protocol.lifecycle import SUBTASK_TRANSITIONS, TASK_TRANSITIONS, SubtaskState, TaskState
from tests.support.sql.agent import Agent
from tests.support.sql.database import Database

pytestmark = pytest.mark.db


@pytest.mark.parametrize(
    ("function", "states", "moves"),
    [
        ("task_transitions", TaskState, TASK_TRANSITIONS),
        ("subtask_transitions", SubtaskState, SUBTASK_TRANSITIONS),
    ],
)
async def test_python_and_sql_allow_the_same_transitions(
    agent: Agent, function: str, states: type[StrEnum], moves: dict[str, frozenset[str]]
) -> None:
    found = await agent.connection.fetchval(f"select cogo.{function}()")
    in_sql = {tuple(move.split(">")) for move in found}

    for start, end in product(states, repeat=2):
        assert ((start, end) in in_sql) == (end in moves[start]), f"{start} -> {end}"


# What a row in each status must look like beside it; checks see to it.
TASK_ROWS = {
    "pending": "",
    "running": "started_at = now()",
    "held": "paused_at = now()",
    "completed": "started_at = now(), result = '{}', finished_at = now()",
    "failed": "error = '{}', finished_at = now()",
    "cancelled": "cancel_requested_at = now(), finished_at = now()",
}
SUBTASK_ROWS = {
    "blocked": "",
    "queued": "",
    "delayed": "run_at = now()",
    "waiting": "needs_approval = true",
    "held": "",
    "running": "lease_expires_at = now(), agent_id = 'x', attempt = 1, started_at = now()",
    "completed": "finished_at = now()",
    "failed": "finished_at = now()",
    "cancelled": "finished_at = now()",
}


@pytest.mark.parametrize(
    ("table", "rows", "moves", "reset"),
    [
        (
            "public.cogo_tasks",
            TASK_ROWS,
            TASK_TRANSITIONS,
            "started_at = null, paused_at = null, result = null, error = null,"
            " cancel_requested_at = null, finished_at = null",
        ),
        (
            "cogo.subtasks",
            SUBTASK_ROWS,
            SUBTASK_TRANSITIONS,
            "lease_expires_at = null, agent_id = null, finished_at = null",
        ),
    ],
)
async def test_the_trigger_refuses_exactly_the_transitions_that_are_not_listed(
    database: Database,
    table: str,
    rows: dict[str, str],
    moves: dict[str, frozenset[str]],
    reset: str,
) -> None:
    owner = await database.connect("postgres")
    await owner.execute("insert into public.cogo_tasks (prompt) values ('x')")

    for start, end in permutations(rows, 2):
        transaction = owner.transaction()
        await transaction.start()
        await owner.execute(f"alter table {table} disable trigger user")
        await owner.execute(update(table, reset, start, rows[start]))
        await owner.execute("set constraints all immediate")
        await owner.execute(f"alter table {table} enable trigger user")
        try:
            await owner.execute(update(table, reset, end, rows[end]))
            is_allowed = True
        except asyncpg.PostgresError as error:
            assert error.sqlstate == "TQ003", (start, end, error)
            is_allowed = False
        await transaction.rollback()

        assert is_allowed == (end in moves[start]), f"{start} -> {end}"


def update(table: str, reset: str, status: str, beside: str) -> str:
    named = {part.split(" = ")[0].strip() for part in beside.split(",") if part}
    kept = [part for part in reset.split(",") if part.split(" = ")[0].strip() not in named]
    columns = ", ".join([*kept, *([beside] if beside else []), f"status = '{status}'"])
    return f"update {table} set {columns} where true"


async def test_columns_that_contradict_a_status_are_refused(database: Database) -> None:
    owner = await database.connect("postgres")
    await owner.execute("insert into public.cogo_tasks (prompt) values ('x')")

    for statement in (
        "update public.cogo_tasks set result = '{}' where true",
        "update public.cogo_tasks set finished_at = now() where true",
        "update public.cogo_tasks set status = 'asleep' where true",
        "update cogo.subtasks set agent_id = 'x' where true",
        "update cogo.subtasks set lease_expires_at = now() where true",
        "update cogo.subtasks set dead_at = now() where true",
        "update cogo.subtasks set deps_left = 1 where true",
        "update cogo.subtasks set status = 'delayed' where true",
    ):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await owner.execute(statement)
        assert refused.value.sqlstate in {"23514", "TQ003"}, statement


@pytest.mark.parametrize(
    ("columns", "check"),
    [
        ("kind = 'nap'", "kind"),
        ("priority = 10", "priority"),
        ("status = 'delayed', run_at = now(), level = -1", "level"),
        ("deps_left = -1", "deps_left"),
        ("end_no = 0", "end_no"),
        ("on_failure = 'shrug'", "on_failure"),
        ("on_failure = 'continue', sink = true", "on_failure"),
        ("agent_id = 'x'", "lease"),
        ("lease_expires_at = now()", "lease"),
        ("claim_request = gen_random_uuid()", "lease"),
        ("status = 'running', attempt = 1, started_at = now(), agent_id = 'x'", "lease"),
        ("status = 'running', agent_id = 'x', lease_expires_at = now(), attempt = 1", "running"),
        ("status = 'running', agent_id = 'x', lease_expires_at = now(), attempt = 0,"
         " started_at = now()", "running"),
        ("deps_left = 1", "ready"),
        ("status = 'delayed'", "delayed"),
        ("cancel_requested_at = now()", "cancel"),
        ("dead_at = now()", "dead"),
        ("finished_at = now()", "finished"),
        ("status = 'cancelled'", "finished"),
    ],
)  # fmt: skip
async def test_the_check_that_a_subtask_violates_is_named(
    database: Database, columns: str, check: str
) -> None:
    owner = await database.connect("postgres")
    await owner.execute("insert into public.cogo_tasks (prompt) values ('x')")

    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await owner.execute(f"update cogo.subtasks set {columns} where true")

    assert refused.value.constraint_name == f"subtasks_{check}"


async def test_what_a_trigger_sets_is_checked(database: Database) -> None:
    owner = await database.connect("postgres")
    await owner.execute("insert into public.cogo_tasks (prompt, run_at) values ('x', '2999-01-01')")
    await owner.execute(
        "insert into cogo.grants (owner, kind, name) select s.owner, 'priority', '50'"
        " from cogo.subtasks s"
    )

    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await owner.execute("update cogo.subtasks set status = 'queued', run_at = null where true")

    assert refused.value.constraint_name == "subtasks_level"


@pytest.mark.parametrize(("status", "check"), [("asleep", "status"), ("waiting", "waiting")])
async def test_a_new_subtask_is_checked_too(database: Database, status: str, check: str) -> None:
    owner = await database.connect("postgres")
    task_id = await owner.fetchval(
        "insert into public.cogo_tasks (prompt) values ('x') returning id"
    )

    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await owner.execute(
            "insert into cogo.subtasks (task_id, key, type, lane, status)"
            " values ($1, 'k', 'CHAT', 'm', $2)", task_id, status,
        )  # fmt: skip

    assert refused.value.constraint_name == f"subtasks_{check}"


@pytest.mark.parametrize(
    "lane",
    [
        *("cio", "wait", "sandbox:python", "tools:shop", "sandbox", "a-model", "x/wait", "CIO"),
        *("tools:cogo.embeddings/e", "tools:cogo.rerank/r", "tools:cogo.memory"),
    ],
)
async def test_python_and_sql_agree_which_lanes_are_models(agent: Agent, lane: str) -> None:
    is_model = await agent.connection.fetchval("select cogo.is_model_lane($1)", lane)

    assert is_model is is_model_lane(lane)
    is_calling = await agent.connection.fetchval("select cogo.is_calling_lane($1)", lane)
    assert is_calling is is_calling_lane(lane)
