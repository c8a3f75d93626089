"""Tools that a task wants: unknown ones, grants, the model for them, and nobody to ask."""

from typing import Any

import pytest

from agents.errors import ToolNotUsable
from agents.orchestrator.flows.runner import FlowRunner
from agents.orchestrator.tool_check import check_usable_tools
from agents.runtime.attempt import WorkFailed
from agents.workflows.engine import Result, Run, StepFailed, workflow
from protocol.records import AgentRecord, Failure, FailureAction, NewStep
from tests.support.agents.flows import (
    CATALOGUE,
    LANES,
    a_runner,
    an_executor,
    claim,
    ended,
    run_of,
    suspended,
)
from tests.support.agents.subtasks import a_plan

OFFERED = ["acme.shop.pay", "acme.store.pay", "acme.shop.look", "mcp:docs/find", "mcp:docs/write"]
SONAR, SMALL = "perplexity/sonar-pro", "claude-haiku-4-5"


def with_tools(*lanes: str, tools: object = OFFERED) -> AgentRecord:
    return an_executor(lanes or LANES, details={"tools": tools})


def check(*names: str, granted: list[str] | None = None, offered: bool = True) -> None:
    there = OFFERED if offered else None
    check_usable_tools({"tools": list(names)}, offered=there, granted=granted)


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["look"],
        ["acme.shop.pay", "acme.store.pay"],
        ["mcp:docs", "mcp:docs/find"],
        ["web_search"],
    ],
)
def test_tools_that_executors_offer_can_be_used(names: list[str]) -> None:
    check(*names)


@pytest.mark.parametrize(
    ("name", "says", "may_appear"),
    [
        ("lok", "no executor offers 'lok'; there are: acme.shop.look,", False),
        ("pay", "no executor offers 'pay'", False),  # of which module?
        ("shop.look", "no executor offers 'shop.look'", False),
        ("cogo:run_code", "no executor offers 'cogo:run_code'.* `cogo tools` .* says why", False),
        ("cogo:run_cod", r"mcp:docs/write\.$", False),
        ("mcp:docs/gone", "no executor offers 'mcp:docs/gone'", True),
        ("mcp:new", "no executor offers 'mcp:new'", True),
        ("mcp:doc", "no executor offers 'mcp:doc'", True),
    ],
)
def test_unknown_names_are_refused_with_those_that_there_are(
    name: str, says: str, *, may_appear: bool
) -> None:
    with pytest.raises(ToolNotUsable, match=says.replace("(", r"\(")) as refused:
        check("look", name)

    assert refused.value.field == "params.tools"
    assert refused.value.error_class == "invalid_task"
    assert list(refused.value.allowed) == sorted(OFFERED)
    assert refused.value.may_appear is may_appear


@pytest.mark.parametrize(
    ("names", "granted"),
    [
        (["look"], []),
        (["web_search"], ["acme.shop/*"]),
        (["acme.store.pay"], ["acme.shop/*"]),
        (["mcp:docs"], ["mcp:doc/*"]),
        (["mcp:docs/write"], ["mcp:docs/find"]),
        (["look", "cogo:run_code"], ["acme.shop/*", "cogo/fetch_url"]),
    ],
)
@pytest.mark.parametrize("offered", [True, False])
def test_what_is_not_granted_is_refused_whoever_offers_it(
    names: list[str], granted: list[str], *, offered: bool
) -> None:
    with pytest.raises(ToolNotUsable, match="not granted to the task's owner") as refused:
        check(*names, granted=granted, offered=offered)

    assert refused.value.error_class == "not_granted"
    assert list(refused.value.allowed) == granted


def test_the_module_of_a_short_name_is_known_when_an_executor_runs() -> None:
    check("look", granted=["acme.other/*"], offered=False)
    with pytest.raises(ToolNotUsable, match="not granted"):
        check("look", granted=["acme.other/*"])


@pytest.mark.parametrize(
    ("names", "granted"),
    [
        (["look", "acme.shop.pay"], ["acme.shop/*"]),
        (["mcp:docs"], ["mcp:docs/find"]),
        (["mcp:docs/find"], ["mcp:docs/*"]),
        (["web_search"], ["web_search"]),
    ],
)
def test_what_is_granted_can_be_used(names: list[str], granted: list[str]) -> None:
    check(*names, granted=granted)


async def fail(
    runner: FlowRunner,
    *tools: str,
    granted: list[str] | None = None,
    history: list[dict[str, Any]] | None = None,
) -> Failure:
    task = {"type": "CHAT", "prompt": "Look", "params": {"tools": [*tools]}}
    claimed = a_plan(task, history=history or [], tools_granted=granted)
    with pytest.raises(WorkFailed) as failed:
        await runner.handle(claimed)
    return failed.value.failure


async def hand_over(runner: FlowRunner, *tools: str, **task: Any) -> NewStep:
    params = {"params": {"tools": [*tools]}}
    completion = await runner.handle(a_plan({"type": "CHAT", "prompt": "Look"} | params | task))
    assert completion.hand_over is not None
    return completion.hand_over.step


async def test_a_task_with_an_unknown_tool_fails_before_a_model_is_chosen() -> None:
    unknown = await fail(a_runner(with_tools()), "lok")
    refused = await fail(a_runner(with_tools()), "look", granted=["acme.store/*"])

    assert (unknown.error.class_, refused.error.class_) == ("invalid_task", "not_granted")
    assert unknown.action is refused.action is FailureAction.GIVE_UP
    assert unknown.error.field == refused.error.field == "params.tools"
    assert "look" in str(unknown.error.allowed)


async def test_a_server_that_has_just_started_is_waited_for_a_while() -> None:
    runner = a_runner(with_tools())
    waited = {"attempt": 1, "outcome": "released", "error": {"class": "no_tool"}}

    first = await fail(runner, "mcp:new")
    last = await fail(runner, "mcp:new", history=[waited] * 3)

    assert (first.action, first.error.class_) == (FailureAction.SNOOZE, "no_tool")
    assert (last.action, last.error.class_) == (FailureAction.GIVE_UP, "invalid_task")


async def test_a_task_waits_while_no_executor_runs() -> None:
    nobody, gone = a_runner(), with_tools().model_copy(update={"silent_ms": 3_600_000})

    for runner in (nobody, a_runner(gone)):
        failure = await fail(runner, "lok", "mcp:docs", "cogo:run_code")
        assert (failure.action, failure.error.class_) == (FailureAction.SNOOZE, "no_model")
    # What is not granted need not wait.
    assert (await fail(nobody, "look", granted=[])).error.class_ == "not_granted"


@pytest.mark.parametrize("tools", ["look", {"look": 1}, [7, None], None])
async def test_heartbeats_that_list_no_tools_offer_none(tools: object) -> None:
    failure = await fail(a_runner(with_tools(tools=tools)), "look")

    assert "none offers any tool" in failure.error.message


async def test_all_tools_of_all_executors_count() -> None:
    other = with_tools(tools=["other.find"]).model_copy(update={"id": "e-2"})

    step = await hand_over(a_runner(with_tools(), other), "look", "find")

    assert step.params["tools"] == ["look", "find"]


async def test_a_model_that_takes_no_tools_is_not_chosen() -> None:
    sonar = {"preferences": {"preference": "quality", "allowed_models": [SONAR, SMALL]}}

    step = await hand_over(a_runner(with_tools(SONAR, SMALL)), "look", **sonar)
    failure = await fail(a_runner(with_tools(SONAR)), "look")

    assert step.lane == SMALL
    assert failure.error.class_ == "no_model"
    assert "calls tools" in failure.error.message


async def test_a_model_that_sees_is_chosen_for_a_tool_that_shows_images() -> None:
    blind = next(
        each.id
        for each in CATALOGUE.models.values()
        if each.takes("image") is False and each.takes_tools and "/" in each.id
    )
    viewer = with_tools(blind, SMALL, tools=["cogo:view_image"])

    assert (await hand_over(a_runner(viewer), "cogo:view_image")).lane == SMALL


@workflow("TEST")
async def searches(run: Run) -> Result:
    """Ask with a tool that may not be there."""
    try:
        found = await run.ask("find", run.prompt, tools=["mcp:docs/find"])
    except StepFailed as error:
        return Result(f"{error.error_class}: {error.message}")
    return Result(found.text)


async def test_an_ask_of_a_workflow_gets_the_tools_that_it_names() -> None:
    [step] = (await suspended(run_of(searches, with_tools()), claim())).steps

    assert step.params["tools"] == ["mcp:docs/find"]
    assert step.lane in LANES


@pytest.mark.parametrize(
    ("offered", "granted", "error_class"),
    [(["acme.shop.look"], None, "invalid_task"), (OFFERED, ["acme.shop/*"], "not_granted")],
)
async def test_an_ask_with_a_tool_that_it_cannot_have_fails_and_the_workflow_goes_on(
    offered: list[str], granted: list[str] | None, error_class: str
) -> None:
    runner = run_of(searches, with_tools(tools=offered))

    [step] = (await suspended(runner, claim().model_copy(update={"tools_granted": granted}))).steps

    assert step.error is not None
    assert (step.error.class_, step.lane) == (error_class, "wait")
    failed = ended("find", output=None, status="failed", error=step.error.model_dump(by_alias=True))
    completion = await runner.handle(claim(failed))
    assert str(completion.output["text"]).startswith(f"{error_class}: ")
