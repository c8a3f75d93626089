"""Judgements of answers: who may judge, and that each answer counts once, at its strongest."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.support.sql.agent import Agent, Row, ref
from tests.support.sql.database import Database
from tests.support.sql.flows import (
    answer,
    claim_flow,
    claim_steps,
    hand_over,
    new_step,
    start_flow,
    suspend,
)
from tests.support.sql.outcomes import (
    DATA,
    RATE,
    answered,
    find_accuracy,
    knowledge,
    outcome,
    selection,
    used,
)
from tests.support.sql.waits import child_step

pytestmark = pytest.mark.db

BROKEN: Row = {"text": "def", "problem": "parses: it does not"}


def judge(step: str, source: str, score: float, **fields: object) -> Row:
    return {"step": step, "source": source, "score": score} | fields


async def write_drafts(agent: Agent, *models: str, output: Row | None = None, **usage: Any) -> UUID:
    """Run a flow whose steps `draft-1`, `draft-2` ... are answers of these models."""
    steps = [
        new_step(f"draft-{number}", lane=model) for number, model in enumerate(models, start=1)
    ]
    chosen = [selection(each["key"], each["lane"]) for each in steps]
    task_id = await start_flow(agent, *steps, selections=chosen)
    for each in steps:
        lease = (await claim_steps(agent, each["key"], lane=each["lane"]))[each["key"]]
        said = {"text": "done"} if output is None else output
        await agent.complete(lease, output=said, usage=used(each["lane"], **usage))
    await knowledge(agent)  # they are counted before anything judges them
    return task_id


async def finish(agent: Agent, task_id: UUID, *judgements: Row, **output: object) -> None:
    """Complete the flow with its result and what it says of its answers."""
    lease = await claim_flow(agent, task_id)
    said = {"output": {"text": "x"} | output, "judgements": list(judgements)}
    assert await answer(agent, ref(lease) | said) == ("ok", None)


@pytest.mark.parametrize(
    ("judgement", "judged", "good"),
    [
        (("run", 1), 1, 1),
        (("run", 0), 1, 0),
        (("written_tests", 0.9), 0.6, 0.54),
        (("review", 0), 0.5, 0),
        (("agreement", 1), 0.3, 0.3),
        (("approval", 1), 0.5, 0.5),
        (("approval", 0), 1, 0),
        (("speed", 1), 0.8, 0.8),
        (("speed", 0), 1, 0),
        (("common_tests", 0.9), 0.6, 0.54),
        (("own_tests", 1), 0.3, 0.3),
        (("own_tests", 0), 0.6, 0),
    ],
)
async def test_what_a_workflow_says_of_an_answer_counts_by_its_source(
    agent: Agent, judgement: tuple[str, float], judged: float, good: float
) -> None:
    task_id = await write_drafts(agent, "model-a", "model-b")
    await finish(agent, task_id, judge("draft-1", *judgement))

    first, again = await outcome(agent, "model-a"), await outcome(agent, "model-a")

    assert first == again
    assert (first["judged"], first["good"]) == (judged, good)
    assert first["sources"] == {judgement[0]: judged}
    assert (first["answered"], first["total_ms"]) == (1, 1000)
    assert (await outcome(agent, "model-b"))["judged"] == 0


@pytest.mark.parametrize(
    ("output", "judged", "good", "sources"),
    [
        ({"text": "done"}, 0, 0, {}),
        (DATA, 0.2, 0.2, {"schema": 0.2}),
        (BROKEN, 1, 0, {"form": 1}),
        ({"text": "x", "tools_used": [{"tool": "a", "calls": 1}]}, 0.2, 0.2, {"tools": 0.2}),
        ({"text": "x", "tools_used": [], "invalid_calls": 1}, 1, 0, {"tools": 1}),
        (DATA | {"tools_used": [{"tool": "a"}], "invalid_calls": 2}, 1, 0, {"tools": 1}),
    ],
)
async def test_what_an_answer_shows_of_itself_counts(
    agent: Agent, output: Row, judged: float, good: float, sources: Row
) -> None:
    await answered(agent, "model-a", output=output)

    seen = await outcome(agent, "model-a")

    assert (seen["judged"], seen["good"], seen["sources"]) == (judged, good, sources)


async def test_data_that_does_not_follow_its_schema_counts_against_each_attempt(
    database: Database, agent: Agent
) -> None:
    task_id = await start_flow(agent, new_step("draft"), selections=[selection("draft", "model-a")])
    lease = (await claim_steps(agent, "draft"))["draft"]
    error = {"class": "invalid_answer", "message": "$.a is missing"}
    await agent.fail(lease, "retry", error=error, usage=used("model-a"))
    await database.jump(timedelta(minutes=5))
    await agent.connection.execute("select from public.cogo_reap(10)")
    lease = (await claim_steps(agent, "draft"))["draft"]
    await agent.complete(lease, output=DATA, usage=used("model-a"))
    await finish(agent, task_id)

    seen = await outcome(agent, "model-a")

    assert (seen["judged"], seen["good"], seen["answered"]) == (1.2, 0.2, 1)


async def test_a_stronger_judgement_replaces_a_weaker_one_and_a_weaker_one_nothing(
    database: Database, agent: Agent
) -> None:
    task_id = await write_drafts(agent, "model-a", output=DATA)
    seen = [(await outcome(agent, "model-a"))["sources"]]
    for source, score in [("agreement", 1), ("review", 0), ("agreement", 0), ("run", 1)]:
        await database.jump(timedelta(days=1))
        lease = await claim_flow(agent, task_id)
        stated = {"judgements": [judge("draft-1", source, score)]}
        key = f"wait-{len(seen)}"
        await answer(agent, suspend(lease, new_step(key, "check")) | stated)
        step = (await claim_steps(agent, key, lane="sandbox:python"))[key]
        await agent.complete(step, output={"text": "x"})
        seen.append((await outcome(agent, "model-a"))["sources"])

    # What is replaced had decayed, and is gone as a whole.
    assert seen == [
        {"schema": 0.2}, {"agreement": 0.3}, {"review": 0.5}, {"review": 0.45}, {"run": 1}
    ]  # fmt: skip
    assert (await outcome(agent, "model-a"))["good"] == 1
    assert await count_sums(agent) == pytest.approx(1)


async def count_sums(agent: Agent) -> float:
    """Return the weight of all judgements, which the sums must have too."""
    held = await agent.connection.fetchval(
        "select sum(j.judged * cogo.decay(j.counted_at, cogo.now(), 604800)) from cogo.judgements j"
    )
    summed = await agent.connection.fetchval(
        "select sum(m.judged * cogo.decay(m.counted_at, cogo.now(), 604800))"
        " from cogo.model_judgements m where m.after = '{}'"
    )
    assert held == pytest.approx(summed)
    return float(summed)


async def test_the_first_judgement_of_a_source_counts_however_often_a_flow_repeats_it(
    agent: Agent,
) -> None:
    task_id = await write_drafts(agent, "model-a")
    said = [judge("draft-1", "run", 1), judge("draft-1", "run", 0), judge("none", "run", 0)]
    lease = await claim_flow(agent, task_id)
    await answer(agent, suspend(lease, new_step("more", "check")) | {"judgements": said})
    lease = (await claim_steps(agent, "more", lane="sandbox:python"))["more"]
    await agent.complete(lease, output={"text": "x"})
    await finish(agent, task_id, *said)

    seen = await outcome(agent, "model-a")

    assert (seen["judged"], seen["good"]) == (1, 1)


async def test_a_lost_holder_judges_nothing(database: Database, agent: Agent) -> None:
    task_id = await write_drafts(agent, "model-a")
    lease = await claim_flow(agent, task_id)
    await database.jump(timedelta(hours=1))
    await agent.connection.execute("select from public.cogo_reap(10)")
    said = {"output": {"text": "x"}, "judgements": [judge("draft-1", "run", 0)]}

    assert (await answer(agent, ref(lease) | said))[0] == "stale"
    await finish(agent, task_id, judge("draft-1", "run", 1))

    assert (await outcome(agent, "model-a"))["good"] == 1


async def test_nobody_judges_answers_of_the_same_maker_or_of_another_task(agent: Agent) -> None:
    other = await write_drafts(agent, "model-b", derived={"maker": "b"})
    await finish(agent, other)
    task_id = await write_drafts(agent, "model-a", "model-c", derived={"maker": "a"})
    await finish(
        agent, task_id,
        judge("draft-1", "review", 0, judge="draft-1"),
        judge("draft-1", "review", 0, judge="draft-2"),
        judge("draft-2", "review", 1),
        {"model": "model-b", "source": "review", "score": 0},
        {"model": "model-a", "source": "agreement", "score": 1},
    )  # fmt: skip

    assert (await outcome(agent, "model-a"))["sources"] == {"agreement": 0.3}
    assert (await outcome(agent, "model-b"))["sources"] == {}
    assert (await outcome(agent, "model-c"))["sources"] == {"review": 0.5}


async def test_what_is_said_of_a_child_task_counts_for_whoever_wrote_its_result(
    agent: Agent,
) -> None:
    task_id = await start_flow(agent, child_step("piece"), new_step("tests", lane="model-t"))
    child_id = await agent.connection.fetchval("select child_id from cogo.child_tasks")
    flow = await claim_flow(agent, child_id)
    await answer(agent, hand_over(flow, new_step("draft"), selections=[selection("draft", "m")]))
    for key, lane in [("draft", "model-a"), ("tests", "model-t")]:
        lease = (await claim_steps(agent, key, lane=lane))[key]
        await agent.complete(
            lease, output={"text": "x"}, usage=used(lane, derived={"maker": f"maker of {lane}"})
        )
    await finish(
        agent, task_id,
        judge("piece", "common_tests", 0.9, judge="tests"),
        judge("tests", "common_tests", 0.9, judge="tests"),
    )  # fmt: skip

    assert (await outcome(agent, "model-a"))["sources"] == {"common_tests": 0.6}
    assert (await outcome(agent, "model-t"))["sources"] == {}


async def test_who_judged_is_recorded(agent: Agent) -> None:
    task_id = await start_flow(agent, new_step("draft-1"), new_step("critic", lane="model-b"))
    for key, model in [("draft-1", "model-a"), ("critic", "model-b")]:
        lease = (await claim_steps(agent, key, lane=model))[key]
        await agent.complete(
            lease, output={"text": "x"}, usage=used(model, derived={"maker": model})
        )
    await finish(agent, task_id, judge("draft-1", "review", 0, judge="critic"))

    row = await agent.connection.fetchrow("select * from cogo.judgements where source = 'review'")
    assert row is not None
    assert (row["judge"], row["score"]) == ("model-b", 0)


@pytest.mark.parametrize(
    "stated",
    [
        "x",
        [1],
        [{"step": "draft-1", "source": "feedback", "score": 0}],
        [judge("draft-1", "edit", 0)],
        [judge("draft-1", "run", 2)],
        [judge("draft-1", "run", 1) | {"score": "1"}],
        [judge("draft-1", "run", 1) | {"step": 7}],
        [judge("draft-1", "run", 1)] * 3001,
    ],
)
async def test_what_is_no_judgement_is_refused_with_the_completion(
    agent: Agent, stated: object
) -> None:
    task_id = await write_drafts(agent, "model-a")
    lease = await claim_flow(agent, task_id)

    said = {"output": {"text": "x"}, "judgements": stated}
    answered_, detail = await answer(agent, ref(lease) | said)

    assert answered_ == "invalid"
    assert detail is not None
    assert detail.startswith("judgements must ")
    assert (await outcome(agent, "model-a"))["judged"] == 0


async def test_only_flows_judge(agent: Agent) -> None:
    await start_flow(agent, new_step("draft-1"))
    lease = (await claim_steps(agent, "draft-1"))["draft-1"]
    await agent.complete(
        lease, output={"text": "x"}, usage=used("model-a"), judgements=[judge("draft-1", "run", 1)]
    )

    assert (await outcome(agent, "model-a"))["judged"] == 0


async def test_simulated_answers_are_not_judged(agent: Agent) -> None:
    task_id = await write_drafts(agent, "model-a", output=DATA, simulated=True)
    await finish(agent, task_id, judge("draft-1", "run", 0))

    assert await outcome(agent, "model-a") == {}
    assert await agent.connection.fetchval("select count(*) from cogo.judgements") == 0


async def test_answers_after_others_failed_are_counted_beside_them_too(agent: Agent) -> None:
    first = new_step("draft-1", lane="model-a")
    second = new_step("draft-2", lane="model-b", metadata={"after": ["model-a"]})
    task_id = await start_flow(agent, first, second)
    for each in (first, second):
        lease = (await claim_steps(agent, each["key"], lane=each["lane"]))[each["key"]]
        await agent.complete(lease, output={"text": "x"}, usage=used(each["lane"]))
    await finish(agent, task_id, judge("draft-1", "run", 0), judge("draft-2", "run", 1))

    assert (await outcome(agent, "model-a"))["good"] == 0
    assert (await outcome(agent, "model-b"))["good"] == 1
    assert (await outcome(agent, "model-b", "model-a"))["good"] == 1
    assert await outcome(agent, "model-a", "model-b") == {}


async def test_checks_are_measured_by_what_stronger_ones_find(agent: Agent) -> None:
    cases = [(DATA, 1), (DATA, 1), (DATA, 0), (BROKEN, 1), (BROKEN, 0)]
    for number, (output, score) in enumerate(cases):
        task_id = await write_drafts(agent, f"model-{number}", output=output)
        said = [judge("draft-1", "review", score)]
        await finish(agent, task_id, *said)
        await agent.connection.execute(RATE, task_id, score, None)

    checks = await find_accuracy(agent)

    assert checks["form"] == {"good": 3, "good_passed": 2, "bad": 2, "bad_passed": 1}
    assert checks["schema"] == {"good": 2, "good_passed": 2, "bad": 1, "bad_passed": 1}
    assert checks["review"] == {"good": 3, "good_passed": 3, "bad": 2, "bad_passed": 0}
    assert "feedback" not in checks
    seen = await outcome(agent, "model-0")
    assert (seen["checked"], seen["passed"], seen["passed_good"]) == (1, 1, 1)
    seen = await outcome(agent, "model-3")
    assert (seen["checked"], seen["passed"], seen["passed_good"]) == (1, 0, 0)


async def test_a_person_who_thinks_again_changes_what_checks_are_worth(agent: Agent) -> None:
    task_id = await answered(agent, "model-a", output=DATA)
    await agent.connection.execute(RATE, task_id, 0, None)
    first = (await find_accuracy(agent))["schema"]
    await agent.connection.execute(RATE, task_id, 1, None)
    last = (await find_accuracy(agent))["schema"]

    assert first == {"good": 0, "good_passed": 0, "bad": 1, "bad_passed": 1}
    assert last == {"good": 1, "good_passed": 1, "bad": 0, "bad_passed": 0}


async def test_a_rating_counts_for_the_model_that_wrote_the_result(agent: Agent) -> None:
    task_id = await write_drafts(agent, "model-a", "model-b", "model-c")
    await finish(agent, task_id, model_used="model-b")
    bare = await write_drafts(agent, "model-a", "model-b", "model-c")
    await finish(agent, bare)

    rated = [await agent.connection.fetchrow(RATE, each, 1, None) for each in (task_id, bare)]

    assert [each["model_id"] for each in rated if each] == ["model-b", "model-c"]
