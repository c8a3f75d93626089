"""The input of a request for a response: a text, or items."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from gateway.tasks.openai.content import (
    IMAGE_TYPE,
    Content,
    ContentPart,
    read_content,
    refuse_parameter,
)
from gateway.tasks.openai.turns import MAX_CALL_ID, Turn, build_call, build_turn
from protocol.records import Task

PlacedTurn = tuple[str, Turn]
"""A turn, and its place in the request."""

_PREFIX: Final = "resp_"
_REASONING: Final = "cogo_"
"""Before the id of a task, in the encrypted content of an item of reasoning."""
_REASONING_ITEM: Final = re.compile(r"(?:cogo|mcp|rs)_([0-9a-f]{32})(?:_\d+)?")
_LEFT_OUT: Final = frozenset({"mcp_list_tools", "web_search_call"})
"""Items of answers that tell a model nothing that the text after them does not."""


class InputItem(BaseModel):
    """An item: a message, a call of a tool, or its result."""

    model_config = ConfigDict(extra="allow")

    type: str = Field("message", max_length=100)
    role: str | None = Field(None, max_length=20)
    content: str | list[ContentPart] | None = None
    call_id: str | None = Field(None, min_length=1, max_length=MAX_CALL_ID)
    name: str | None = Field(None, min_length=1, max_length=200)
    arguments: str | None = None
    output: str | list[ContentPart] | None = None


@dataclass(slots=True)
class ResponseInput:
    """What the input holds."""

    instructions: list[str] = field(default_factory=list)
    turns: list[PlacedTurn] = field(default_factory=list)
    reasoning_of: UUID | None = None
    """The task whose reasoning, or call of a tool of ours, comes before the next item."""
    has_reasoning: bool = False
    """Whether what comes before the next item is reasoning of ours."""


def read_input(given: str | Sequence[InputItem]) -> ResponseInput:
    """Read the input. Raise Problem (400) for items that cannot be sent."""
    found = ResponseInput()
    if isinstance(given, str):
        found.turns.append(("input", build_turn("user", Content(given))))
        return found
    for number, item in enumerate(given):
        _add_item(found, item, f"input.{number}")
    return found


def write_response_id(task_id: UUID) -> str:
    """Return the id of the response of a task."""
    return f"{_PREFIX}{task_id.hex}"


def write_reasoning_reference(task_id: UUID) -> str:
    """Return what stands for the reasoning of a task's answer, which stays here."""
    return f"{_REASONING}{task_id.hex}"


def read_reasoning_item(item: InputItem) -> UUID | None:
    """Return the task to which reasoning or a call of our tool belongs; None if it is not ours."""
    given = item.model_extra or {}
    for each in (given.get("encrypted_content"), given.get("id")):
        if isinstance(each, str) and (found := _REASONING_ITEM.fullmatch(each)):
            return UUID(found[1])
    return None


def read_response_id(response_id: str) -> UUID | None:
    """Return the id of the task of a response; None if it is no such id."""
    try:
        found = UUID(response_id.removeprefix(_PREFIX))
    except ValueError:
        return None
    return found if write_response_id(found) == response_id else None


def list_earlier_turns(task: Task) -> list[PlacedTurn]:
    """Return the turns of an earlier task, its answer included."""
    params = task.params if isinstance(task.params, dict) else {}
    given = params.get("messages")
    asked = given if isinstance(given, list) else [build_turn("user", Content(task.prompt))]
    result = task.result or {}
    answer = build_turn("assistant", Content(str(result.get("text") or "")))
    if isinstance(calls := result.get("tool_calls"), list) and calls:
        answer |= {"tool_calls": calls, "answer_of": str(task.id)}
        if result.get("reasoning_content") or task.reasoning_tokens:
            answer["has_reasoning"] = True
    return [("previous_response_id", turn) for turn in [*asked, answer]]


def _add_item(found: ResponseInput, item: InputItem, place: str) -> None:
    if item.role == "user" or item.type == "function_call_output":
        _forget_reasoning(found)
    match item.type:
        case "message":
            _add_message(found, item, place)
        case "reasoning" | "mcp_call":
            found.reasoning_of = read_reasoning_item(item)
            found.has_reasoning |= found.reasoning_of is not None and item.type == "reasoning"
        case "function_call":
            call_id, name = item.call_id, item.name
            if call_id is None or name is None or item.arguments is None:
                raise _refuse_incomplete(place, item.type, "call_id, name and arguments")
            _add_call(found, build_call(call_id, name, item.arguments), place)
        case "function_call_output":
            if item.call_id is None or item.output is None:
                raise _refuse_incomplete(place, item.type, "call_id and output")
            content = read_content(item.output, place, with_files=True)
            turn = build_turn("tool", content) | {"tool_call_id": item.call_id}
            found.turns.append((place, turn))
        case kind if kind not in _LEFT_OUT:
            raise refuse_parameter(
                place,
                f"items of type {kind[:50]!r} cannot be sent here",
                hint="message, function_call, function_call_output and reasoning can",
            )


def _add_message(found: ResponseInput, item: InputItem, place: str) -> None:
    if item.role in {"system", "developer"}:
        found.instructions.append(read_content(item.content, place, with_files=False).text)
    elif item.role == "user":
        found.turns.append(
            (place, build_turn("user", read_content(item.content, place, with_files=True)))
        )
    elif item.role == "assistant":
        content = read_content(item.content, place, with_files=False)
        last = _get_open_answer(found)
        if last is not None and "tool_calls" not in last:
            last["content"] += content.text  # several items are one turn of the model
        else:
            found.turns.append((place, build_turn("assistant", content)))
    else:
        raise refuse_parameter(
            f"{place}.role",
            "the role is user, assistant, system or developer",
            code="invalid_request",
        )


def _add_call(found: ResponseInput, call: dict[str, str], place: str) -> None:
    turn = _get_open_answer(found)
    if turn is None:
        turn = build_turn("assistant", Content())
        found.turns.append((place, turn))
    turn.setdefault("tool_calls", []).append(call)
    if found.reasoning_of is not None:
        turn["answer_of"] = str(found.reasoning_of)
        if found.has_reasoning:
            turn["has_reasoning"] = True
        _forget_reasoning(found)


def _forget_reasoning(found: ResponseInput) -> None:
    found.reasoning_of, found.has_reasoning = None, False


def _get_open_answer(found: ResponseInput) -> Turn | None:
    """Return the turn of the model that the next of its items continues."""
    if found.turns and found.turns[-1][1]["role"] == "assistant":
        return found.turns[-1][1]
    return None


def _refuse_incomplete(place: str, kind: str, fields: str) -> Exception:
    return refuse_parameter(place, f"a {kind} needs {fields}", code="invalid_request")


def list_input_items(task: Task) -> list[dict[str, Any]]:
    """Return the input of a response as items, oldest first."""
    params = task.params if isinstance(task.params, dict) else {}
    given = params.get("messages")
    items: list[dict[str, Any]] = []
    for turn in given if isinstance(given, list) else []:
        if isinstance(turn, dict):
            items += _write_items(turn)
    prefix = task.id.hex
    return [{"id": f"item_{prefix}_{number}"} | each for number, each in enumerate(items)]


def _write_items(turn: Turn) -> list[dict[str, Any]]:
    text = str(turn.get("content") or "")
    if turn.get("role") == "tool":
        call_id = turn.get("tool_call_id")
        return [
            {
                "type": "function_call_output",
                "call_id": call_id,
                "output": text,
                "status": "completed",
            }
        ]
    is_answer = turn.get("role") == "assistant"
    parts: list[dict[str, Any]] = []
    if text:
        part = {"type": "output_text" if is_answer else "input_text", "text": text}
        parts.append(part | ({"annotations": []} if is_answer else {}))
    for each in turn.get("attachments") or ():
        url = str(each.get("url") or "")
        if each.get("type") == IMAGE_TYPE or url.startswith("data:image/"):
            parts.append({"type": "input_image", "image_url": url, "detail": "auto"})
        else:
            key = "file_data" if url.startswith("data:") else "file_url"
            parts.append({"type": "input_file", key: url, "filename": each.get("name")})
    message = {"type": "message", "role": turn.get("role"), "content": parts, "status": "completed"}
    calls = [
        {
            "type": "function_call",
            "call_id": each.get("id"),
            "name": each.get("name"),
            "arguments": each.get("arguments"),
            "status": "completed",
        }
        for each in turn.get("tool_calls") or ()
    ]
    return ([message] if parts else []) + calls
