"""References to items of stored responses, which some clients send instead of the items."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from gateway.problems import Problem
from gateway.tasks.openai.content import refuse_parameter
from gateway.tasks.openai.responses.answer import build_response
from gateway.tasks.openai.responses.input import InputItem, list_input_items
from protocol.records import Task

MAX_REFERENCED: Final = 100
"""Responses to whose items one input may refer."""

_KIND: Final = "item_reference"
_ITEM_ID: Final = re.compile(r"(?P<kind>[a-z]+)_(?P<task>[0-9a-f]{32})(?:_\d+)?")
_REASONING: Final = "rs"
_KINDS_READ: Final = frozenset({"fc", "item", "msg"})
"""Those that a model gets; the others tell it nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemReference:
    """One reference of the input."""

    place: str
    kind: str
    item_id: str
    """Of the item; of an answer's text, that of the whole text, which a stream may divide."""
    task_id: UUID


def find_item_references(items: str | Sequence[InputItem]) -> dict[int, ItemReference]:
    """Return the references of an input by position.

    Raise Problem: an id is none of an item (404), or there are too many responses (400).
    """
    found: dict[int, ItemReference] = {}
    for number, item in enumerate(() if isinstance(items, str) else items):
        if item.type != _KIND:
            continue
        place, item_id = f"input.{number}", str((item.model_extra or {}).get("id"))
        named = _ITEM_ID.fullmatch(item_id)
        if named is None:
            raise _refuse_reference(place, item_id)
        kind, task = named["kind"], named["task"]
        found[number] = ItemReference(
            place=place,
            kind=kind,
            item_id=f"msg_{task}" if kind == "msg" else item_id,
            task_id=UUID(task),
        )
    if (count := len({each.task_id for each in found.values()})) > MAX_REFERENCED:
        raise refuse_parameter(
            "input",
            f"the input refers to {count} responses; at most {MAX_REFERENCED} are possible",
            code="invalid_request",
            hint="use previous_response_id",
        )
    return found


def replace_references(
    items: Sequence[InputItem],
    references: Mapping[int, ItemReference],
    tasks: Mapping[UUID, Task],
) -> list[InputItem]:
    """Return the input with the items themselves, each once. Raise Problem (404) without one.

    `tasks` are those of the references that the caller may see.
    """
    known = {task_id: _list_items(task) for task_id, task in tasks.items()}
    used: set[str] = set()
    found: list[InputItem] = []
    for number, item in enumerate(items):
        reference = references.get(number)
        if reference is None:
            found.append(item)
            continue
        item_id = reference.item_id
        if reference.task_id not in known:
            raise _refuse_reference(reference.place, item_id)
        has_run = bool((tasks[reference.task_id].result or {}).get("tools_used"))
        if reference.kind == _REASONING or (reference.kind == "fc" and has_run):
            # It names the task, for the reasoning or for what tools of ours gave.
            is_reasoning = reference.kind == _REASONING
            kind, prefix = ("reasoning", "rs") if is_reasoning else ("mcp_call", "mcp")
            name = f"{prefix}_{reference.task_id.hex}"
            found.append(InputItem.model_validate({"type": kind, "id": name}))
        if reference.kind not in _KINDS_READ or item_id in used:
            continue
        if item_id not in known[reference.task_id]:
            raise _refuse_reference(reference.place, item_id)
        found.append(InputItem.model_validate(known[reference.task_id][item_id]))
        used.add(item_id)
    return found


def _list_items(task: Task) -> dict[str, dict[str, Any]]:
    """Return the items of a response and of its request, by id."""
    return {each["id"]: each for each in [*list_input_items(task), *build_response(task)["output"]]}


def _refuse_reference(place: str, item_id: str) -> Problem:
    return Problem(
        404,
        "item_not_found",
        f"there is no item {item_id[:100]!r}, or it is not yours",
        hint="send the item, or use previous_response_id",
        extra={"param": place},
    )
