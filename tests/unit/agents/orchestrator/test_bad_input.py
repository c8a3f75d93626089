"""Invalid input: a final failure that names the field and its allowed values."""

import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from agents.orchestrator.flows.runner import FlowRunner
from agents.runtime.attempt import WorkFailed
from agents.workflows.params import CodeParams
from protocol.records import ClaimedSubtask, Completion, Failure, FailureAction
from tests.support.agents.flows import LANES, a_runner, an_executor
from tests.support.agents.subtasks import a_plan, a_subtask

JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**18, 10**308, -(10**308), 2**63, 1e308, -1e308, 5e-324])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        "git_branch",
        "target_file",
        "language",
        "framework",
        "code_context",
        "tests",
        "task_requirements",
        "analysis_type",
        "code",
        "system",
        "preference",
        "allowed_models",
        "denied_models",
        "allowed_providers",
        "denied_providers",
        "data_policy",
        "complexity",
        "taskType",
        "task_type",
        "performanceNeeded",
        "performance_needed",
        "accuracyNeeded",
        "input_tokens",
        "outputTokens",
        "tool_calls",
        "max_output_tokens",
        "temperature",
        "top_p",
        "stop",
        "messages",
        "timeouts",
        "total",
        "stall",
    ]
)
NEARLY_RIGHT = st.dictionaries(KEYS, JSON | st.dictionaries(KEYS, JSON, max_size=3), max_size=4)


async def judged(claimed: ClaimedSubtask, runner: FlowRunner | None = None) -> Completion | Failure:
    try:
        return await (runner or a_runner(an_executor(LANES))).handle(claimed)
    except WorkFailed as error:
        return error.failure


async def refusal(runner: FlowRunner | None = None, **task: Any) -> Failure:
    outcome = await judged(a_plan(task), runner)
    assert isinstance(outcome, Failure), outcome
    assert outcome.action == FailureAction.GIVE_UP
    assert outcome.error.message.endswith((".", "?")), outcome.error.message
    assert len(outcome.error.message) < 1_000
    return outcome


OUTSIDE = [
    "/etc/passwd",
    "../secrets.py",
    "src/../../secrets.py",
    "~/.bashrc",
    "~root/x.py",
    "src\\report.py",
    "C:/windows/x.py",
    "c:x.py",
    "",
    ".",
    " ",
    "src/",
    "src/.",
    ".git/config",
    "sub/.git/hooks/post-commit",
    ".GIT/config",
    "sub/.Git /config",
    "git~1/config",
    "a\x00b.py",
    "a\nb.py",
    "a\x7fb.py",
    "a\u202eyp.b",
    "a/" * 600 + "x.py",
]


@pytest.mark.parametrize("path", OUTSIDE)
async def test_a_target_file_outside_the_repository_is_refused(path: str) -> None:
    failure = await refusal(params={"target_file": path})

    assert failure.error.class_ == "invalid_task"
    assert failure.error.field == "params.target_file"


@pytest.mark.parametrize("path", ["a.py", "src/über/report.py", ".github/ci.yml", "a b.py", "..x"])
async def test_a_target_file_inside_the_repository_is_taken(path: str) -> None:
    outcome = await judged(a_plan({"params": {"target_file": path}}))

    assert isinstance(outcome, Completion)
    assert outcome.hand_over is not None
    assert outcome.hand_over.step.params["target_file"] == path


FIELDS: list[tuple[dict[str, Any], str, str | None]] = [
    ({"type": "GENERATE_CODES"}, "type", "GENERATE_CODE"),
    ({"type": ""}, "type", "CHAT"),
    ({"type": "x" * 100_000}, "type", "CHAT"),
    ({"prompt": ""}, "prompt", None),
    ({"prompt": " \n\t "}, "prompt", None),
    ({"prompt": "x" * 2_000_001}, "prompt", None),
    ({"priority": 10}, "priority", "0"),
    ({"priority": -1}, "priority", "9"),
    ({"params": []}, "params", None),
    ({"params": "python"}, "params", None),
    ({"params": 7}, "params", None),
    ({"params": False}, "params", None),
    ({"params": {"language": 7}}, "params.language", None),
    ({"params": {"language": "x" * 101}}, "params.language", None),
    ({"params": {"code_context": "x" * 2_000_001}}, "params.code_context", None),
    ({"params": {"git_branch": "a..b"}}, "params.git_branch", None),
    ({"params": {"git_branch": "x" * 201}}, "params.git_branch", None),
    ({"params": {"task_requirements": "high"}}, "params.task_requirements", None),
    (
        {"params": {"task_requirements": {"complexity": "huge"}}},
        "params.task_requirements.complexity",
        "high",
    ),
    ({"params": {"temperature": 3}}, "params.temperature", None),
    ({"params": {"reasoning_effort": "huge"}}, "params.reasoning_effort", "high"),
    ({"params": {"cache": "yes"}}, "params.cache", None),
    ({"params": {"timeouts": {"total": -1}}}, "params.timeouts.total", None),
    ({"params": {"timeouts": {"stall": 1e308}}}, "params.timeouts.stall", None),
    ({"params": {"max_output_tokens": 10**308}}, "params.max_output_tokens", None),
    (
        {"params": {"task_requirements": {"inputTokens": 10**308}}},
        "params.task_requirements.inputTokens",
        None,
    ),
    (
        {"type": "ANALYZE_CODE", "params": {"analysis_type": "praise"}},
        "params.analysis_type",
        "review",
    ),
    ({"type": "CHAT", "params": {"system": ["be nice"]}}, "params.system", None),
    ({"model": "claude-sonnet-55"}, "model", "claude-sonnet-5-5"),
    ({"model": "x" * 100_000}, "model", None),
    ({"preferences": []}, "preferences", None),
    ({"preferences": "speed"}, "preferences", None),
    ({"preferences": {"denied_modells": []}}, "preferences.denied_modells", "denied_models"),
    ({"preferences": {"x" * 10_000: 1}}, "preferences." + "x" * 100, "preference"),
    ({"preferences": {"preference": "fast"}}, "preferences.preference", "speed"),
    ({"preferences": {"data_policy": "none"}}, "preferences.data_policy", "local-only"),
    (
        {"preferences": {"denied_models": ["claude-sonnet-55"]}},
        "preferences.denied_models",
        "claude-sonnet-5-5",
    ),
    (
        {"preferences": {"allowed_providers": ["antropic"]}},
        "preferences.allowed_providers",
        "anthropic",
    ),
]


@pytest.mark.parametrize(
    ("task", "field", "allowed"), FIELDS, ids=[str(i) for i in range(len(FIELDS))]
)
async def test_a_refusal_names_the_field_and_what_may_stand_there(
    task: dict[str, Any], field: str, allowed: str | None
) -> None:
    failure = await refusal(**task)

    assert failure.error.class_ == "invalid_task"
    assert failure.error.field == field
    assert field in failure.error.message
    assert "instance of" not in failure.error.message
    assert "Value error" not in failure.error.message
    assert allowed is None or allowed in (failure.error.allowed or [])


async def test_a_misspelt_name_gets_the_nearest_one() -> None:
    assert "Did you mean GENERATE_CODE?" in (await refusal(type="generate_code")).error.message
    assert "claude-sonnet-5-5" in (await refusal(model="claude-sonnet-55")).error.message
    wish = await refusal(preferences={"denied_modells": []})
    assert "Did you mean denied_models?" in wish.error.message


async def test_a_prompt_that_fits_no_window_is_what_its_owner_hears_of() -> None:
    failure = await refusal(a_runner(an_executor(["claude-haiku-4-5"])), prompt="word " * 200_000)

    assert failure.error.field == "prompt"
    assert "200000" in failure.error.message


async def test_wishes_that_leave_no_model_are_what_their_owner_hears_of() -> None:
    failure = await refusal(preferences={"data_policy": "local-only"})

    assert failure.error.field == "preferences"
    assert "may not leave the machine" in failure.error.message


async def test_a_known_model_that_nobody_serves_is_refused_with_those_that_are() -> None:
    failure = await refusal(model="claude-opus-5-5")

    assert failure.error.field == "model"
    assert set(failure.error.allowed or []) == set(LANES)


async def test_while_no_executor_is_known_a_task_without_a_model_waits() -> None:
    outcome = await judged(a_plan(), a_runner(an_executor([])))

    assert isinstance(outcome, Failure)
    assert outcome.action == FailureAction.SNOOZE
    assert "cogo serve executor" in outcome.error.message


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    type_=st.sampled_from(["GENERATE_CODE", "ANALYZE_CODE", "OPTIMIZE_CODE", "CHAT"]) | st.text(),
    prompt=st.text(),
    params=JSON | NEARLY_RIGHT,
    preferences=JSON | NEARLY_RIGHT,
    model=st.none() | st.text() | st.sampled_from(LANES),
    routed=st.booleans(),
)
async def test_any_json_of_a_person_is_planned_or_refused(
    type_: str, prompt: str, params: Any, preferences: Any, model: str | None, *, routed: bool
) -> None:
    task = {
        "type": type_,
        "prompt": prompt,
        "params": params,
        "preferences": preferences,
        "model": model,
    }
    claimed = a_subtask(task, lane="cio") if routed else a_plan(task)

    outcome = await judged(claimed)

    if isinstance(outcome, Failure):
        assert outcome.error.field
        assert outcome.action == FailureAction.GIVE_UP
    else:
        assert outcome.hand_over or outcome.suspend or outcome.route
    assert outcome.model_dump_json()


BRANCHES = st.text(
    st.sampled_from("abzAZ019/.@{}-_~^:?*[]\\ \t\x00\x7füé漢!#$%&'()+,;<=>|`\"lockHED"), max_size=12
) | st.lists(
    st.sampled_from(
        ["a", ".", "..", "/", "@", "{", "-", ".lock", "HEAD", "refs", "heads", "~", " "]
    ),
    max_size=5,
).map("".join)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is the judge")
@settings(max_examples=150, deadline=None)
@given(name=BRANCHES)
@example("HEAD")
@example("@")
@example("@{-1}")
@example("a.lock/b")
@example("-a")
@example("refs/heads/a")
@example("a.")
@example("a./b")
@example("a/.b")
def test_a_branch_is_refused_when_git_refuses_it(name: str) -> None:
    # `@` alone is another name of HEAD wherever git reads a revision.
    assert _is_taken(name) == (_git_takes(name) and name != "@"), name


def _is_taken(name: str) -> bool:
    try:
        CodeParams.model_validate({"git_branch": name})
    except ValidationError:
        return False
    return True


def _git_takes(name: str) -> bool:
    if "\x00" in name:  # no argument of a process can hold it
        return False
    asked = subprocess.run(
        ["git", "check-ref-format", "--branch", name], capture_output=True, check=False, cwd="/"
    )
    return asked.returncode == 0
