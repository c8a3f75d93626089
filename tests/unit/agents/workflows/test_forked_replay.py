"""Replays of forks: results of another task count only while the same is asked for."""

from datetime import timedelta
from uuid import UUID

from agents.workflows.engine import FlowFailed, Result, Run, Suspended, workflow
from agents.workflows.engine.advance import advance
from protocol.records.flows import Fork
from tests.unit.agents.workflows.flows import TASK, a_record, a_step

FORK = Fork(step="draft#2", seed=UUID(int=7))


@workflow("TWO")
async def two(run: Run) -> Result:
    """Draft, and revise the text of the draft."""
    one = await run.ask("draft", run.prompt)
    return Result((await run.ask("draft", one.text)).text)


def test_a_reused_step_is_not_asked_again() -> None:
    first = advance(two, TASK, a_record())
    assert isinstance(first, Suspended)
    reused = a_step("draft", 1).model_copy(
        update={"is_reused": True, "digest": first.steps[0].digest}
    )

    answer = advance(two, TASK, a_record(reused))

    assert isinstance(answer, Suspended)
    assert [each.key for each in answer.steps] == ["draft#2"]


def test_a_reused_step_that_asks_for_something_else_ends_the_task() -> None:
    first = advance(two, TASK, a_record())
    assert isinstance(first, Suspended)
    record = a_step("draft", 1).model_copy(
        update={"is_reused": True, "digest": first.steps[0].digest}
    )
    changed = TASK.model_copy(update={"prompt": "Count the letters."})

    answer = advance(two, changed, a_record(record))

    assert isinstance(answer, FlowFailed)
    assert answer.error_class == "fork_mismatch"
    assert "step 'draft' asks for something else now" in answer.message
    own = record.model_copy(update={"is_reused": False})
    assert isinstance(advance(two, changed, a_record(own)), Suspended), "its own record counts"


def test_a_reused_sleep_may_end_at_another_time() -> None:
    @workflow("SLEEP")
    async def nap(run: Run) -> Result:
        await run.sleep_until("nap", run.now + timedelta(hours=1))
        return Result((await run.ask("draft", run.prompt)).text)

    record = a_step("nap", 1).model_copy(
        update={"kind": "sleep", "is_reused": True, "digest": "that of another time"}
    )

    answer = advance(nap, TASK, a_record(record))

    assert isinstance(answer, Suspended)
    assert [each.key for each in answer.steps] == ["draft"]


def test_a_fork_has_the_random_numbers_of_its_original() -> None:
    @workflow("RANDOM")
    async def draw(run: Run) -> Result:
        return Result(str(run.random.random()))

    original = TASK.model_copy(update={"id": FORK.seed})
    forked = a_record().model_copy(update={"fork": FORK})

    assert advance(draw, TASK, forked) == advance(draw, original, a_record())
    assert advance(draw, TASK, a_record()) != advance(draw, original, a_record())
