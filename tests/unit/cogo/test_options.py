"""Durations and numbers on the command line, parsed or refused in a sentence."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cogo.cli.memory.forget import forget_memory
from cogo.cli.models import embeddings
from cogo.cli.options import parse_owners, parse_since
from cogo.cli.sessions.change import forget_sessions
from cogo.cli.task_options import OnBudget, build_params, check_type, parse_deadline
from cogo.errors import CommandError
from protocol.errors import InvalidArgument
from protocol.ids import utc_now
from protocol.json_values import parse_count, to_finite_float
from protocol.records import AgentRecord


@pytest.mark.parametrize("seconds", [math.nan, math.inf, 1e308, 0, -1])
def test_a_deadline_that_no_calendar_holds_is_refused(seconds: float) -> None:
    with pytest.raises(CommandError, match="--deadline"):
        parse_deadline(seconds)


def test_a_deadline_is_in_seconds_from_now() -> None:
    found = parse_deadline(3600)

    assert found is not None
    assert 3590 < (found - utc_now()).total_seconds() <= 3600


@pytest.mark.parametrize("text", ["999999d", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59-12:00"])
def test_a_date_that_no_calendar_holds_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="--since"):
        parse_since(text)


@pytest.mark.parametrize("text", ["9" * 5000, "11", "-1", "+1", "1.0", "1e1", "", " 1", "\u0661"])
def test_a_count_is_ascii_digits_within_its_limit(text: str) -> None:
    assert parse_count(text, most=10) is None


def test_a_count_may_have_zeros_before_it() -> None:
    assert [parse_count(text, most=10) for text in ("0", "10", "0" * 5000 + "7")] == [0, 10, 7]


@pytest.mark.parametrize("value", [True, None, "1", [1], 10**309, math.inf, math.nan])
def test_a_number_is_what_a_float_holds(value: object) -> None:
    assert to_finite_float(value) is None
    assert [to_finite_float(each) for each in (1, -2.5, 10**308)] == [1.0, -2.5, 1e308]


def test_tests_are_files_or_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_a.py").write_text("def test_a(): ...\n")
    options: dict[str, Any] = dict.fromkeys(("language", "target_file", "file"))

    params = build_params(
        None, **options, kind="GENERATE_CODE", tests=["tests/test_a.py", "pytest -q"]
    )

    assert params == {
        "tests": {"tests/test_a.py": "def test_a(): ...\n"}, "test_command": "pytest -q",
    }  # fmt: skip
    for wrong, message in (["make", "pytest"], "several"), (["test_b.py"], "no such file"):
        with pytest.raises(CommandError, match=message):
            build_params(None, **options, kind="GENERATE_CODE", tests=wrong)


def test_what_happens_at_a_spent_budget_is_a_param() -> None:
    options: dict[str, Any] = dict.fromkeys(("language", "target_file", "file"), None)
    text = '{"on_budget": "fail", "temperature": 0}'

    given = build_params(text, **options, kind="CHAT", on_budget=OnBudget.ASK)

    assert given == {"on_budget": "ask", "temperature": 0}
    assert "on_budget" not in build_params(None, **options, kind="CHAT")


def an_orchestrator(**details: object) -> AgentRecord:
    return AgentRecord(
        id="o", kind="orchestrator", capacity=8, details=details, silent_ms=100
    )  # fmt: skip


def test_a_type_of_users_is_known_by_the_running_orchestrators() -> None:
    loaded = [an_orchestrator(workflows=["HAIKU"]), an_orchestrator(workflows=["REPORT"])]

    check_type("HAIKU", loaded)
    check_type("REPORT", loaded)
    with pytest.raises(InvalidArgument, match=r"Did you mean HAIKU\?.*cogo\.toml"):
        check_type("HAIKUS", loaded)


@pytest.mark.parametrize("agents", [[], [an_orchestrator()], [an_orchestrator(workflows="x")]])
def test_an_orchestrator_that_lists_no_workflows_judges_at_planning(
    agents: list[AgentRecord],
) -> None:
    check_type("HAIKU", agents)


def test_owners_are_one_user_nobody_or_all() -> None:
    user = uuid4()

    assert [parse_owners(each) for each in (str(user), "none", "all")] == [
        (user, False),
        (None, False),
        (None, True),
    ]


@pytest.mark.parametrize("forget", [forget_memory, forget_sessions, embeddings.forget])
def test_an_empty_owner_is_a_mistake_and_not_nobody(
    forget: Callable[..., None], tmp_path: Path
) -> None:
    """As of `--owner "$USER_ID"` without that variable."""
    with pytest.raises(InvalidArgument, match="'' is not an owner"):
        forget(everything=True, owner="", directory=tmp_path)
