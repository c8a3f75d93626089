"""The rules of workflows: failures of steps, mistakes, deadlines, walls."""

import asyncio
import gc
from typing import Any

import pytest
from pydantic import BaseModel

from agents.workflows.engine import (
    BudgetSpent,
    DeadlinePassed,
    Finished,
    FlowFailed,
    LastStep,
    OutcomeUnknown,
    Result,
    Run,
    StepFailed,
    Suspended,
    Work,
    advance,
    workflow,
)
from cogo.testing import NotDeterministic, World
from protocol.lifecycle import SubtaskState
from tests.unit.agents.workflows.flows import TASK, a_flow, a_record, a_step, get_failure


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"class": "budget"}, BudgetSpent),
        ({"class": "spend_cap"}, BudgetSpent),
        ({"class": "no_model", "field": "budget_usd"}, BudgetSpent),
        ({"class": "deadline"}, DeadlinePassed),
        ({"class": "outcome_unknown"}, OutcomeUnknown),
        ({"class": "no_model"}, StepFailed),
        ({"class": "no_agent"}, StepFailed),
        (None, StepFailed),
    ],
)
def test_failures_have_types(error: dict[str, Any] | None, expected: type[StepFailed]) -> None:
    async def flow(run: Run) -> Result:
        try:
            await run.ask("a", "?")
        except StepFailed as caught:
            return Result(type(caught).__name__)
        return Result("done")

    failed = a_step("a", 1, status=SubtaskState.FAILED, output=None, error=error)

    assert advance(a_flow(flow), TASK, a_record(failed)) == Finished(text=expected.__name__)


def test_a_failure_that_nobody_catches_is_that_of_the_task() -> None:
    async def flow(run: Run) -> Result:
        return Result((await run.ask("a", "?")).text)

    error = {"class": "no_model", "message": "nobody"}
    failed = a_step("a", 1, status=SubtaskState.FAILED, output=None, error=error)

    outcome = advance(a_flow(flow), TASK, a_record(failed))

    assert outcome == FlowFailed(error_class="no_model", message="nobody", step="a")


def test_an_error_of_the_workflow_names_its_file_and_line_and_nothing_else() -> None:
    async def flow(run: Run) -> Result:
        await run.ask("a", "?")
        return Result({"a": "b"}["missing"])

    error_class, message = get_failure(advance(a_flow(flow), TASK, a_record(a_step("a", 1))))

    line = flow.__code__.co_firstlineno + 2
    assert (error_class, message) == (
        "workflow_error",
        f"test_failures.py:{line}: KeyError: 'missing'",
    )


def test_awaiting_what_is_no_step_is_an_error_with_its_line() -> None:
    async def flow(run: Run) -> Result:
        await asyncio.sleep(0)
        return Result("slept")

    error_class, message = get_failure(advance(a_flow(flow), TASK, a_record()))

    line = flow.__code__.co_firstlineno + 1
    assert error_class == "workflow_error"
    assert message.startswith(f"test_failures.py:{line}: a workflow can await only its steps")
    assert "run.sleep_until" in message


def test_a_workflow_that_waits_for_itself_fails() -> None:
    works: list[Work[Any]] = []

    async def part(run: Run) -> None:
        await works[0]

    async def flow(run: Run) -> Result:
        works.append(run.branch("a", part(run)))
        await works[0]
        return Result("done")

    assert "waits for itself" in get_failure(advance(a_flow(flow), TASK, a_record()))[1]


def test_a_workflow_must_return_how_it_ends() -> None:
    async def flow(run: Run) -> str:
        return "text"

    assert "returned str" in get_failure(advance(a_flow(flow), TASK, a_record()))[1]


def test_after_the_deadline_nothing_begins_and_what_there_is_may_be_returned() -> None:
    async def flow(run: Run) -> Result:
        have = "nothing"
        try:
            have = (await run.ask("a", "?")).text
            have = (await run.ask("b", "?")).text
        except DeadlinePassed as error:
            return Result(f"{have} {error.key}")
        return Result("all")

    async def hand_over(run: Run) -> LastStep:
        return run.hand_over(run.ask("a", "?"))

    deadline = {"class": "deadline", "message": "too late"}
    ended = a_step("b", 2, status=SubtaskState.FAILED, output=None, error=deadline)
    late = [a_record(a_step("a", 1), *rest, deadline_passed=True) for rest in ([], [ended])]
    open_step = a_record(a_step("a"), deadline_passed=True)

    assert [advance(a_flow(flow), TASK, each) for each in late] == [Finished(text="a b")] * 2
    assert advance(a_flow(flow), TASK, open_step) == Finished(text="nothing a")
    assert get_failure(advance(a_flow(hand_over), TASK, late[0]))[0] == "deadline"


def test_the_walls_have_clear_errors() -> None:
    async def endless(run: Run) -> Result:
        while True:
            try:
                await run.ask("a", "?")
            except StepFailed:
                continue

    async def wide(run: Run) -> Result:
        await run.all(*(run.ask("a", "?") for _ in range(101)))
        return Result("done")

    long = advance(a_flow(endless), TASK, a_record(deadline_passed=True))

    assert "more than 1000 steps" in get_failure(long)[1]
    assert "more than 100 steps at once" in get_failure(advance(a_flow(wide), TASK, a_record()))[1]


def test_wrong_params_fail_before_anything_is_asked_for() -> None:
    class Params(BaseModel):
        size: int

    @workflow("TEST", params=Params)
    async def flow(run: Run) -> Result:
        return Result(str(run.params_as(Params).size))

    wrong = advance(flow, TASK.model_copy(update={"params": {"size": "big"}}), a_record())
    right = advance(flow, TASK.model_copy(update={"params": {"size": 3}}), a_record())

    assert isinstance(wrong, FlowFailed)
    assert (wrong.error_class, wrong.field) == ("invalid_task", "params.size")
    assert right == Finished(text="3")


def test_finally_blocks_cannot_hold_up_a_replay() -> None:
    async def flow(run: Run) -> Result:
        try:
            await run.ask("a", "?")
        finally:
            await run.ask("cleanup", "?")
        return Result("done")

    outcome = advance(a_flow(flow), TASK, a_record())
    gc.collect()

    assert isinstance(outcome, Suspended)
    assert [each.key for each in outcome.steps] == ["a"]


def test_a_workflow_that_differs_between_replays_is_found_out() -> None:
    calls: list[int] = []

    async def flow(run: Run) -> Result:
        calls.append(1)
        return Result((await run.ask("a", str(len(calls)))).text)

    with pytest.raises(NotDeterministic, match="one replay"):
        World(a_flow(flow), TASK, {}, {}).advance()


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        (Result(None), "the text of a Result is NoneType"),  # type: ignore[arg-type]
        (Result("x", output={"when": float("inf")}), "output holds a number"),
        (Result("x", output={"what": object()}), "object"),  # type: ignore[dict-item]
        (None, "returned NoneType"),
    ],
)
def test_a_result_that_cannot_be_stored_is_explained(result: Any, problem: str) -> None:
    async def flow(run: Run) -> Any:
        return result

    error_class, message = get_failure(advance(a_flow(flow), TASK, a_record()))

    assert error_class == "workflow_error"
    assert problem in message


def test_a_prompt_must_be_a_text_that_can_be_stored() -> None:
    async def nothing(run: Run) -> Result:
        return Result((await run.ask("draft", None)).text)  # type: ignore[call-overload]

    async def half(run: Run) -> Result:
        return Result((await run.ask("draft", "\0\ud800")).text)

    outcome = advance(a_flow(half), TASK, a_record())

    assert "prompt of step 'draft'" in get_failure(advance(a_flow(nothing), TASK, a_record()))[1]
    assert isinstance(outcome, Suspended)
    assert outcome.steps[0].request["prompt"] == "\ufffd\ufffd"


def test_an_error_of_a_schema_is_one_of_the_workflow() -> None:
    class Odd(BaseModel):
        line: int

        @classmethod
        def model_validate(cls, *args: Any, **kwargs: Any) -> Any:
            raise RuntimeError("odd")

    async def flow(run: Run) -> Result:
        return Result(str(await run.ask("draft", "?", schema=Odd)))

    step = a_step("draft", 1, output={"data": {"line": 1}})
    outcome = advance(a_flow(flow), TASK, a_record(step))

    assert "RuntimeError: odd" in get_failure(outcome)[1]
