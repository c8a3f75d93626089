"""A workflow is replayed over the record of its steps."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from agents.workflows.engine import (
    Answer,
    Finished,
    HandedOver,
    LastStep,
    NeedsDecisions,
    Result,
    Run,
    Suspended,
    advance,
    workflow,
)
from protocol.lifecycle import SubtaskState
from protocol.records import TaskBrief
from protocol.records.flows import FlowRecord, StepRecord

START = datetime(2026, 1, 1, tzinfo=UTC)
TASK = TaskBrief(id=UUID(int=1), type="TEST", prompt="Count the words.", params={})


def an_answer(key: str, end_no: int, text: str = "") -> StepRecord:
    return StepRecord(
        key=key,
        kind="ask",
        status=SubtaskState.COMPLETED,
        end_no=end_no,
        ended_at=START + timedelta(minutes=end_no),
        output={"text": text or key},
    )


def a_record(*steps: StepRecord, **decisions: Any) -> FlowRecord:
    return FlowRecord(steps=list(steps), decisions=decisions, first_claimed_at=START)


@workflow("TWO")
async def two(run: Run) -> Result:
    """Ask twice."""
    one = await run.ask("draft", run.prompt)
    other = await run.ask("draft", one.text, role="reviewer", answer=True)
    return Result(other.text)


def test_a_step_that_has_not_ended_suspends_the_workflow() -> None:
    answer = advance(two, TASK, a_record())

    assert isinstance(answer, Suspended)
    assert [each.key for each in answer.steps] == ["draft"]
    assert (answer.awaits, answer.wait) == (["draft"], "all")


def test_the_next_step_is_asked_for_with_the_value_of_the_one_before() -> None:
    answer = advance(two, TASK, a_record(an_answer("draft", 1, "four")))

    assert isinstance(answer, Suspended)
    [step] = answer.steps
    assert (step.key, step.role, step.answer) == ("draft#2", "reviewer", True)
    assert step.request["prompt"] == "four"


def test_a_workflow_whose_steps_have_ended_finishes() -> None:
    answer = advance(two, TASK, a_record(an_answer("draft", 1), an_answer("draft#2", 2, "end")))

    assert answer == Finished(text="end")


def test_a_task_that_is_one_question_is_handed_over() -> None:
    @workflow("CHAT")
    async def chat(run: Run) -> LastStep:
        return run.hand_over(run.ask("answer", run.prompt, answer=True))

    answer = advance(chat, TASK, a_record())

    assert isinstance(answer, HandedOver)
    assert answer.step.request["prompt"] == TASK.prompt


def test_branches_have_keys_of_their_own_and_the_first_success_wins() -> None:
    async def write(run: Run, model: str) -> Answer:
        draft = await run.ask("draft", run.prompt, model=model)
        return await run.ask("repair", draft.text, model=model)

    @workflow("RACE")
    async def race(run: Run) -> Result:
        models = run.ladder("coding")
        branch, value = await run.first(*(run.branch(each, write(run, each)) for each in models))
        return Result(f"{branch.key}: {value.text}")

    asked = advance(race, TASK, a_record())
    ladder = {"ladder:coding": {"models": [{"model": "a"}, {"model": "b"}]}}
    begun = advance(race, TASK, a_record(**ladder))
    drafts = [an_answer("b/draft", 1), an_answer("a/draft", 2)]
    record = a_record(*drafts, an_answer("b/repair", 3, "done"), **ladder)

    assert isinstance(asked, NeedsDecisions)
    assert [each.key for each in asked.requests] == ["ladder:coding"]
    assert isinstance(begun, Suspended)
    assert ([each.key for each in begun.steps], begun.wait) == (["a/draft", "b/draft"], "any")
    assert advance(race, TASK, record) == Finished(text="b: done")
