"""Workflows of code on a real database and in the real sandbox, with simulated vendors."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from agents.sandbox.check_runner import CheckRunner
from agents.sandbox.choice import open_sandbox
from agents.sandbox.python_toolchain import build_python_toolchain
from protocol.lifecycle import TaskState
from protocol.records import Subtask, Task
from simulator import run_simulator
from tests.support.servers.simulator import Journal

if TYPE_CHECKING:
    from tests.integration.agents.conftest import Fleet

OpenFleet = Callable[[], AbstractAsyncContextManager["Fleet"]]
RIGHT = "def test_a():\n    assert is_palindrome('abba')\n    assert not is_palindrome('abc')\n"
LRU = """def test_a():
    cache = LRUCache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert cache.get("a") == 1
"""
WRONG = "def test_a():\n    assert is_palindrome('abc')\n"


@pytest.fixture
async def simulator() -> AsyncIterator[str]:
    async with run_simulator(speed=200) as url:
        yield url


@pytest.fixture(scope="module")
def toolchain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("toolchains")


@pytest.fixture
async def checks(toolchain: Path) -> CheckRunner:
    sandbox = await open_sandbox()
    if sandbox is None:
        pytest.skip("no sandbox works on this machine: user namespaces are not available")
    return CheckRunner(sandbox=sandbox, python=build_python_toolchain(toolchain))


async def run_task(
    fleet: OpenFleet, checks: CheckRunner, **task: Any
) -> tuple[Task, list[Subtask]]:
    async with fleet() as agents:
        await agents.executor("e-1", checks=checks, sandbox=checks.sandbox.name, check_capacity=2)
        await agents.orchestrator()
        submitted = await agents.submit(**task)
        ended = await agents.ended(submitted.id)
        return ended, list(await agents.store.fetch_subtasks(task_id=submitted.id))


async def test_code_that_passes_the_tests_of_the_task_is_verified(
    fleet: OpenFleet, checks: CheckRunner
) -> None:
    ended, subtasks = await run_task(
        fleet, checks, params={"tests": RIGHT, "target_file": "src/words.py"}
    )

    assert ended.status == TaskState.COMPLETED, ended.error
    assert {each.key for each in subtasks} == {"plan", "draft", "check"}
    assert ended.result is not None
    verification = ended.result["verification"]
    assert verification["summary"] == f"verified: 1 of 1 tests passed ({checks.sandbox.name})"
    assert set(ended.result["files"]) == {"src/words.py"}
    assert ended.result["receipt"]["attempts"][0]["passed"] == 1


async def test_wrong_tests_never_verify_right_code(fleet: OpenFleet, checks: CheckRunner) -> None:
    ended, subtasks = await run_task(fleet, checks, params={"tests": WRONG})

    assert ended.status == TaskState.COMPLETED, ended.error
    assert ended.result is not None
    assert ended.result["verification"]["status"] == "failed"
    drafts = [each for each in subtasks if each.key.startswith("draft")]
    assert len({each.lane for each in drafts}) == len(drafts) >= 2
    assert "is_palindrome" in ended.result["generated_code"]
    assert len(ended.result["receipt"]["attempts"]) == 2 * len(drafts)


async def test_tests_that_a_model_wrote_never_verify(fleet: OpenFleet, checks: CheckRunner) -> None:
    ended, subtasks = await run_task(fleet, checks)

    assert ended.status == TaskState.COMPLETED, ended.error
    assert {each.key for each in subtasks} == {"plan", "tests", "stub", "draft", "check"}
    assert ended.result is not None
    assert ended.result["verification"]["status"] == "self_tested"
    assert "4 of 4 tests passed that " in ended.result["verification"]["summary"]


async def test_a_bug_that_is_not_hard_is_repaired_by_the_model_that_made_it(
    fleet: OpenFleet, checks: CheckRunner
) -> None:
    ended, subtasks = await run_task(
        fleet, checks, prompt="Write binary_search(items, target)", model="claude-haiku-5-5"
    )

    assert ended.result is not None
    verification = ended.result["verification"]
    assert verification["status"] == "unverified"  # the named model wrote the tests, too
    assert "same maker" in verification["reason"]
    tried = ended.result["receipt"]["attempts"]
    assert [each["check"] for each in tried] == ["failed", "passed"]
    assert {each["model"] for each in tried} == {"claude-haiku-5-5"}
    assert {"draft", "check", "repair", "check#2"} <= {each.key for each in subtasks}


async def test_a_bug_that_is_hard_is_left_to_another_model(
    fleet: OpenFleet, checks: CheckRunner
) -> None:
    ended, _ = await run_task(fleet, checks, prompt="Write a class LRUCache(capacity)")

    # Whether the second model finds the bug is a matter of who it is; that it is asked is not.
    first, repair, second = list_tried(ended)[:3]
    assert first == repair == (first[0], "failed")
    assert second[0] != first[0]


async def test_a_bug_that_is_hard_is_found_by_a_stronger_model(
    fleet: OpenFleet, checks: CheckRunner
) -> None:
    weak, strong, tester = "claude-sonnet-5-5", "claude-opus-5-5", "fireworks/glm-5p3"
    ended, subtasks = await run_task(
        fleet, checks, prompt="Write a class LRUCache(capacity)",
        preferences={"allowed_models": [weak, strong, tester]},
    )  # fmt: skip

    assert [each.lane for each in subtasks if each.key == "tests"] == [tester]
    assert list_tried(ended) == [(weak, "failed"), (weak, "failed"), (strong, "passed")]
    assert ended.result is not None
    assert ended.result["verification"]["status"] == "self_tested", ended.result["verification"]


async def test_a_cascade_asks_a_dear_model_only_after_the_tests_refuse_a_cheap_one(
    fleet: OpenFleet, checks: CheckRunner, simulator: str
) -> None:
    cheap, dear = "claude-sonnet-5-5", "claude-opus-5-5"
    wish = {"policy": "cascade", "preference": "cost", "allowed_models": [cheap, dear]}
    asked = {"Write a class LRUCache(capacity)": LRU, "Write is_palindrome(text)": RIGHT}
    hard, easy = [
        await run_task(fleet, checks, prompt=prompt, params={"tests": tests}, preferences=wish)
        for prompt, tests in asked.items()
    ]

    assert list_tried(hard[0]) == [(cheap, "failed"), (cheap, "failed"), (dear, "passed")]
    assert list_tried(easy[0]) == [(cheap, "passed")]
    async with httpx.AsyncClient(base_url=simulator, timeout=60) as client:
        calls = await Journal(client, after=0).requests()
    # As the vendors counted them: both tasks began with the cheap one, which repaired once.
    assert [each["model"] for each in calls] == [cheap, cheap, dear, cheap]


def list_tried(ended: Task) -> list[tuple[str, str]]:
    """Return the models that wrote code, and what the tests said."""
    assert ended.result is not None, ended.error
    return [(each["model"], each["check"]) for each in ended.result["receipt"]["attempts"]]


async def test_a_request_whose_tests_nobody_can_write_ends_unverified(
    fleet: OpenFleet, checks: CheckRunner
) -> None:
    ended, _ = await run_task(fleet, checks, prompt="Write a function warp(drive)")

    assert ended.result is not None
    assert ended.result["verification"]["status"] == "unverified"


async def test_code_that_is_not_to_be_run_costs_one_call(
    fleet: OpenFleet, checks: CheckRunner
) -> None:
    ended, subtasks = await run_task(fleet, checks, params={"verify": "off"})

    assert ended.result is not None
    assert [each.key for each in subtasks if each.lane != "cio"] == ["main"]
    assert ended.result["verification"]["reason"] == "no tests were run: params.verify is off"


async def test_findings_are_data_of_the_schema(fleet: OpenFleet, checks: CheckRunner) -> None:
    ended, _ = await run_task(
        fleet, checks, prompt="Is it right?", type="ANALYZE_CODE", params={"code": "x = 1\n"}
    )

    assert ended.status == TaskState.COMPLETED, ended.error
    assert ended.result is not None
    assert set(ended.result["data"]) >= {"summary", "findings"}


async def test_an_optimization_of_the_simulator_keeps_the_original(
    fleet: OpenFleet, checks: CheckRunner
) -> None:
    code = "def is_palindrome(text):\n    return text == text[::-1]\n"

    ended, _ = await run_task(
        fleet, checks, prompt="Faster, please: is_palindrome(text)", type="OPTIMIZE_CODE",
        params={"code": code, "tests": RIGHT},
    )  # fmt: skip

    assert ended.status == TaskState.COMPLETED, ended.error
    assert ended.result is not None
    assert ended.result["optimization"]["is_faster"] is not True


async def test_parts_that_are_code_are_run_alone_and_then_together(
    fleet: OpenFleet, checks: CheckRunner
) -> None:
    ended, subtasks = await run_task(
        fleet, checks, type="COORDINATE", prompt="Write fibonacci(n) and is_palindrome(text)"
    )

    assert ended.status == TaskState.COMPLETED, ended.error
    kinds = {each.key: each.kind for each in subtasks if each.status == "completed"}
    assert kinds == {
        "plan": "flow", "strategy": "ask", "implement/fibonacci": "task",
        "implement/palindrome": "task", "implement/guide": "ask", "tests": "ask", "stub": "check",
        "together": "check", "review": "task", "revision": "ask",
    }  # fmt: skip
    result = ended.result
    assert result is not None
    assert {*result["files"]} == {"fibonacci.py", "palindrome.py"}
    assert result["verification"]["status"] == "self_tested", result["verification"]
    agents = [each["agent"] for each in result["parts"]]
    assert agents[:4] == [
        "strategy",
        "implement/fibonacci",
        "implement/palindrome",
        "implement/guide",
    ]
    assert {"review/optimistic", "review/verdict", "revision"} <= {*agents}
    assert all(each["model"] for each in result["parts"])


async def test_proposed_steps_are_child_tasks_and_questions(
    fleet: OpenFleet, checks: CheckRunner
) -> None:
    ended, subtasks = await run_task(
        fleet, checks, type="AUTO", prompt="Write fibonacci(n)", params={"confirm_above_usd": 100}
    )

    assert ended.status == TaskState.COMPLETED, ended.error
    assert {each.key: each.kind for each in subtasks if each.status == "completed"} == {
        "plan": "flow", "proposal": "ask", "steps/fibonacci": "task", "steps/report": "ask",
    }  # fmt: skip
    result = ended.result
    assert result is not None
    assert {*result["files"]} == {"fibonacci.py"}
    assert result["verification"]["status"] == "self_tested"
    assert result["estimate"]["calls"] == 4
    assert 0 < result["estimate"]["usd"] <= result["estimate"]["at_most_usd"]
    assert result["notes"] == []
