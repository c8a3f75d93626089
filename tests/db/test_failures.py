from datetime import timedelta

import pytest

from tests.support.sql.agent import ERROR, Agent, insert_task, plan_task, statuses, step, task_of
from tests.support.sql.database import Database

pytestmark = pytest.mark.db

USAGE = {"model_id": "model-a", "provider": "p", "input_tokens": 5, "cost_usd": 0.125}


async def test_a_retry_waits_with_full_jitter_and_then_runs_again(
    database: Database, agent: Agent
) -> None:
    await plan_task(agent)
    waits = []
    for attempt in range(1, 5):
        [lease] = await agent.claim("model-a")
        assert (lease["attempt"], lease["failures"]) == (attempt, attempt - 1)
        answer = await agent.fail(lease)
        assert (answer["answer"], answer["status"]) == ("ok", "delayed")
        waits.append((answer["run_at"] - database.now).total_seconds())
        assert await agent.claim("model-a") == []
        await database.jump(timedelta(seconds=301))

    assert all(0 < wait <= 2**failures for failures, wait in enumerate(waits, start=1))
    [lease] = await agent.claim("model-a")
    assert [attempt["outcome"] for attempt in lease["history"]] == ["failed"] * 4
    assert lease["history"][0]["error"] == ERROR


async def test_the_vendors_retry_after_is_honoured(database: Database, agent: Agent) -> None:
    await plan_task(agent)
    [lease] = await agent.claim("model-a")

    answer = await agent.fail(lease, after=42)

    assert answer["run_at"] == database.now + timedelta(seconds=42)
    assert answer["after_ms"] == 42_000
    await database.jump(timedelta(seconds=41))
    assert await agent.claim("model-a") == []
    await database.jump(timedelta(seconds=1))
    assert len(await agent.claim("model-a")) == 1


async def test_a_retry_after_of_zero_queues_at_once(agent: Agent) -> None:
    await plan_task(agent)
    [lease] = await agent.claim("model-a")

    assert (await agent.fail(lease, after=0))["status"] == "queued"


async def test_the_last_failure_makes_a_dead_letter_and_fails_the_task(agent: Agent) -> None:
    task_id = await plan_task(
        agent, step("a", max_failures=2), step("b"), step("end", "a", "b"), step("never", "end")
    )
    lease, sibling = await agent.claim("model-a")
    await agent.fail(lease, after=0)
    [lease] = await agent.claim("model-a")

    answer = await agent.fail(lease, usage=USAGE)

    assert (answer["answer"], answer["status"]) == ("ok", "failed")
    task = await task_of(agent, task_id)
    assert task["status"] == "failed"
    assert task["error"] == ERROR | {
        "subtask_id": str(lease["subtask_id"]),
        "subtask_key": "a",
    }
    assert float(task["cost_usd"]) == 0.125
    assert await statuses(agent, task_id) == {
        "plan": "completed",
        "a": "failed",
        "b": "running",
        "end": "cancelled",
        "never": "cancelled",
    }
    assert await agent.extend(sibling) == ["cancel"]
    assert await agent.connection.fetchval(
        "select dead_at is not null from cogo.subtasks where id = $1", lease["subtask_id"]
    )


async def test_giving_up_fails_the_task_at_the_first_failure(agent: Agent) -> None:
    task_id = await plan_task(agent)
    [lease] = await agent.claim("model-a")

    answer = await agent.fail(lease, "give_up")

    assert (answer["answer"], answer["status"]) == ("ok", "failed")
    assert (await task_of(agent, task_id))["status"] == "failed"


async def test_a_plan_that_fails_for_good_fails_its_task(agent: Agent) -> None:
    task_id = await insert_task(agent.connection, type="NONSENSE")
    [lease] = await agent.claim("cio")

    await agent.fail(
        lease, "give_up", error={"class": "invalid_request", "message": "no", "field": "type"}
    )

    assert (await task_of(agent, task_id))["error"]["field"] == "type"


async def test_a_snooze_spends_nothing(database: Database, agent: Agent) -> None:
    task_id = await plan_task(agent, step("a", max_failures=1))
    for _ in range(3):
        [lease] = await agent.claim("model-a")
        assert (lease["failures"], lease["reaps"]) == (0, 0)
        answer = await agent.fail(lease, "snooze", after=10)
        assert (answer["answer"], answer["status"]) == ("ok", "delayed")
        assert (await agent.fail(lease, "snooze", after=10))["answer"] == "duplicate"
        await database.jump(timedelta(seconds=10))

    costs = "select cost_usd from public.cogo_attempts where lane = 'model-a'"
    assert [row["cost_usd"] for row in await agent.connection.fetch(costs)] == [0, 0, 0]
    assert (await task_of(agent, task_id))["cost_usd"] == 0


async def test_the_cost_of_work_that_was_given_back_half_done_is_unknown(agent: Agent) -> None:
    task_id = await plan_task(agent)
    await agent.claim("model-a")

    await agent.release()

    assert (await task_of(agent, task_id))["cost_usd"] is None


async def test_a_rerouted_subtask_goes_to_the_orchestrators_and_on_to_another_model(
    agent: Agent,
) -> None:
    task_id = await plan_task(agent)
    [lease] = await agent.claim("model-a")

    answer = await agent.fail(lease, "reroute", usage=USAGE)

    assert (answer["answer"], answer["status"]) == ("ok", "queued")
    assert await agent.claim("model-a") == []
    [route] = await agent.claim("cio")
    assert (route["type"], route["lane"], route["attempt"]) == ("GENERATE_CODE", "cio", 2)
    assert route["history"] == [
        {
            "attempt": 1,
            "model_id": "model-a",
            "provider": "p",
            "outcome": "rerouted",
            "error": ERROR,
        }
    ]

    chosen = {
        "lane": "model-b",
        "params": {"model_id": "model-b"},
        "metadata": {"rerouted": True},
        "selection": {"selected_model": "model-b", "reason": "model-a is overloaded"},
    }
    assert await agent.complete(route, output=None) == "invalid"
    assert await agent.complete(route, output=None, route=chosen | {"lane": "cio"}) == "invalid"
    assert await agent.complete(route, output=None, route=chosen) == "ok"
    assert await agent.complete(route, output=None, route=chosen) == "duplicate"

    [again] = await agent.claim("model-b")
    assert again["params"] == {"model_id": "model-b", "generation_prompt": "do code"}
    assert again["metadata"] == {"rerouted": True}
    assert [attempt["outcome"] for attempt in again["history"]] == ["rerouted", "routed"]
    assert await agent.complete(again) == "ok"
    assert (await task_of(agent, task_id))["status"] == "completed"
    assert (
        await agent.connection.fetchval(
            "select reason from public.cogo_model_selections where task_id = $1", task_id
        )
        == "model-a is overloaded"
    )


async def test_reporting_a_failure_twice_counts_once(agent: Agent) -> None:
    await plan_task(agent)
    [lease] = await agent.claim("model-a")
    await agent.fail(lease, after=0)

    assert (await agent.fail(lease))["answer"] == "duplicate"
    assert await agent.complete(lease) == "stale"
    [lease] = await agent.claim("model-a")
    assert lease["failures"] == 1
    assert (await agent.fail({"subtask_id": lease["task_id"], "attempt": 1}))["answer"] == "unknown"


async def test_a_drain_spends_nothing(agent: Agent) -> None:
    await plan_task(agent, step("a", max_failures=1))
    for attempt in range(1, 8):
        [lease] = await agent.claim("model-a")
        assert (lease["attempt"], lease["failures"], lease["reaps"]) == (attempt, 0, 0)
        assert await agent.release() == ["ok"]
        assert await agent.release(lease) == ["stale"]
        assert await agent.release() == []


async def test_the_reason_of_a_release_is_kept_and_is_no_failure(agent: Agent) -> None:
    await plan_task(agent)
    [lease] = await agent.claim("model-a")
    await agent.release(lease)

    assert (await agent.fail(lease))["answer"] == "stale"
    [again] = await agent.claim("model-a")
    assert again["history"] == [
        {
            "attempt": 1,
            "model_id": "model-a",
            "provider": None,
            "outcome": "released",
            "error": {"class": "released", "message": "drain"},
        }
    ]


async def test_a_subtask_that_kills_its_workers_ends_as_a_dead_letter(agent: Agent) -> None:
    task_id = await plan_task(agent)
    for reaps in range(5):
        [lease] = await agent.claim("model-a")
        assert (lease["failures"], lease["reaps"]) == (0, reaps)
        assert await agent.release(lease, died=True) == ["ok"]

    assert await agent.claim("model-a") == []
    assert (await task_of(agent, task_id))["error"]["class"] == "worker_died"


async def test_leases_that_run_out_five_times_end_as_a_dead_letter(
    database: Database, agent: Agent
) -> None:
    task_id = await plan_task(agent)
    tally = []
    for _ in range(5):
        await agent.claim("model-a")
        await database.jump(timedelta(seconds=16))
        reaped = await agent.reap()
        tally.append((reaped["reaped"], reaped["dead"]))

    assert tally == [(1, 0)] * 4 + [(0, 1)]
    task = await task_of(agent, task_id)
    assert task["error"]["class"] == "lease_expired"
    assert task["cost_usd"] is None


async def test_a_reaper_reaps_promotes_and_says_how_many(database: Database, agent: Agent) -> None:
    for _ in range(4):
        await plan_task(agent)
    leases = await agent.claim("model-a")
    await agent.fail(leases[0], after=5)
    await database.jump(timedelta(seconds=16))

    assert await agent.reap() == {"reaped": 3, "dead": 0, "promoted": 1, "cancelled": 0}
    assert len(await agent.claim("model-a")) == 4


async def test_the_cost_is_unknown_once_one_attempts_cost_is(agent: Agent) -> None:
    task_id = await plan_task(agent)
    [lease] = await agent.claim("model-a")
    await agent.fail(lease, after=0, usage=USAGE)
    assert float((await task_of(agent, task_id))["cost_usd"]) == 0.125
    [lease] = await agent.claim("model-a")
    await agent.fail(lease, after=0, usage=USAGE | {"cost_usd": None})
    [lease] = await agent.claim("model-a")
    await agent.complete(lease, usage=USAGE)

    task = await task_of(agent, task_id)
    assert task["cost_usd"] is None
    assert task["input_tokens"] == 15


async def test_a_failure_without_usage_costs_nothing(agent: Agent) -> None:
    task_id = await plan_task(agent)
    [lease] = await agent.claim("model-a")
    await agent.fail(lease, after=0)

    assert (await task_of(agent, task_id))["cost_usd"] == 0
