"""References to items of stored responses become the items."""

from typing import Any
from uuid import UUID

import pytest
from pydantic import TypeAdapter

from gateway.problems import Problem
from gateway.tasks.openai.responses.input import InputItem
from gateway.tasks.openai.responses.references import (
    MAX_REFERENCED,
    find_item_references,
    replace_references,
)
from protocol.ids import utc_now
from protocol.records import Task

FIRST = UUID(int=7)
ITEMS: TypeAdapter[list[InputItem]] = TypeAdapter(list[InputItem])
CALLS = [{"id": "a", "name": "look", "arguments": "{}"}, {"id": "b", "name": "go", "arguments": ""}]


def a_task(**fields: Any) -> Task:
    row = {"id": FIRST, "type": "CHAT", "prompt": "p", "created_at": utc_now()}
    result = {"text": "One moment.", "tool_calls": CALLS, "reasoning_content": "Hm."}
    params = {"messages": [{"role": "user", "content": "asked"}]}
    return Task.model_validate(
        row | {"status": "completed", "result": result, "params": params} | fields
    )


def to(item_id: str) -> dict[str, str]:
    return {"type": "item_reference", "id": item_id}


def replaced(*items: dict[str, Any], task: Task | None = None) -> list[dict[str, Any]]:
    given = ITEMS.validate_python(items)
    found = replace_references(
        given, find_item_references(given), {} if task is None else {task.id: task}
    )
    return [each.model_dump(exclude_unset=True) for each in found]


def test_items_of_an_answer_take_the_place_of_their_references() -> None:
    result = {"type": "function_call_output", "call_id": "a", "output": "7"}
    name = FIRST.hex

    found = replaced(
        {"role": "user", "content": "hi"},
        to(f"rs_{name}"),
        to(f"mcp_{name}_1"),
        to(f"msg_{name}"),
        to(f"fc_{name}_0"),
        result,
        to(f"item_{name}_0"),
        task=a_task(),
    )

    assert found[0] == {"role": "user", "content": "hi"}
    assert (found[1]["type"], found[1]["id"]) == ("reasoning", f"rs_{name}")
    found.pop(1)
    assert (found[1]["role"], found[1]["content"][0]["text"]) == ("assistant", "One moment.")
    assert (found[2]["type"], found[2]["call_id"], found[2]["name"]) == (
        "function_call",
        "a",
        "look",
    )
    assert found[3] == result
    assert (found[4]["role"], found[4]["content"][0]["text"]) == ("user", "asked")
    assert len(found) == 5


def test_a_call_after_those_of_our_tools_names_its_task() -> None:
    call = to(f"fc_{FIRST.hex}_0")
    result = {"text": "", "tool_calls": CALLS, "tools_used": [{"tool": "cogo:list_files"}]}

    named, found = replaced(call, task=a_task(result=result))

    assert (named["type"], named["id"]) == ("mcp_call", f"mcp_{FIRST.hex}")
    assert found["type"] == "function_call"
    assert len(replaced(call, task=a_task())) == 1


def test_a_text_that_was_streamed_in_parts_comes_once() -> None:
    name = FIRST.hex
    [found] = replaced(to(f"msg_{name}"), to(f"msg_{name}_1"), task=a_task())
    assert found["content"][0]["text"] == "One moment."


@pytest.mark.parametrize(
    ("item_id", "task"),
    [
        (f"fc_{FIRST.hex}_2", a_task()),
        (f"msg_{FIRST.hex}", a_task(status="failed", result=None)),
        (f"msg_{FIRST.hex}", None),
        (f"rs_{FIRST.hex}", None),
        ("x", None),
        (f"msg_{FIRST.hex}\n", None),
    ],
)
def test_a_reference_to_nothing_is_named(item_id: str, task: Task | None) -> None:
    with pytest.raises(Problem, match="no item") as refused:
        replaced({"role": "user", "content": "hi"}, to(item_id), task=task)

    assert (refused.value.status_code, refused.value.extra["param"]) == (404, "input.1")


def test_references_to_very_many_responses_are_refused() -> None:
    many = [to(f"msg_{number:032x}") for number in range(MAX_REFERENCED + 1)]
    assert len(find_item_references(ITEMS.validate_python(many[:-1]))) == MAX_REFERENCED
    with pytest.raises(Problem, match="at most 100"):
        find_item_references(ITEMS.validate_python(many))
