from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from pydantic import JsonValue, ValidationError

from protocol.errors import StoreUnavailable
from protocol.records import (
    Checkpoint,
    ClaimedSubtask,
    ErrorInfo,
    Event,
    Extension,
    Failure,
    LeaseRef,
    NewTask,
    SelectionRow,
    Task,
    TaskBrief,
    UnreadableSubtask,
    Usage,
)
from protocol.transport.rpc_client import parse_claims
from tests.support.json_values import JSON

NOON = "2026-03-01T12:00:00+00:00"


def deep(levels: int) -> JsonValue:
    """Build nested lists."""
    value: JsonValue = []
    for _ in range(levels):
        value = [value]
    return value


def a_claim(**fields: Any) -> dict[str, Any]:
    """Build a row of `cogo_claim_subtasks`."""
    task = {"id": str(uuid4()), "type": "GENERATE_CODE", "prompt": "sort"}
    return {
        "subtask_id": str(uuid4()),
        "task_id": task["id"],
        "key": "plan",
        "type": "PLAN",
        "lane": "cio",
        "attempt": 2,
        "lease_expires_at": NOON,
        "task": task,
    } | fields


@given(params=JSON, preferences=JSON)
def test_any_inserted_task_reaches_the_planner(params: JsonValue, preferences: JsonValue) -> None:
    row = {"id": str(uuid4()), "type": "", "prompt": "", "params": params}

    brief = TaskBrief.model_validate(row | {"preferences": preferences})
    task = Task.model_validate(
        row | {"preferences": preferences, "status": "pending", "created_at": NOON}
    )

    assert (brief.params, brief.preferences) == (params, preferences)
    assert (task.params, task.preferences) == (params, preferences)


def test_a_claim_names_its_lease_by_its_fencing_token() -> None:
    row = a_claim()

    claimed = ClaimedSubtask.model_validate(row)

    assert claimed.ref == LeaseRef(subtask_id=row["subtask_id"], attempt=2)
    assert {claimed.ref: "usable as a key"}[claimed.ref]


def test_columns_of_a_newer_migration_are_ignored() -> None:
    row = a_claim(colour="blue")
    row["task"]["mood"] = "calm"

    assert ClaimedSubtask.model_validate(row) == ClaimedSubtask.model_validate(
        {key: value for key, value in row.items() if key != "colour"}
    )


@pytest.mark.parametrize(
    ("argument", "fields"),
    [
        (NewTask, {"prompt": "sort", "promt": "sort"}),
        (LeaseRef, {"subtask_id": uuid4(), "attempt": 1, "lease": 3}),
        (Checkpoint, {"content": "", "thoughts": ""}),
    ],
)
def test_a_misspelt_argument_is_our_mistake(argument: type[Any], fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        argument(**fields)


def test_an_error_is_sent_under_the_word_that_python_reserves() -> None:
    error = ErrorInfo(class_="rate_limited", message="slow down", status=429)

    sent = error.model_dump(mode="json", by_alias=True, exclude_none=True)

    assert sent == {"class": "rate_limited", "message": "slow down", "status": 429}
    assert ErrorInfo.model_validate(sent) == error


def test_an_unknown_cost_is_not_nothing() -> None:
    usage = Usage(model_id="m", provider="p", duration_ms=1)

    assert usage.cost_usd is None
    assert Usage.model_validate(usage.model_dump() | {"cost_usd": 0}).cost_usd == Decimal(0)


def test_money_is_not_rounded_on_its_way() -> None:
    usage = Usage(model_id="m", provider="p", duration_ms=1, cost_usd=Decimal("0.000000123"))

    again = Usage.model_validate_json(usage.model_dump_json())

    assert again.cost_usd == Decimal("0.000000123")


def test_records_do_not_change() -> None:
    extension = Extension(subtask_id=uuid4(), attempt=1)

    with pytest.raises(ValidationError):
        extension.attempt = 2  # type: ignore[misc]  # that it is refused is what is tested


def test_a_failure_says_when_to_come_back_as_a_span_of_time() -> None:
    failure = Failure.model_validate(
        {
            "ref": {"subtask_id": uuid4(), "attempt": 1},
            "error": {"class": "rate_limited", "message": "slow down"},
            "action": "snooze",
            "retry_after": timedelta(seconds=1.5),
        }
    )

    assert failure.retry_after is not None
    assert failure.retry_after.total_seconds() == 1.5


@pytest.mark.parametrize(
    ("kind", "ends"),
    [
        ("task.completed", True),
        ("task.failed", True),
        ("task.cancelled", True),
        ("task.running", False),
        ("task.held", False),
        ("task.enchanted", False),
        ("subtask.completed", False),
        ("note", False),
    ],
)
def test_only_the_end_of_a_task_ends_it(kind: str, ends: bool) -> None:
    event = Event(task_id=uuid4(), seq=1, at=datetime(2026, 3, 1, tzinfo=UTC), kind=kind)

    assert event.ends_task is ends


@pytest.mark.parametrize(
    ("columns", "left_out"),
    [
        ({"budget_usd": "NaN"}, "budget_usd"),
        ({"deadline": "infinity"}, "deadline"),
        ({"run_at": "10000-01-01T00:00:00+00:00"}, "run_at"),
        ({"started_at": "0044-03-15T00:00:00+00:00 BC"}, "started_at"),
        ({"result": [1]}, "result"),
    ],
)
def test_a_column_that_cannot_be_read_hides_no_other(
    columns: dict[str, Any], left_out: str
) -> None:
    row = {"id": str(uuid4()), "type": "CHAT", "prompt": "hello", "status": "pending"}

    task = Task.model_validate(row | {"created_at": NOON} | columns)

    assert (str(task.id), task.status, task.prompt) == (row["id"], "pending", "hello")
    assert list(task.unreadable) == [left_out]
    assert task.model_dump()["unreadable"] == task.unreadable
    assert getattr(task, left_out) is None


def test_a_row_without_what_names_it_is_no_row() -> None:
    with pytest.raises(ValidationError):
        Task.model_validate({"id": "no id", "type": "CHAT", "prompt": "", "created_at": NOON})


def test_a_row_that_can_be_read_says_nothing_of_what_cannot() -> None:
    row = {"id": str(uuid4()), "type": "CHAT", "prompt": "", "status": "pending"}

    assert "unreadable" not in Task.model_validate(row | {"created_at": NOON}).model_dump()


@pytest.mark.parametrize(
    ("task", "fields", "named"),
    [
        ({"budget_usd": "NaN"}, {}, "budget_usd"),
        ({"deadline": "infinity"}, {}, "deadline"),
        ({"params": deep(300)}, {}, "params"),
        ({}, {"metadata": [1]}, "metadata"),
    ],
)
def test_a_lease_that_cannot_be_read_takes_no_other_with_it(
    task: dict[str, Any], fields: dict[str, Any], named: str
) -> None:
    good, bad = a_claim(), a_claim(**fields)
    bad["task"] |= task

    first, unreadable, last = parse_claims([good, bad, good])

    assert isinstance(first, ClaimedSubtask)
    assert isinstance(last, ClaimedSubtask)
    assert isinstance(unreadable, UnreadableSubtask)
    assert unreadable.ref == LeaseRef(subtask_id=bad["subtask_id"], attempt=2)
    assert unreadable.field.split(".")[0] == named
    assert len(unreadable.field) < 100


def test_a_lease_of_another_version_is_nobodys_failure() -> None:
    old = a_claim()
    del old["task"]

    with pytest.raises(StoreUnavailable, match="cogo migrate"):
        parse_claims([a_claim(), old])


def a_selection(candidates: JsonValue) -> SelectionRow:
    """Read a row of `cogo_model_selections`."""
    row = {"id": str(uuid4()), "reason": "it is good", "created_at": NOON, "candidates": candidates}
    return SelectionRow.model_validate(row)


def test_the_columns_of_candidates_become_one_object_for_each() -> None:
    row = a_selection(
        {
            "model_id": ["a", "b", "c"],
            "provider": ["x", "y", "x"],
            "expected": {"quality": [0.9, 0.8], "cost_usd": [0.01, None]},
            "notes": {
                "a": {"preferred_by": ["speed"], "expected": {"judged_by": {"run": 2.0}}},
                "b": {"set_aside": "it is slow", "expected": {"health": "degraded"}},
                "c": {"refused": "it is denied"},
            },
        }
    )

    first, second, third = row.candidates
    assert [each["rank"] for each in row.candidates] == [1, 2, None]
    assert [each["provider"] for each in row.candidates] == ["x", "y", "x"]
    assert first["preferred_by"] == ["speed"]
    usual = {"judged_by": {}, "health": "ok"}
    assert first["expected"] == usual | {
        "quality": 0.9,
        "cost_usd": 0.01,
        "judged_by": {"run": 2.0},
    }
    assert second["set_aside"] == "it is slow"
    assert second["expected"] == usual | {"quality": 0.8, "cost_usd": None, "health": "degraded"}
    assert (third["refused"], "expected" in third) == ("it is denied", False)


def test_candidates_of_earlier_versions_are_read_as_they_are() -> None:
    stored: JsonValue = [{"model_id": "a", "rank": 1}]

    assert a_selection(stored).candidates == stored


@pytest.mark.parametrize(
    "columns",
    [
        {"model_id": ["a"], "provider": []},
        {"model_id": ["a"], "provider": ["x"], "expected": {"low": [1], "high": []}},
        {"model_id": "a", "provider": "x"},
    ],
)
def test_candidates_that_cannot_be_read_hide_nothing_else(columns: JsonValue) -> None:
    row = a_selection(columns)

    assert row.reason == "it is good"
    assert row.candidates == []
    assert list(row.unreadable) == ["candidates"]
