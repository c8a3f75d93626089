"""Models that fail or slow down: traffic moves away, and back when they recover."""

from datetime import timedelta

import pytest

from tests.support.sql.agent import Agent
from tests.support.sql.database import Database
from tests.support.sql.outcomes import (
    REFUSED,
    answered,
    failed,
    health,
    knowledge,
    outcome,
    rate_last,
    switches,
)

pytestmark = pytest.mark.db


async def an_outage(agent: Agent, model_id: str = "model-a") -> None:
    for _ in range(5):
        await failed(agent, model_id)


async def test_few_failures_switch_nothing_and_five_in_a_row_do(agent: Agent) -> None:
    for _ in range(4):
        await failed(agent, "model-a")
    assert await health(agent, "model-a") == "ok"

    await failed(agent, "model-a")

    assert await health(agent, "model-a") == "open"
    assert await switches(agent) == [("model-a", "ok", "open")]


async def test_refused_answers_are_no_matter_of_health(agent: Agent) -> None:
    for _ in range(6):
        await failed(agent, "model-a", error=REFUSED)

    assert await health(agent, "model-a") == "ok"


async def judged(agent: Agent) -> tuple[float, float]:
    """Return how many answers of the model were judged, and how many of them were good."""
    seen = await outcome(agent, "model-a")
    return seen["judged"], seen["good"]


async def test_an_outage_is_not_remembered_as_bad_answers(agent: Agent) -> None:
    await answered(agent, "model-a")
    await rate_last(agent, 1)
    assert await judged(agent) == (1, 1)

    await an_outage(agent)

    assert await health(agent, "model-a") == "open"
    assert await judged(agent) == (1, 1)


async def test_the_failures_of_a_trial_are_not_remembered_as_bad_answers(
    database: Database, agent: Agent
) -> None:
    await answered(agent, "model-a")
    await rate_last(agent, 1)
    await an_outage(agent)
    assert await health(agent, "model-a") == "open"
    await database.jump(timedelta(seconds=15))
    assert await health(agent, "model-a") == "ok"

    await failed(agent, "model-a")
    await failed(agent, "model-a")

    assert await health(agent, "model-a") == "open"
    assert await judged(agent) == (1, 1)


async def test_a_share_of_failures_degrades_and_answers_heal(
    database: Database, agent: Agent
) -> None:
    for _ in range(2):
        await failed(agent, "model-a")
        await answered(agent, "model-a")
        await answered(agent, "model-a")
    assert await health(agent, "model-a") == "degraded"

    await answered(agent, "model-a")
    assert await health(agent, "model-a") == "degraded"
    await database.jump(timedelta(seconds=14))
    for _ in range(20):
        await answered(agent, "model-a")

    assert await health(agent, "model-a") == "ok"
    assert await switches(agent) == [("model-a", "ok", "degraded"), ("model-a", "degraded", "ok")]


async def test_a_model_is_slow_by_its_own_measure(database: Database, agent: Agent) -> None:
    for model_id, usually in [("model-a", 1000), ("model-b", 5000)]:
        for _ in range(11):
            await answered(agent, model_id, ms=usually)
    await knowledge(agent)
    await database.jump(timedelta(minutes=5))

    for _ in range(5):
        await answered(agent, "model-a", ms=4000)
        await answered(agent, "model-b", ms=4000)

    assert (await knowledge(agent))["health"] == {"model-a": "degraded"}


async def test_a_model_that_is_passed_over_is_tried_again_and_fails_sooner_then(
    database: Database, agent: Agent
) -> None:
    await an_outage(agent)
    assert await health(agent, "model-a") == "open"
    await database.jump(timedelta(seconds=14))
    assert await health(agent, "model-a") == "open"

    await database.jump(timedelta(seconds=1))
    assert await health(agent, "model-a") == "ok"
    await failed(agent, "model-a")
    await failed(agent, "model-a")

    assert await health(agent, "model-a") == "open"
    await database.jump(timedelta(seconds=29))
    assert await health(agent, "model-a") == "open"
    await database.jump(timedelta(seconds=1))
    assert await health(agent, "model-a") == "ok"
    for _ in range(5):
        await answered(agent, "model-a")
    assert await health(agent, "model-a") == "ok"
    trips = await agent.connection.fetchval("select trips from cogo.model_health")
    assert trips == 0


async def test_a_long_outage_keeps_nobody_out_for_more_than_a_minute(
    database: Database, agent: Agent
) -> None:
    await an_outage(agent)
    for _ in range(8):
        assert await health(agent, "model-a") == "open"
        await database.jump(timedelta(minutes=1))
        assert await health(agent, "model-a") == "ok"
        await failed(agent, "model-a")
        await failed(agent, "model-a")


async def test_a_switch_is_announced_with_who_why_and_the_numbers(
    database: Database, agent: Agent
) -> None:
    await an_outage(agent)
    await knowledge(agent)

    owner = await database.connect("postgres")
    [said] = await owner.fetch(
        "select m.payload from realtime.messages m"
        " where m.topic = 'model-selection' and m.event = 'MODEL_STATUS'"
    )
    told = said["payload"]["payload"]
    assert (told["model_id"], told["status"]) == ("model-a", "unavailable")
    assert told["who"] == "cio-1"
    assert "5 in a row" in told["reason"]
    assert told["numbers"]["failed"] == 5


async def test_a_model_whose_circuits_are_all_open_is_not_chosen_until_it_is_tried(
    database: Database, agent: Agent
) -> None:
    await answered(agent, "model-a")
    for name, state in [("a at x", "open"), ("a at y", "closed")]:
        await agent.connection.execute(
            "insert into cogo.deployments (deployment, model_id, state) values ($1, 'model-a', $2)",
            name,
            state,
        )
    assert await health(agent, "model-a") == "ok"

    await agent.connection.execute("update cogo.deployments set state = 'open'")
    assert await health(agent, "model-a") == "open"
    await database.jump(timedelta(seconds=15))
    assert await health(agent, "model-a") == "ok"
    await database.jump(timedelta(seconds=31))

    assert await health(agent, "model-a") == "open"
