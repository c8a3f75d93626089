"""`run.call`: keys, requests, results and failures of calls of tools."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from agents.orchestrator.flows.stamping import build_step
from agents.workflows.engine import OutcomeUnknown, Result, Run, StepFailed
from agents.workflows.hosting.source_rules import check_module_file
from cogo.testing import fail_with, play, suggest_answer
from cogo.workflows import tool
from tests.unit.agents.workflows.flows import TASK, a_flow


@tool(idempotent=True, retries=7)
def add(one: int, two: int = 0) -> int:
    """Add two numbers."""
    if one < 0:
        raise ValueError("it is negative")
    return one + two


def plain() -> None:
    """Be no tool."""


@a_flow
async def adds_twice(run: Run) -> Result:
    total = await run.call(add, 1, two=2)
    total = await run.call(add, one=total)
    return Result(str(total + 1))


@a_flow
async def catches(run: Run) -> Result:
    try:
        return Result(str(await run.call(add, -1)))
    except OutcomeUnknown:
        return Result("unknown")
    except StepFailed as error:
        return Result(f"{error.error_class}: {error.message}")


@a_flow
async def asks_a_server(run: Run) -> Result:
    rows = await run.tool("rows", "mcp:supabase/execute_sql", {"query": "select 1"})
    return Result(str(rows))


@a_flow
async def calls_no_server(run: Run) -> Result:
    return Result(str(await run.tool("rows", "acme.tools.lookup")))


def test_a_tool_of_a_server_is_called_by_its_name() -> None:
    played = play(asks_a_server, answers={"rows": [[1, 2]]})
    step = build_step(played.steps[0], TASK)

    assert played.text == "[1, 2]"
    assert (step.kind, step.key, step.lane) == ("call", "rows", "tools:mcp.supabase")
    assert step.params == {
        "module": "mcp.supabase", "name": "execute_sql", "arguments": {"query": "select 1"},
    }  # fmt: skip


def test_a_script_calls_no_server() -> None:
    played = play(asks_a_server, call_tools=True)

    assert played.failure is not None
    assert "give it an answer for rows" in str(played.failure)
    assert play(asks_a_server, answers=suggest_answer).text == "the value of execute_sql"


def test_a_name_that_names_no_server_is_refused() -> None:
    played = play(calls_no_server, answers={})

    assert "run.call calls functions" in str(played.failure)


def test_calls_are_numbered_by_the_name_of_their_function() -> None:
    played = play(adds_twice, answers={"add": [3, 10]})

    assert [each.key for each in played.steps] == ["add", "add#2"]
    assert played.steps[0].request == {
        "module": __name__, "name": "add", "arguments": {"one": 1, "two": 2}, "retries": 7,
    }  # fmt: skip
    assert played.steps[1].request["arguments"] == {"one": 3}
    assert played.text == "11"


def test_a_call_goes_to_the_lane_of_its_module() -> None:
    step = build_step(play(adds_twice, answers={"add": [3, 10]}).steps[0], TASK)

    assert (step.kind, step.lane) == ("call", f"tools:{__name__}")
    assert step.max_failures == 8


def test_real_functions_run_on_request() -> None:
    assert play(adds_twice, call_tools=True).text == "4"
    assert play(adds_twice, answers={"add": [5]}, call_tools=True).text == "6"
    assert play(catches, call_tools=True).text == "tool_failed: ValueError: it is negative"


def test_a_suggested_answer_has_the_type_of_the_result() -> None:
    assert play(adds_twice, answers=suggest_answer).text == "2"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (fail_with("outcome_unknown"), "unknown"),
        (fail_with("no_agent", "nobody"), "no_agent: nobody"),
        ("many", "invalid_answer: add(one: int, two: int = 0) -> int has returned something else"),
    ],
)
def test_failures_are_raised_where_the_call_is_awaited(answer: Any, text: str) -> None:
    assert (play(catches, answers={"add": answer}).text or "").startswith(text)


def test_data_that_has_an_error_in_it_is_no_failure() -> None:
    @a_flow
    async def flow(run: Run) -> Result:
        return Result(str(await run.event("paid", "paid")))

    assert play(flow, answers={"paid": {"error": "none"}}).text == "{'error': 'none'}"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((add, "x"), "one: Input should be a valid integer"),
        ((add, 1, 2, 3), "too many positional arguments"),
        ((plain,), "run.call needs a function with @tool, which plain has not"),
    ],
)
def test_a_wrong_call_fails_the_task_at_its_line(arguments: Any, problem: str) -> None:
    @a_flow
    async def flow(run: Run) -> Result:
        return Result(str(await run.call(*arguments)))

    failure = play(flow).failure

    assert failure is not None
    assert failure.error_class == "workflow_error"
    line = flow.function.__code__.co_firstlineno + 2
    assert f"test_calls.py:{line}: " in failure.message
    assert problem in failure.message


def test_files_with_tools_may_import_what_a_workflow_must_not(tmp_path: Path) -> None:
    tools = "import socket\nfrom cogo.workflows import tool\n@tool\ndef send() -> None: ...\n"
    both = """
        import socket
        from cogo.workflows import Result, Run, tool, workflow
        @tool(timeout=1)
        def send() -> None: ...
        @workflow("SEND")
        async def flow(run: Run) -> Result: ...
    """
    (tmp_path / "__init__.py").touch()
    (tmp_path / "tools.py").write_text(tools)
    (tmp_path / "both.py").write_text(dedent(both))

    problems = check_module_file(tmp_path / "__init__.py")

    assert [(Path(each.file).name, each.line) for each in problems] == [("both.py", 2)]
