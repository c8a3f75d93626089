"""What an attempt had written is kept if its output was not accepted, and only then."""

from typing import Any
from uuid import UUID

import pytest

from tests.support.sql.agent import ERROR, Agent, Row, plan_task, step
from tests.support.sql.database import ALICE, BOB, Database

pytestmark = pytest.mark.db

MOST = 65_536
"""Characters that are kept of a text."""


async def read_outputs(agent: Agent, task: UUID) -> list[Any]:
    rows = await agent.connection.fetch(
        "select output from public.cogo_attempts where task_id = $1 and lane = 'model-a'"
        " order by attempt",
        task,
    )
    return [row["output"] for row in rows]


async def fail(agent: Agent, lease: Row, output: Any, action: str = "retry") -> str:
    answer: str = await agent.connection.fetchval(
        "select answer from public.cogo_fail_subtask(p_agent_id => $1, p_subtask_id => $2,"
        " p_attempt => $3, p_error => $4, p_action => $5, p_retry_after_seconds => 0,"
        " p_output => $6)",
        *(agent.id, lease["subtask_id"], lease["attempt"], ERROR, action, output),
    )
    return answer


async def start(agent: Agent, **options: Any) -> tuple[UUID, Row]:
    task = await plan_task(agent, step("a"), **options)
    [lease] = await agent.claim("model-a")
    return task, lease


async def test_what_a_failed_attempt_had_written_is_kept_beside_that_of_the_next(
    agent: Agent,
) -> None:
    task, first = await start(agent)

    assert await fail(agent, first, {"content": "{1", "reasoning": "hm", "turn": 2}) == "ok"
    [second] = await agent.claim("model-a")
    assert await fail(agent, second, {"content": "{2"}, "reroute") == "ok"

    assert await read_outputs(agent, task) == [
        {"text": "{1", "reasoning": "hm", "turn": 2},
        {"text": "{2"},
    ]


async def test_a_repeated_report_changes_nothing(agent: Agent) -> None:
    task, lease = await start(agent)

    answers = [await fail(agent, lease, {"content": each}) for each in ("first", "later")]

    assert answers == ["ok", "duplicate"]
    assert await read_outputs(agent, task) == [{"text": "first"}]


async def test_another_agent_can_write_nothing(agent: Agent, other_agent: Agent) -> None:
    task, lease = await start(agent)

    assert await fail(other_agent, lease, {"content": "mine"}) == "stale"
    assert await read_outputs(agent, task) == [None]


@pytest.mark.parametrize("died", [True, False])
async def test_the_last_checkpoint_of_a_lease_that_was_taken_back_is_kept(
    agent: Agent, died: bool
) -> None:
    task, lease = await start(agent)
    await agent.extend(lease, content="as far as", reasoning="why")

    await agent.release(lease, died=died)
    [following] = await agent.claim("model-a")
    await agent.extend(following, content="again")

    assert await read_outputs(agent, task) == [{"text": "as far as", "reasoning": "why"}, None]


async def test_the_checkpoint_stands_in_for_a_failure_without_a_text(agent: Agent) -> None:
    task, lease = await start(agent)
    await agent.extend(lease, content="so far")

    await agent.fail(lease)

    assert await read_outputs(agent, task) == [{"text": "so far"}]


async def test_the_checkpoint_of_an_earlier_attempt_is_not_that_of_this_one(agent: Agent) -> None:
    task, first = await start(agent)
    await agent.extend(first, content="of the first")
    await agent.fail(first, after=0)
    [second] = await agent.claim("model-a")

    await agent.fail(second)

    assert await read_outputs(agent, task) == [{"text": "of the first"}, None]


async def test_a_long_text_is_cut_and_its_length_is_told(agent: Agent) -> None:
    task, lease = await start(agent)

    await fail(agent, lease, {"content": "ä" * (MOST + 1), "reasoning": "r" * (MOST + 1)})

    [output] = await read_outputs(agent, task)
    assert output == {"text": "ä" * MOST, "reasoning": "r" * MOST, "characters": MOST + 1}


@pytest.mark.parametrize("odd", [[], "text", 7, {}, {"content": None}, {"content": ""}])
async def test_an_odd_text_stops_no_failure(agent: Agent, odd: Any) -> None:
    task, lease = await start(agent)

    assert await fail(agent, lease, odd) == "ok"
    assert await read_outputs(agent, task) == [None]


async def test_an_accepted_output_is_not_stored_twice(agent: Agent) -> None:
    task, lease = await start(agent)
    await agent.extend(lease, content="so far")

    assert await agent.complete(lease, output={"text": "whole"}) == "ok"

    assert await read_outputs(agent, task) == [None]


async def test_who_reads_the_task_reads_what_its_attempts_had_written(
    agent: Agent, database: Database
) -> None:
    _, lease = await start(agent, owner=ALICE)
    await fail(agent, lease, {"content": "of alice"})

    found = {}
    for owner in (ALICE, BOB):
        user = await database.connect("authenticated", owner)
        found[owner] = await user.fetch(
            "select output ->> 'text' as text from public.cogo_attempts where output is not null"
        )

    assert [row["text"] for row in found[ALICE]] == ["of alice"]
    assert found[BOB] == []
