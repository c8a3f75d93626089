"""The CIO: models for tasks and after failures, and the executors that count."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from agents.orchestrator.lane_registry import LaneRegistry
from agents.runtime.attempt import WorkFailed
from agents.selection.evidence.knowledge import Knowledge
from protocol.ids import utc_now
from protocol.records import FailureAction, NewStep
from protocol.records.agents import SILENT_AFTER
from protocol.records.models import PolicyName
from tests.support.agents.fake_store import AWAY, FakeStore
from tests.support.agents.flows import LANES, a_runner, an_executor, handle
from tests.support.agents.subtasks import a_plan, a_subtask


def a_registry(store: FakeStore, own: Sequence[str] = ()) -> LaneRegistry:
    async def lanes() -> Sequence[str]:
        return own

    return LaneRegistry(store=store, own=lanes)


async def planned(**task: Any) -> NewStep:
    completion = await handle(a_plan(task))
    assert completion.hand_over is not None
    (selection,) = completion.hand_over.selections
    step = completion.hand_over.step
    assert selection.key == step.key
    assert selection.selected_model == step.lane
    return step


async def test_a_plan_is_one_stamped_subtask_with_the_documented_fields() -> None:
    params = {"target_file": "src/prime.py", "git_branch": "feature/prime", "language": "python"}

    subtask = await planned(params=params, prompt="Write is_prime(n)")

    assert (subtask.kind, subtask.type) == ("ask", "GENERATE_CODE")
    assert subtask.metadata["answer"] is True
    assert subtask.lane == subtask.params["model_id"] == "claude-sonnet-5-5"
    assert subtask.metadata["model_preferences"] == ["claude-sonnet-5-5"]
    assert {key: subtask.params[key] for key in params} == params
    assert subtask.params["generation_prompt"] == "Write is_prime(n)"


async def test_a_tiny_budget_is_enough_where_only_the_simulator_answers() -> None:
    simulators = an_executor(id="simulating", details={"simulated": True})
    task = {"budget_usd": 0.000001, "model": LANES[1]}

    planned = await a_runner(simulators).handle(a_plan(task))

    assert planned.hand_over is not None
    assert planned.hand_over.step.lane == LANES[1]
    with pytest.raises(WorkFailed, match="budget"):  # somebody could call the real one
        await a_runner(simulators, an_executor([LANES[1]])).handle(a_plan(task))


async def test_a_task_without_params_can_be_planned() -> None:
    subtask = await planned(params=None, preferences=None)

    assert subtask.params["target_file"] is None
    assert subtask.params["git_branch"] is None


async def test_the_model_auto_is_no_request() -> None:
    completion = await handle(a_plan({"model": "auto"}))

    assert completion.hand_over is not None
    [selection] = completion.hand_over.selections
    assert selection.requested_model is None
    assert selection.selected_model == "claude-sonnet-5-5"


def failed(model: str, outcome: str = "rerouted", **fields: Any) -> dict[str, Any]:
    error = {"class": "overloaded", "message": "busy"}
    return {"attempt": 1, "model_id": model, "outcome": outcome, "error": error} | fields


async def routed(
    history: list[dict[str, Any]],
    *,
    failures: int | None = None,
    model: str | None = None,
    **fields: Any,
) -> str:
    count = len(history) if failures is None else failures
    completion = await handle(
        a_subtask({"model": model}, lane="cio", history=history, failures=count, **fields)
    )
    route = completion.route
    assert route is not None
    assert route.params == {"model_id": route.lane}
    assert route.selection.selected_model == route.lane
    return route.lane


async def test_a_subtask_that_failed_goes_to_another_model() -> None:
    assert await routed([failed("claude-sonnet-5-5")]) != "claude-sonnet-5-5"
    both = [failed("claude-sonnet-5-5"), failed("gpt-6.1-sol", "failed")]
    assert await routed(both) == "claude-haiku-4-5"


async def test_who_stands_in_for_a_reviewer_is_not_of_the_maker_of_the_answer() -> None:
    history = [failed("claude-haiku-4-5")]

    assert await routed(history) == "claude-sonnet-5-5"
    assert await routed(history, metadata={"not_by": ["claude-opus-5-5"]}) == "gpt-6.1-sol"


async def test_a_model_that_failed_is_left_even_if_the_person_asked_for_it() -> None:
    history = [failed("claude-sonnet-5-5")]

    assert await routed(history, model="claude-sonnet-5-5") != "claude-sonnet-5-5"


@pytest.mark.parametrize("outcome", ["released", "reaped", "cancelled", "routed", "completed"])
async def test_a_drain_or_a_death_says_nothing_about_a_model(outcome: str) -> None:
    assert await routed([failed("claude-sonnet-5-5", outcome)]) == "claude-sonnet-5-5"


async def test_work_waits_at_an_open_circuit_rather_than_fail_when_nothing_else_serves_it() -> None:
    def resting(lane: str) -> dict[str, Any]:
        return failed(lane) | {"outcome": "rerouted", "error": {"class": "circuit_open"}}

    history = [resting("claude-sonnet-5-5"), failed("gpt-6.1-sol")]
    claimed = a_subtask(lane="cio", history=history, failures=2)

    elsewhere = await handle(claimed)
    here = await handle(claimed, lanes=["claude-sonnet-5-5", "gpt-6.1-sol"])

    assert elsewhere.route is not None
    assert here.route is not None
    assert elsewhere.route.lane == "claude-haiku-4-5"
    assert here.route.lane == "claude-sonnet-5-5"


async def test_models_that_failed_before_a_redrive_may_be_tried_again() -> None:
    history = [failed(lane) for lane in LANES] + [failed("claude-sonnet-5-5")]

    assert await routed(history, failures=1) in {"claude-haiku-4-5", "gpt-6.1-sol"}


async def test_when_every_model_failed_the_task_fails_and_says_how() -> None:
    claimed = a_subtask(lane="cio", history=[failed(lane) for lane in LANES], failures=3)

    with pytest.raises(WorkFailed) as caught:
        await handle(claimed)

    failure = caught.value.failure
    assert failure.action == FailureAction.GIVE_UP
    assert failure.error.class_ == "no_model"
    assert "overloaded" in failure.error.message


async def test_when_every_model_failed_the_task_says_who_said_what_and_what_to_do() -> None:
    history = [
        failed("claude-sonnet-5-5")
        | {
            "provider": "anthropic",
            "error": {"class": "authentication", "message": "anthropic: the key is not accepted"},
        },
        failed("claude-haiku-4-5")
        | {
            "provider": "openrouter",
            "error": {"class": "overloaded", "message": "openrouter: busy. " + "x" * 1_000},
        },
        failed("gpt-6.1-sol")
        | {"provider": "openai", "error": {"class": "budget", "message": "openai: no credit"}},
    ]
    claimed = a_subtask(lane="cio", history=history, failures=3)

    with pytest.raises(WorkFailed) as caught:
        await handle(claimed)

    error = caught.value.failure.error
    for said in (
        "claude-sonnet-5-5 at anthropic: anthropic: the key is not accepted",
        "claude-haiku-4-5 at openrouter: openrouter: busy.",
        "gpt-6.1-sol at openai: openai: no credit",
    ):
        assert said in error.message
    assert "x" * 400 not in error.message
    assert error.hint is not None
    for step in ("replace the key of anthropic", "cogo tasks redrive", "add credit or quota"):
        assert step in error.hint


async def test_of_models_that_ask_for_patience_the_one_that_asks_for_least_is_waited_for() -> None:
    def limited(lane: str, days: int) -> dict[str, Any]:
        until = (utc_now() + timedelta(days=days)).isoformat()
        error = {"class": "rate_limited", "message": "slow down", "retry_at": until}
        return failed(lane) | {"outcome": "rerouted", "error": error}

    history = [limited("claude-sonnet-5-5", 3), limited("claude-haiku-4-5", 1)]

    assert await routed([*history, failed("gpt-6.1-sol")]) == "claude-haiku-4-5"
    assert await routed(history) == "gpt-6.1-sol"


OUTAGE = {"class": "connection", "message": "ollama: no connection could be made"}


def an_outage(lane: str, *, is_local: bool = True) -> dict[str, Any]:
    until = {"retry_at": utc_now().isoformat()} if is_local else {}
    return failed(lane) | {"outcome": "rerouted", "error": OUTAGE | until}


@pytest.mark.parametrize(
    ("served", "next_"),
    [
        (["ollama/a", "ollama/b", "claude-sonnet-5-5"], "claude-sonnet-5-5"),
        (["ollama/a", "ollama/b"], "ollama/a"),
        (["ollama/a", "ollama/b", "vllm/c"], "vllm/c"),
    ],
)
async def test_after_an_outage_no_other_model_of_the_same_server_is_asked(
    served: list[str], next_: str
) -> None:
    claimed = a_subtask(lane="cio", history=[an_outage("ollama/a")], failures=1)

    completion = await a_runner(an_executor(served)).handle(claimed)

    assert completion.output["routed_to"] == next_


@pytest.mark.parametrize(
    ("served", "is_local", "action"),
    [
        (["claude-sonnet-5-5"], True, FailureAction.SNOOZE),
        (["claude-sonnet-5-5"], False, FailureAction.GIVE_UP),
    ],
)
async def test_a_server_that_has_disappeared_is_waited_for_and_named(
    served: list[str], is_local: bool, action: FailureAction
) -> None:
    task = {"preferences": {"allowed_models": ["ollama/a"]}}
    history = [an_outage("ollama/a", is_local=is_local)]
    claimed = a_subtask(task, lane="cio", history=history, failures=1)

    with pytest.raises(WorkFailed) as caught:
        await a_runner(an_executor(served)).handle(claimed)

    failure = caught.value.failure
    assert failure.action is action
    assert "ollama/a" in failure.error.message
    assert OUTAGE["message"] in failure.error.message
    assert "start the server" in str(failure.error.hint)


async def test_without_any_executor_a_task_waits_longer_each_time_and_spends_nothing() -> None:
    waits = []
    history: list[dict[str, Any]] = []
    for attempt in range(1, 8):
        claimed = a_plan(attempt=attempt, history=list(history))
        with pytest.raises(WorkFailed) as caught:
            await a_runner().handle(claimed)
        failure = caught.value.failure
        assert failure.action == FailureAction.SNOOZE
        assert failure.error.class_ == "no_model"
        assert "cogo serve executor" in failure.error.message
        assert failure.retry_after is not None
        waits.append(failure.retry_after.total_seconds())
        error = {"class": "no_model", "message": "no executor is alive"}
        history.append({"attempt": attempt, "outcome": "released", "error": error})

    assert waits == [2, 4, 8, 16, 30, 30, 30]


async def test_only_living_executors_are_counted_on() -> None:
    store = FakeStore(
        others=[
            an_executor(["alive"]),
            an_executor(["silent"], silent_ms=SILENT_AFTER // timedelta(milliseconds=1)),
            an_executor(["stopped"], stopped_at=utc_now()),
            an_executor(["never-heard"], silent_ms=None),
            an_executor(["planner"], kind="orchestrator"),
        ]
    )
    registry = a_registry(store, own=["own"])

    await registry.refresh()

    assert registry.lanes == ("alive",)
    assert registry.is_known


async def test_until_executors_are_known_the_own_lanes_stand_in() -> None:
    registry = a_registry(FakeStore(), own=["b", "a"])

    await registry.refresh()

    assert registry.lanes == ("a", "b")
    assert not registry.is_known


async def test_the_known_fleet_stays_while_the_store_is_away() -> None:
    store = FakeStore(others=[an_executor()])
    registry = a_registry(store)
    await registry.refresh()

    store.errors["fetch_agents"] = AWAY
    await registry.refresh()

    assert registry.lanes == tuple(LANES)


async def test_outside_a_workflow_no_answer_is_refused() -> None:
    """Agents of 0.1.0 give an answer back whose subtask names another model."""
    assert "escalate_to" not in (await planned()).metadata
    claimed = a_subtask(lane="cio", history=[failed("claude-sonnet-5-5")], failures=1)
    route = (await handle(claimed)).route
    assert route is not None
    assert "escalate_to" not in route.metadata


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ({"budget_usd": "0.000001"}, "of the budget is left"),
        ({"budget_usd": "1", "cost_usd": "1"}, "of the budget is left"),
    ],
)
async def test_a_task_whose_budget_is_spent_is_not_planned(
    task: dict[str, Any], words: str
) -> None:
    with pytest.raises(WorkFailed) as caught:
        await handle(a_plan(task))

    assert words in caught.value.failure.error.message
    assert caught.value.failure.error.field == "budget_usd"


@pytest.mark.parametrize("model", [None, "claude-sonnet-5-5"])
async def test_a_task_that_asks_for_money_is_planned_whatever_is_left(model: str | None) -> None:
    asks = {"params": {"on_budget": "ask"}, "budget_usd": "0.000001", "model": model}

    planned = (await handle(a_plan(asks))).hand_over or (await handle(a_plan(asks))).suspend

    assert planned is not None


async def test_a_provider_whose_cap_people_may_raise_is_gone_back_to_where_no_other_serves() -> (
    None
):
    def capped(lane: str) -> dict[str, Any]:
        return failed(lane) | {"outcome": "rerouted", "error": {"class": "provider_spend_cap"}}

    asks = {"params": {"on_budget": "ask"}}
    history = [capped("claude-sonnet-5-5"), capped("claude-haiku-4-5")]

    other = await handle(a_subtask(asks, lane="cio", history=history, failures=2))
    back = await handle(
        a_subtask(asks, lane="cio", history=history[:1], failures=1), lanes=["claude-sonnet-5-5"]
    )
    with pytest.raises(WorkFailed):
        await handle(
            a_subtask(lane="cio", history=history[:1], failures=1), lanes=["claude-sonnet-5-5"]
        )

    assert other.route is not None
    assert back.route is not None
    assert (other.route.lane, back.route.lane) == ("gpt-6.1-sol", "claude-sonnet-5-5")


async def test_the_policy_of_the_deployment_holds_where_nobody_says_another() -> None:
    runner = a_runner(an_executor(), knowledge=Knowledge(policy=PolicyName.CHEAPEST))

    by_default = (await runner.handle(a_plan())).hand_over
    by_task = (await runner.handle(a_plan({"preferences": {"policy": "rules"}}))).hand_over

    assert by_default is not None
    assert by_task is not None
    assert by_default.step.lane == "gpt-6.1-sol"
    assert [each.policy for each in by_default.selections] == ["cheapest"]
    assert by_task.step.lane == "claude-sonnet-5-5"
