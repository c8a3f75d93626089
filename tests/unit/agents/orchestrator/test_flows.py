"""Flows: how an attempt ends, who does each step, and what is asked for only once."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from loguru import logger

from agents.orchestrator.flows.ends import UNKNOWN_WORKFLOW
from agents.orchestrator.flows.output_cache import OutputCache
from agents.orchestrator.flows.stamping import build_step, find_sandbox_lane
from agents.orchestrator.lane_registry import LaneRegistry
from agents.runtime.attempt import WorkFailed
from agents.sandbox.check import parse_check
from agents.workflows.engine import Again, LastStep, Result, Run, StepFailed, StepRequest, workflow
from protocol.ids import utc_now
from protocol.lifecycle import SubtaskState
from protocol.records import Completion, FailureAction, TaskBrief
from protocol.records.flows import FlowRecord, StepRecord
from tests.support.agents.fake_store import FakeStore
from tests.support.agents.flows import LANES, an_executor, claim, ended, run_of, suspended

CLAUDE, GPT = "claude-sonnet-5-5", "gpt-6.1-sol"


@workflow("TEST")
async def review(run: Run) -> Result:
    """Write, and let another maker review."""
    draft = await run.ask("draft", run.prompt, model=run.ladder("coding")[0], answer=True)
    found = await run.ask("review", draft.text, role="reviewer", not_by=[draft])
    return Result(found.text, output={"notes": ["reviewed"]})


async def test_an_ask_is_stamped_with_the_reason_of_the_decision_that_named_its_model() -> None:
    asked = await suspended(run_of(review), claim())

    [step], [selection] = asked.steps, asked.selections
    [ladder] = [each for key, each in asked.decisions.items() if key == "ladder:coding"]
    assert isinstance(ladder, Mapping)
    models: Any = ladder["models"]
    assert step.lane == step.params["model_id"] == models[0]["model"] == selection.selected_model
    assert selection.reason == models[0]["reason"]
    assert selection.requested_model is None
    assert (selection.key, asked.awaits, asked.wait) == ("draft", ["draft"], "all")
    assert step.metadata["answer"] is True
    assert step.metadata["digest"]
    assert step.params["draft"] is True, "only the last step belongs to the conversation"
    assert step.params["with_history"] is False
    strongest: Any = ladder["strongest"]
    assert strongest["expected_usd"] > 0


async def test_a_selection_is_logged_once_when_it_is_recorded() -> None:
    runner, plan, logged = run_of(review), claim(), list[Any]()
    sink = logger.add(lambda line: logged.append(line.record["extra"]), filter="agents")
    asked = await suspended(runner, plan)
    assert not logged
    runner.log_selections(plan.ref)
    runner.log_selections(plan.ref)
    logger.remove(sink)

    [selection], [line] = asked.selections, logged
    assert line["task_id"] == str(plan.task_id)
    assert line["available_models"] == selection.available_models
    assert line["reasoning"] == selection.reason


async def test_recorded_decisions_are_not_made_again() -> None:
    decisions = {"policy": "rules", "ladder:coding": {"models": [{"model": GPT, "reason": "then"}]}}

    asked = await suspended(run_of(review), claim(decisions=decisions))

    assert asked.steps[0].lane == GPT
    assert asked.selections[0].reason == "then"
    assert asked.decisions == {}


async def test_a_reviewer_is_of_another_maker_than_the_answer() -> None:
    decisions = {"policy": "rules", "ladder:coding": {"models": [{"model": CLAUDE}]}}
    draft = ended("draft", output={"text": "x", "model_used": CLAUDE})

    asked = await suspended(run_of(review), claim(draft, decisions=decisions))
    alone = run_of(review, an_executor([CLAUDE]))
    only = await suspended(alone, claim(draft, decisions=decisions))

    assert asked.steps[0].lane == GPT
    assert asked.steps[0].metadata["role"] == "reviewer"
    assert only.steps[0].lane == CLAUDE
    assert "another maker than Anthropic is wanted" in only.selections[0].reason


async def test_a_flow_that_finishes_gives_its_result_and_its_turn_of_the_conversation() -> None:
    decisions = {"policy": "rules", "ladder:coding": {"models": [{"model": CLAUDE}]}}
    steps = [ended("draft"), ended("review", 2)]
    task: dict[str, Any] = {"session_id": str(UUID(int=7)), "params": {"colour": "red"}}

    done = await run_of(review).handle(claim(*steps, decisions=decisions, **task))

    assert done.suspend is None
    assert done.output["text"] == "the text of review"
    assert done.output["workflow"] == "TEST"
    assert done.output["notes"] == ["params.colour is not known and was ignored.", "reviewed"]
    assert [each.role for each in done.messages] == ["user", "assistant"]


async def test_a_step_that_nobody_can_do_has_failed_before_it_began() -> None:
    @workflow("TEST")
    async def asks_a_stranger(run: Run) -> Result:
        try:
            await run.ask("far", run.prompt, model="claude-opus-5-5")
        except StepFailed as error:
            return Result(error.error_class)
        return Result("answered")

    runner = run_of(asks_a_stranger)
    asked = await suspended(runner, claim())
    [step] = asked.steps
    assert step.error is not None
    assert step.error.class_ == "no_model"
    assert "no executor serves it now" in step.error.message
    assert asked.selections == []

    error = step.error.model_dump(by_alias=True, exclude_none=True)
    failed = ended("far", status=SubtaskState.FAILED, output=None, error=error)
    assert (await runner.handle(claim(failed))).output["text"] == "no_model"


async def test_a_mistake_of_the_task_fails_it_and_no_step() -> None:
    @workflow("TEST")
    async def asks(run: Run) -> Result:
        return Result((await run.ask("one", run.prompt)).text)

    with pytest.raises(WorkFailed) as caught:
        await run_of(asks).handle(claim(model="claude-sonnet-55"))

    assert caught.value.failure.error.class_ == "invalid_task"
    assert caught.value.failure.error.field == "model"


async def test_while_no_executor_is_known_a_flow_waits() -> None:
    nobody = an_executor([])

    with pytest.raises(WorkFailed) as caught:
        await run_of(review, nobody).handle(claim())

    assert caught.value.failure.action == FailureAction.SNOOZE
    assert caught.value.failure.error.class_ == "no_model"


async def test_an_unknown_type_fails_at_first_and_waits_once_it_has_begun() -> None:
    runner = run_of(review)
    failures = []
    for claimed in (claim(type="GONE"), claim(ended("draft"), type="GONE")):
        with pytest.raises(WorkFailed) as caught:
            await runner.handle(claimed)
        failures.append(caught.value.failure)

    first, later = failures
    assert (first.action, first.error.class_) == (FailureAction.GIVE_UP, "invalid_task")
    assert (later.action, later.error.class_) == (FailureAction.SNOOZE, UNKNOWN_WORKFLOW)
    assert later.retry_after is not None


async def test_the_failure_of_a_flow_names_the_step_that_ended_it() -> None:
    error = {"class": "overloaded", "message": "busy"}
    failed = ended("draft", status=SubtaskState.FAILED, output=None, error=error)
    decisions = {"policy": "rules", "ladder:coding": {"models": [{"model": CLAUDE}]}}

    with pytest.raises(WorkFailed) as caught:
        await run_of(review).handle(claim(failed, decisions=decisions))

    info = caught.value.failure.error
    assert (info.class_, info.message, info.step) == ("overloaded", "busy", "draft")
    assert caught.value.failure.action == FailureAction.GIVE_UP


async def test_a_task_that_repeats_is_completed_with_its_next_run() -> None:
    @workflow("TEST")
    async def nightly(run: Run) -> Again:
        return run.again(at=run.now, result=Result("done"))

    completion: Completion = await run_of(nightly).handle(claim())

    assert completion.again is not None
    assert completion.again.at is not None
    assert completion.again.output["text"] == "done"


@pytest.mark.parametrize("hours", [None, -1, 0, 1])
async def test_a_task_that_repeats_itself_at_once_is_slowed_down(hours: int | None) -> None:
    @workflow("TEST")
    async def endless(run: Run) -> Again:
        return run.again(at=None if hours is None else run.now + timedelta(hours=hours))

    claimed = claim()
    assert claimed.flow is not None
    begun = claimed.flow.first_claimed_at

    completion = await run_of(endless).handle(claimed)

    assert completion.again is not None
    expected = timedelta(hours=1) if hours == 1 else timedelta(seconds=10)
    assert completion.again.at == begun + expected


async def test_other_kinds_of_steps_have_their_lanes() -> None:
    @workflow("TEST")
    async def everything(run: Run) -> Result:
        await run.all(
            run.check("check", files={"a.py": "1"}),
            run.check("make", files={}, command="make", language="cobol"),
            run.approve("may", "May I?"),
            run.sleep_until("nap", run.now),
            run.event("ring", "bell"),
            run.task("child", "CHAT", "Hi", budget_usd=0.5),
        )
        return Result("")

    steps = {each.key: each for each in (await suspended(run_of(everything), claim())).steps}

    lanes = {key: each.lane for key, each in steps.items()}
    assert lanes == {
        "check": "sandbox:python", "make": "sandbox:command", "may": "wait", "nap": "wait",
        "ring": "wait", "child": "wait",
    }  # fmt: skip
    assert steps["nap"].run_at is not None
    assert steps["child"].child is not None
    assert (steps["child"].child.type, str(steps["child"].child.budget_usd)) == ("CHAT", "0.5")
    assert steps["may"].params["question"] == "May I?"


async def test_what_steps_show_of_models_is_stated_in_their_metadata_alone() -> None:
    @workflow("TEST")
    async def climb(run: Run) -> Result:
        draft = await run.ask("draft", run.prompt)
        await run.all(
            run.check("check", files={}, judges=draft, tests_by="tester"),
            run.ask("again", run.prompt, after=[draft, "other", "other"]),
        )
        return Result("")

    draft = ended("draft", output={"text": "x", "model_used": CLAUDE})
    asked = await suspended(run_of(climb), claim(draft, decisions={"policy": "rules"}))

    check, again = asked.steps
    assert (check.metadata["judges"], check.metadata["tests_by"]) == ("draft", "tester")
    assert again.metadata["after"] == [CLAUDE, "other"]
    parse_check(check.params)
    assert not {"judges", "tests_by", "after"} & {*check.params, *again.params}


@pytest.mark.parametrize(
    ("language", "has_command", "lane"),
    [
        ("Python ", False, "sandbox:python"),
        ("TypeScript", False, "sandbox:node"),
        ("tsx", False, "sandbox:node"),
        ("py", False, "sandbox:python"),
        ("command", False, "sandbox:command"),
        ("python", True, "sandbox:command"),
        ("cobol", False, "sandbox:command"),
    ],
)
def test_the_lane_of_a_check(language: str, has_command: bool, lane: str) -> None:
    assert find_sandbox_lane(language, has_command=has_command) == lane


async def test_whether_there_is_a_sandbox_is_known_from_running_executors() -> None:
    @workflow("TEST")
    async def asks(run: Run) -> Result:
        return Result(f"{run.has_sandbox('python')} {run.has_sandbox('typescript')}")

    runner = run_of(
        asks, an_executor([*LANES, "sandbox:python"], details={"sandbox": "bubblewrap"})
    )
    completion = await runner.handle(claim())

    assert completion.output["text"] == "True False"


async def test_lanes_of_checks_are_no_models() -> None:
    executor = an_executor(["sandbox:python", CLAUDE], details={"sandbox": "bubblewrap"})

    async def serve_nothing() -> Sequence[str]:
        return []

    registry = LaneRegistry(store=FakeStore(others=[executor]), own=serve_nothing)
    await registry.refresh()

    assert registry.lanes == (CLAUDE,)
    assert registry.sandboxes == {"sandbox:python": "bubblewrap"}


async def test_a_workflow_that_wants_an_unknown_decision_is_refused() -> None:
    @workflow("TEST")
    async def asks(run: Run) -> Result:
        return Result(str(run.decide("weather")))

    with pytest.raises(WorkFailed, match="weather"):
        await run_of(asks).handle(claim())


class _Outputs:
    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    async def fetch_step_outputs(
        self, *, task_id: UUID, keys: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        self.asked.append(list(keys))
        return {key: {"text": f"whole {key}"} for key in keys if key != "empty"}


def left_out(key: str, end_no: int, attempt: int = 1) -> StepRecord:
    return ended(key, end_no, output=None, is_output_left_out=True, attempt=attempt)


def a_record(*steps: StepRecord) -> FlowRecord:
    return FlowRecord(steps=list(steps), first_claimed_at=utc_now())


async def test_an_output_that_a_lease_leaves_out_is_read_once_per_end() -> None:
    outputs = _Outputs()
    cache = OutputCache(outputs)
    record, redriven = a_record(left_out("a", 1), ended("b", 2)), a_record(left_out("a", 3, 2))

    await cache.fill(UUID(int=1), record, ["a"])
    filled = await cache.fill(UUID(int=1), record, ["a"])
    await cache.fill(UUID(int=2), record, ["a"])
    await cache.fill(UUID(int=1), redriven, ["a"])

    assert filled.steps[0].output == {"text": "whole a"}
    assert not filled.steps[0].is_output_left_out
    assert filled.steps[1] == record.steps[1]
    assert len(outputs.asked) == 3


async def test_the_cache_forgets_what_was_not_used_for_longest_and_asks_for_nothing_twice() -> None:
    outputs = _Outputs()
    cache = OutputCache(outputs, max_characters=50)
    record = a_record(*(left_out(key, end) for end, key in enumerate("abc", start=1)))

    for key in ("a", "b", "a", "c", "a"):
        await cache.fill(UUID(int=1), record, [key])
    empty = await cache.fill(UUID(int=1), a_record(left_out("empty", 9)), ["empty"])

    assert outputs.asked == [["a"], ["b"], ["c"], ["empty"]]
    assert empty.steps[0].output == {}


async def test_outputs_that_a_replay_needs_are_read_for_it() -> None:
    outputs = _Outputs()
    runner = run_of(review, outputs=outputs)
    decisions = {"policy": "rules", "ladder:coding": {"models": [{"model": CLAUDE}]}}

    done = await runner.handle(
        claim(left_out("draft", 1), left_out("review", 2), decisions=decisions)
    )

    assert done.output["text"] == "whole review"
    assert len(outputs.asked) == 1, "what is needed next is read with it"


async def test_a_handed_over_step_that_nobody_can_do_fails_the_task_as_ever() -> None:
    @workflow("TEST")
    async def asks(run: Run) -> LastStep:
        return run.hand_over(run.ask("main", run.prompt, answer=True))

    with pytest.raises(WorkFailed) as caught:
        await run_of(asks).handle(claim(budget_usd="0.0000001"))

    assert caught.value.failure.error.class_ == "no_model"
    assert caught.value.failure.error.field == "budget_usd"


@pytest.mark.parametrize(
    ("preferences", "expected"),
    [
        (None, {}),
        ("odd", {}),
        (
            {"denied_providers": ["openai"], "preference": "cost", "policy": "ensemble"},
            {"denied_providers": ["openai"], "preference": "cost"},
        ),
    ],
)
def test_child_tasks_keep_what_their_parent_says_of_models(
    preferences: Any, expected: dict[str, Any]
) -> None:
    request = StepRequest(
        key="a", kind="task", request={"type": "CHAT", "prompt": "Hi"}, digest="d"
    )
    task = TaskBrief(id=UUID(int=1), type="T", prompt="Do", preferences=preferences)

    child = build_step(request, task).child

    assert child is not None
    assert child.preferences == expected
