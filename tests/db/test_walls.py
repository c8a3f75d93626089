"""Values that are too large or not readable by every program, refused when written."""

import json
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from tests.db.calls import a_call, begin
from tests.support.sql.agent import Agent, insert_task, plan_task, step, task_of
from tests.support.sql.database import ALICE, Connection, Database, rows

pytestmark = pytest.mark.db

MEBIBYTE = 1024 * 1024


def nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


TOO_LARGE = {
    "prompt": "x" * (2 * MEBIBYTE + 1),
    "type": "T" * 256,
    "model": "m" * 256,
    "idempotency_key": "k" * 256,
    "params": json.dumps({"code": "x" * MEBIBYTE}),
    "preferences": json.dumps({"allowed_models": ["m" * 65536]}),
}
LARGEST = {
    "prompt": "x" * (2 * MEBIBYTE),
    "type": "T" * 255,
    "model": "\U0001f600" * 255,
    "idempotency_key": "\U0001f600" * 255,
    "params": json.dumps({"code": "x" * (MEBIBYTE - 12)}),
    "preferences": json.dumps({"a": "x" * (65536 - 9)}),
}
UNREADABLE = [
    ("budget_usd", "NaN"),
    ("budget_usd", "Infinity"),
    ("budget_usd", "-Infinity"),
    ("budget_usd", "1" + "0" * 5000),
    ("deadline", "infinity"),
    ("deadline", "-infinity"),
    ("deadline", "9999-12-31 23:59:59-12"),
    ("deadline", "0001-01-01 00:00:00+14"),
    ("run_at", "infinity"),
    ("run_at", "294276-12-31"),
    ("run_at", "0044-03-15 BC"),
    ("params", '{"a": ' + "9" * 5000 + "}"),
    ("params", '{"a": 1e5000}'),
    ("params", '[{"a": [-1e400]}]'),
    ("params", nested(101)),
    ("params", nested(5000)),
    ("preferences", nested(101)),
    ("preferences", '{"preference": 1e309}'),
]
READABLE = [
    ("budget_usd", "-1"),
    ("budget_usd", "0." + "0" * 400 + "1"),
    ("deadline", "9999-12-29 23:59:59+00"),
    ("run_at", "0001-01-03"),
    ("params", '{"a": 1.7e308, "b": -1.7e308, "c": 1e-5000}'),
    ("params", nested(99)),
    ("preferences", nested(99)),
]
CASTS = {
    "budget_usd": "numeric",
    "deadline": "timestamptz",
    "run_at": "timestamptz",
} | dict.fromkeys(("params", "preferences"), "jsonb")


async def insert(connection: Connection, column: str, text: str) -> Any:
    """Insert a task with one column as Postgres reads it from text."""
    if column == "prompt":
        return await insert_task(connection, text)
    return await connection.fetchval(
        f"insert into public.cogo_tasks (prompt, {column})"  # noqa: S608 - our own names
        f" values ('sort', $1::text::{CASTS.get(column, 'text')}) returning id",
        text,
    )


@pytest.mark.parametrize("column", TOO_LARGE)
async def test_a_value_that_is_too_large_is_refused_with_its_size_and_the_limit(
    database: Database, column: str
) -> None:
    alice = await database.connect("authenticated", ALICE)

    with pytest.raises(asyncpg.PostgresError) as refused:
        await insert(alice, column, TOO_LARGE[column])
    assert await insert(alice, column, LARGEST[column])

    assert refused.value.sqlstate == "TQ008"
    assert str(refused.value).startswith(f"{column} has ")
    said, _, way_out = str(refused.value).partition(". ")
    assert said.endswith(("2097152", "1048576", "65536", "255"))
    assert ("storage:BUCKET/PATH" in way_out) is (column == "params")


@pytest.mark.parametrize(("column", "text"), UNREADABLE)
async def test_text_that_not_every_program_can_read_is_refused_by_name(
    database: Database, column: str, text: str
) -> None:
    alice = await database.connect("authenticated", ALICE)

    with pytest.raises(asyncpg.PostgresError) as refused:
        await insert(alice, column, text)

    assert refused.value.sqlstate == "TQ009"
    assert str(refused.value).startswith(f"{column} ")


@pytest.mark.parametrize(("column", "text"), READABLE)
async def test_text_that_every_program_can_read_is_accepted(
    database: Database, column: str, text: str
) -> None:
    alice = await database.connect("authenticated", ALICE)

    assert await insert(alice, column, text)


async def test_an_operator_meets_the_same_limits(agent: Agent) -> None:
    task_id = await insert_task(agent.connection)

    with pytest.raises(asyncpg.PostgresError) as refused:
        await agent.connection.execute(
            "update public.cogo_tasks set deadline = 'infinity' where id = $1", task_id
        )

    assert refused.value.sqlstate == "TQ009"


async def test_a_list_shows_the_beginning_of_a_prompt_and_short_fields(agent: Agent) -> None:
    long = "x" * 10_000
    task_id = await plan_task(
        agent, step("code"), prompt=long, params={"code_context": long, "language": "python"}
    )
    [lease] = await agent.claim("model-a")
    await agent.complete(lease, output={"text": long, "model_used": "model-a"})

    [line] = rows(await agent.connection.fetch("select * from public.cogo_task_previews"))
    task = await task_of(agent, task_id)

    assert (len(line["prompt"]), line["params"]) == (300, {"language": "python"})
    assert line["result"] == {"model_used": "model-a"}
    assert task.keys() - line.keys() == {"column_id", "stopped_seconds"}
    assert {key for key in line if line[key] != task[key]} == {"prompt", "params", "result"}


async def test_a_person_sees_only_their_own_previews(database: Database) -> None:
    alice = await database.connect("authenticated", ALICE)
    bob = await database.connect("authenticated", uuid4())
    mine = await insert_task(alice)

    assert await alice.fetchval("select id from public.cogo_task_previews") == mine
    assert await bob.fetchval("select count(*) from public.cogo_task_previews") == 0


ABSURD = {
    "input_tokens": 10**18,
    "cached_tokens": 10**30,
    "output_tokens": -3,
    "reasoning_tokens": 12.5,
    "duration_ms": "soon",
    "first_token_ms": 1e300,
    "cost_usd": "NaN",
}
SANE = {
    "input_tokens": "12",
    "cached_tokens": 12.0,
    "output_tokens": 3,
    "reasoning_tokens": 0,
    "duration_ms": 12.6,
    "first_token_ms": 7,
    "cost_usd": "1E-7",
}


async def attempts(agent: Agent, task_id: object) -> list[dict[str, Any]]:
    return rows(
        await agent.connection.fetch(
            f"select {', '.join(ABSURD)}, outcome, usage from public.cogo_attempts"  # noqa: S608
            " where task_id = $1 and lane <> 'cio'",
            task_id,
        )
    )


@pytest.mark.parametrize("ending", ["completed", "failed", "cancelled"])
async def test_an_attempt_can_end_whatever_is_said_of_its_usage(agent: Agent, ending: str) -> None:
    task_id = await plan_task(agent)
    [lease] = await agent.claim("model-a")

    if ending == "completed":
        assert await agent.complete(lease, usage=ABSURD) == "ok"
    elif ending == "failed":
        assert (await agent.fail(lease, "give_up", usage=ABSURD))["answer"] == "ok"
    else:
        await agent.connection.execute("select from public.cogo_cancel_task($1)", task_id)
        assert (await agent.fail(lease, usage=ABSURD))["answer"] == "closed"

    [attempt] = await attempts(agent, task_id)
    task = await task_of(agent, task_id)
    assert attempt["outcome"] == ending
    assert {key: attempt[key] for key in ABSURD if key != "duration_ms"} == dict.fromkeys(
        ABSURD.keys() - {"duration_ms"}
    )
    assert attempt["usage"] == dict.fromkeys(ABSURD)
    assert task["cost_usd"] is None, "unknown is not free"


async def test_counts_are_read_however_they_are_written(agent: Agent) -> None:
    task_id = await plan_task(agent)
    [lease] = await agent.claim("model-a")

    await agent.complete(lease, usage=SANE)

    [attempt] = await attempts(agent, task_id)
    assert (attempt["input_tokens"], attempt["cached_tokens"], attempt["output_tokens"]) == (
        12,
        12,
        3,
    )
    assert (attempt["reasoning_tokens"], attempt["duration_ms"]) == (0, 13)
    assert float(attempt["cost_usd"]) == 1e-7


async def test_a_call_is_booked_whatever_is_said_of_its_usage(agent: Agent) -> None:
    call = a_call()

    assert (await begin(agent, call))["answer"] == "ok"
    assert await agent.connection.fetchval(
        "select booked from public.cogo_end_call($1, $2)",
        agent.id,
        call | ABSURD | {"outcome": "completed"},
    )

    [booked] = rows(await agent.connection.fetch("select * from public.cogo_calls"))
    assert {key: booked[key] for key in ABSURD} == dict.fromkeys(ABSURD)


@pytest.mark.parametrize("after", [1e300, float("inf"), float("nan"), -1e300])
async def test_a_failure_is_recorded_whenever_it_wants_to_be_tried_again(
    agent: Agent, database: Database, after: float
) -> None:
    await plan_task(agent)
    [lease] = await agent.claim("model-a")

    answer = await agent.fail(lease, after=after)

    assert (answer["answer"], answer["status"]) == ("ok", "queued" if after < 0 else "delayed")
    assert answer["run_at"] is None or (answer["run_at"] - database.now).days <= 1


async def test_a_failure_is_recorded_without_what_nobody_could_read(agent: Agent) -> None:
    task_id = await plan_task(agent)
    [lease] = await agent.claim("model-a")

    answer = await agent.connection.fetchval(
        "select answer from public.cogo_fail_subtask("
        " p_agent_id => $1, p_subtask_id => $2, p_attempt => 1, p_action => 'give_up',"
        """ p_error => '{"class": "odd", "message": "it failed", "status": 1e400}')""",
        agent.id,
        lease["subtask_id"],
    )

    error = (await task_of(agent, task_id))["error"]
    assert answer == "ok"
    assert (error["class"], error["message"], "status" in error) == ("odd", "it failed", False)


@pytest.mark.parametrize("value", ["1e400", nested(101)])
async def test_an_output_that_nobody_could_read_is_refused_and_no_other(
    agent: Agent, value: str
) -> None:
    await plan_task(agent, step("a"), step("b"), step("end", "a", "b"))
    first, second = await agent.claim("model-a")
    good = {"subtask_id": str(second["subtask_id"]), "attempt": 1, "output": {}}
    bad = f'{{"subtask_id": "{first["subtask_id"]}", "attempt": 1, "output": {{"x": {value}}}}}'

    answers = await agent.connection.fetch(
        "select answer, detail from public.cogo_complete_subtasks("
        " p_agent_id => $1, p_items => $2::text::jsonb)",
        agent.id,
        f"[{bad}, {json.dumps(good)}]",
    )

    assert [each["answer"] for each in answers] == ["invalid", "ok"]
    assert answers[0]["detail"].startswith("output ")


async def test_text_from_a_person_has_a_maximum_length(agent: Agent, database: Database) -> None:
    alice = await database.connect("authenticated", ALICE)
    task_id = await insert_task(alice)
    long = "x" * 10_001

    for call, argument in (
        ("cogo_cancel_task($1, $2)", "p_reason"),
        ("cogo_feedback($1, 1, $2)", "p_comment"),
        ("cogo_approve_subtask($1, true, $2)", "p_comment"),
        ("cogo_answer_approval($1, true, $2)", "p_comment"),
    ):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await alice.execute(f"select from public.{call}", task_id, long)
        assert (refused.value.sqlstate, argument in str(refused.value)) == ("TQ008", True)


async def test_a_kept_text_has_a_limit(agent: Agent) -> None:
    item = {"model_id": "m", "content": "x" * (MEBIBYTE + 1), "vector": [1.0]}

    with pytest.raises(asyncpg.PostgresError) as refused:
        await agent.connection.execute("select public.cogo_keep_embeddings(null, $1)", [item])

    assert refused.value.sqlstate == "TQ008"
