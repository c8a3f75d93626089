"""Functions with `@tool`: their schema, and what they take and return."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from agents.tools import ArgumentsInvalid, ToolFunction, ToolInvalid
from cogo.workflows import tool


class Item(BaseModel):
    name: str
    price: Decimal


@dataclass
class Receipt:
    total: Decimal
    at: datetime


@tool(idempotent=True, retries=2, timeout=5)
async def order(
    items: list[Item],
    count: Annotated[int, Field(ge=1, description="How many of each.")] = 1,
    *,
    copy: bool = False,
) -> Receipt:
    """Order items.

    Nothing is charged.
    """
    total = sum((each.price for each in items), Decimal()) * count
    return Receipt(total=total, at=datetime(2026, 1, 1, tzinfo=UTC))


@tool
def forget(key: str) -> None:
    """Forget a key."""


def test_the_schema_comes_from_types_and_docstring() -> None:
    schema = order.schema

    assert schema["description"] == "Order items.\n\nNothing is charged."
    assert schema["required"] == ["items"]
    assert schema["additionalProperties"] is False
    assert list(schema["properties"]) == ["items", "count", "copy"]
    assert schema["properties"]["count"]["minimum"] == 1
    assert schema["properties"]["count"]["description"] == "How many of each."


def test_arguments_survive_json_and_those_that_were_left_out_stay_out() -> None:
    written = order.write_arguments([Item(name="tea", price=Decimal("1.10"))], copy=True)
    read = order.read_arguments(written)

    assert written == {"items": [{"name": "tea", "price": "1.10"}], "copy": True}
    assert read == {"items": [Item(name="tea", price=Decimal("1.10"))], "copy": True}


def test_results_have_the_type_of_the_function() -> None:
    read = order.read_result({"total": "2.20", "at": "2026-01-01T00:00:00Z"})

    assert read == Receipt(total=Decimal("2.20"), at=datetime(2026, 1, 1, tzinfo=UTC))
    assert forget.read_result("whatever a script has") is None


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({}, "missing a required argument: 'items'"),
        ({"items": [], "size": 1}, "unexpected keyword argument 'size'"),
        ({"items": [{"name": "tea"}]}, "items.0.price: Field required"),
        ({"items": [], "count": 0}, "count: Input should be greater than or equal to 1"),
    ],
)
def test_wrong_arguments_are_refused_with_what_the_function_takes(
    arguments: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ArgumentsInvalid) as caught:
        order.write_arguments(**arguments)

    assert str(caught.value).startswith("order(items: list[")
    assert problem in str(caught.value)


def a_generator() -> Any:
    yield 1


def with_more(*args: int) -> None:
    del args


def plan() -> None:
    """Have the name of the key of every workflow."""


def an_opaque_one(value: Callable[[], None]) -> None:
    del value


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: tool(len), "is for functions"),
        (lambda: tool(lambda: 1), "named in ASCII letters"),
        (lambda: tool(a_generator), "not yield"),
        (lambda: tool(with_more), "every parameter needs a name"),
        (lambda: tool(plan), "another name"),
        (lambda: tool(timeout=0)(forget.function), "timeout must be above 0"),
        (lambda: tool(retries=1)(forget.function), "only a tool with idempotent=True"),
        (lambda: tool(idempotent=True, retries=11)(forget.function), "retries must be"),
        (lambda: tool(an_opaque_one).schema, "a type is no JSON"),
    ],
)
def test_what_cannot_be_a_tool_is_refused(
    make: Callable[[], ToolFunction[..., Any]], problem: str
) -> None:
    with pytest.raises(ToolInvalid, match=problem):
        make()


def test_an_approval_may_expire_and_be_passed_on() -> None:
    approval = {"expires_in": 60, "escalate": {"after": 30, "to": "operators"}}
    pay = tool(approval=approval)(forget.function)

    assert (order.needs_approval, pay.needs_approval) == (False, True)
    assert pay.approval.expires_in == 60
    assert pay.approval.escalate is not None
    assert pay.approval.escalate.to == "operators"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"expires_in": -1}, "approval.expires_in"),
        ({"expires_in": float("nan")}, "approval.expires_in"),
        ({"expires_in": "60"}, "approval.expires_in"),
        ({"expire": 60}, "approval.expire"),
        ({"on_expiry": "approve"}, "on_expiry needs expires_in"),
        ({"escalate": {"after": 5, "to": "the boss"}}, "approval.escalate.to"),
        ({"expires_in": 5, "escalate": {"after": 5, "to": "operators"}}, "less than expires_in"),
        ("yes", "approval"),
    ],
)
def test_a_wrong_approval_is_refused_where_it_is_written(options: Any, why: str) -> None:
    with pytest.raises(ToolInvalid, match="@tool on forget: ") as caught:
        tool(approval=options)(forget.function)

    assert why in str(caught.value)
