"""The rules of workflows: what is recorded, known and returned."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from agents.workflows.engine import (
    Again,
    Finished,
    HandedOver,
    LastStep,
    NeedsDecisions,
    NeedsOutput,
    Repeats,
    Result,
    Run,
    advance,
)
from cogo.testing import START, play_every_order
from tests.unit.agents.workflows.flows import TASK, a_flow, a_record, a_step, echo, get_failure


def test_decisions_are_asked_for_once_and_then_read_from_the_record() -> None:
    async def flow(run: Run) -> Result:
        names = [
            *run.ladder("coding"),
            *run.ladder("coding"),
            *run.different_models(2),
            *run.team(),
        ]
        return Result(f"{names} {run.has_sandbox('python')}")

    decisions: dict[str, Any] = {
        "ladder:coding": {"models": [{"model": "a"}]},
        "ladder:coding#2": {"models": [{"model": "b"}]},
        "different_models:2": {"models": [{"model": "c"}]},
        "team": {"models": []},
    }
    asked = advance(a_flow(flow), TASK, a_record(decisions=decisions))
    decisions["sandbox:python"] = {"available": True}

    assert isinstance(asked, NeedsDecisions)
    [request] = asked.requests
    assert (request.key, request.kind) == ("sandbox:python", "sandbox")
    assert request.arguments == {"language": "python"}
    outcome = advance(a_flow(flow), TASK, a_record(decisions=decisions))
    assert outcome == Finished(text="['a', 'b', 'c'] True")


def test_a_workflow_cannot_catch_the_end_of_a_replay() -> None:
    async def flow(run: Run) -> Result:
        try:
            run.ladder("coding")
        except Exception:  # noqa: BLE001
            return Result("caught")
        return Result("done")

    assert isinstance(advance(a_flow(flow), TASK, a_record()), NeedsDecisions)


# What is known


def test_time_and_budget_go_on_with_the_steps_that_were_awaited() -> None:
    async def flow(run: Run) -> Result:
        before = (run.now, run.budget_left)
        await run.ask("a", "?")
        return Result(str([before, (run.now, run.budget_left)]))

    task = TASK.model_copy(update={"budget_usd": Decimal("1.00")})
    record = a_record(a_step("a", 1, cost_usd=Decimal("0.25")), a_step("b", 2))
    expected = [(START, Decimal("1.00")), (START + timedelta(minutes=1), Decimal("0.75"))]

    assert advance(a_flow(flow), task, record) == Finished(text=str(expected))


def test_each_branch_has_random_numbers_of_its_own() -> None:
    async def part(run: Run) -> list[float]:
        await run.ask("draft", "?")
        return [run.random.random(), run.random.random()]

    async def flow(run: Run) -> Result:
        return Result(str(await run.all(*(run.branch(each, part(run)) for each in "abc"))))

    assert len({each.text for each in play_every_order(a_flow(flow), answers=echo)}) == 1


def test_what_is_recorded_wins_over_what_the_code_says_now() -> None:
    async def flow(run: Run) -> Result:
        return Result((await run.ask("draft", "new words")).text)

    outcome = advance(a_flow(flow), TASK, a_record(a_step("draft", 1, digest="old")))

    assert isinstance(outcome, Finished)
    assert outcome.text == "draft"
    assert [(each.key, each.was) for each in outcome.drift] == [("draft", "old")]


def test_a_changed_kind_of_step_fails_the_task() -> None:
    async def flow(run: Run) -> Result:
        return Result(str(await run.event("draft", "news")))

    error_class, message = get_failure(advance(a_flow(flow), TASK, a_record(a_step("draft", 1))))

    assert error_class == "workflow_changed"
    assert "recorded as 'ask' and is 'event' now" in message


def test_an_output_that_the_lease_does_not_carry_is_asked_for() -> None:
    async def flow(run: Run) -> Result:
        return Result("".join([(await run.ask("draft", "?")).text for _ in range(3)]))

    left_out = {"output": None, "is_output_left_out": True}
    record = a_record(
        a_step("draft", 1, **left_out), a_step("draft#2", 2, **left_out), a_step("draft#3", 3)
    )

    assert advance(a_flow(flow), TASK, record) == NeedsOutput(keys=["draft", "draft#2"])


def test_a_step_that_has_begun_cannot_be_the_last_one() -> None:
    async def flow(run: Run) -> LastStep:
        step = run.ask("a", "?")
        await step
        return run.hand_over(step)

    assert "has begun" in get_failure(advance(a_flow(flow), TASK, a_record(a_step("a", 1))))[1]


def test_a_hand_over_carries_the_request_of_its_step() -> None:
    async def flow(run: Run) -> LastStep:
        return run.hand_over(run.ask("a", run.prompt, answer=True, with_history=True))

    outcome = advance(a_flow(flow), TASK, a_record())

    assert isinstance(outcome, HandedOver)
    assert outcome.step.request["with_history"] is True
    assert outcome.step.answer


def test_again_ends_this_task_and_begins_the_next() -> None:
    async def flow(run: Run) -> Again:
        at = run.now + timedelta(days=1)
        return run.again(at, params={"day": 2}, result=Result("one", output={"pages": 3}))

    outcome = advance(a_flow(flow), TASK, a_record())

    assert outcome == Repeats(
        at=datetime(2026, 1, 2, tzinfo=UTC), params={"day": 2}, text="one", output={"pages": 3}
    )
