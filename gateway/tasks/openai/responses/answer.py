"""Response objects, built from the rows of a task."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.problems import Problem
from gateway.tasks.openai.responses.input import write_reasoning_reference, write_response_id
from gateway.tasks.openai.responses.request import ECHO, ENCRYPTED, NAMES_IN_RESPONSES
from gateway.tasks.openai.results import (
    GivenAnswer,
    build_simulated_mark,
    get_answering_model,
    get_finish_reason,
    read_given_answer,
    rename_turns,
)
from protocol.lifecycle import TaskState
from protocol.records import Task

Item = dict[str, Any]

COMMENTARY: Final = "commentary"
_STATUS: Final[Mapping[TaskState, str]] = {
    TaskState.PENDING: "queued",
    TaskState.HELD: "queued",
    TaskState.RUNNING: "in_progress",
    TaskState.COMPLETED: "completed",
    TaskState.FAILED: "failed",
    TaskState.CANCELLED: "cancelled",
}
_INCOMPLETE: Final = {"length": "max_output_tokens", "content_filter": "content_filter"}
_CODES: Final = {"rate_limited": "rate_limit_exceeded", "invalid_task": "invalid_prompt"}


def build_response(task: Task, output: Sequence[Item] | None = None) -> dict[str, Any]:
    """Build the response of a task in any state. `output` are its items, if they were streamed."""
    body = build_empty_response(task)
    if not task.status.is_final:
        return body
    body |= {
        "completed_at": task.finished_at.timestamp() if task.finished_at else None,
        "usage": build_response_usage(task),
        **build_simulated_mark(task),
    }
    if task.status is not TaskState.COMPLETED:
        if task.status is TaskState.FAILED:
            body["error"] = describe_failure(task.error or {})
        return body
    if reason := _INCOMPLETE.get(get_finish_reason(task)):
        body |= {"status": "incomplete", "incomplete_details": {"reason": reason}}
    try:
        body["output"] = (
            list_output(task, read_given_answer(task)) if output is None else list(output)
        )
    except Problem as problem:
        body |= {"status": "failed", "incomplete_details": None}
        body["error"] = {"code": "server_error", "message": problem.detail}
    return body


def build_empty_response(task: Task) -> dict[str, Any]:
    """Build the response of a task without its output."""
    params: dict[str, Any] = task.params if isinstance(task.params, dict) else {}
    given = params.get(ECHO)
    echo = dict(given) if isinstance(given, dict) else {}
    functions = [
        {"type": "function", **each}
        for each in params.get("client_tools") or ()
        if isinstance(each, dict)
    ]
    asked = str(echo.pop("model", None) or task.model or "auto")
    choice = echo.get("tool_choice") or "auto"
    reasoning = echo.get("reasoning") or {}
    return {
        "id": write_response_id(task.id),
        "object": "response",
        "created_at": task.created_at.timestamp(),
        "status": _STATUS[task.status],
        "error": None,
        "incomplete_details": None,
        "instructions": echo.get("instructions"),
        "max_output_tokens": params.get("max_output_tokens"),
        "max_tool_calls": echo.get("max_tool_calls"),
        "metadata": echo.get("metadata") or {},
        "model": get_answering_model(task, asked=asked),
        "output": [],
        "parallel_tool_calls": params.get("parallel_tool_calls") is not False,
        "previous_response_id": echo.get("previous_response_id"),
        "reasoning": {"effort": params.get("reasoning_effort"), "summary": None} | reasoning,
        "background": bool(echo.get("background")),
        "store": echo.get("store", True),
        "temperature": params.get("temperature"),
        "text": echo.get("text") or {"format": {"type": "text"}},
        "tool_choice": choice,
        "tools": [*functions, *(echo.get("tools") or ())],
        "top_p": params.get("top_p"),
        "truncation": echo.get("truncation") or "disabled",
        "service_tier": echo.get("service_tier"),
        "user": echo.get("user"),
        "usage": None,
    }


def list_output(task: Task, answer: GivenAnswer) -> list[Item]:
    """Return the items of an answer: its reasoning, its text, and calls of the caller's tools."""
    items: list[Item] = []
    encrypted = find_encrypted(task)
    if answer.reasoning or is_reasoning_due(task, answer):
        items.append(build_reasoning(task.id.hex, answer.reasoning, encrypted=encrypted))
    if answer.text:
        annotations = [build_citation(each) for each in answer.citations]
        is_whole = get_finish_reason(task) not in _INCOMPLETE
        status = "completed" if is_whole else "incomplete"
        item = build_message_item(task.id.hex, answer.text, annotations, status=status)
        items.append(item | {"phase": get_phase(answer)})
    return items + list_calls(task.id.hex, answer)


def list_calls(name: str, answer: GivenAnswer) -> list[Item]:
    """Return the calls of the caller's tools; `name` is in their ids."""
    return [
        {
            "id": f"fc_{name}_{number}",
            "type": "function_call",
            "status": "completed",
            "call_id": each["id"],
            "name": each["name"],
            "arguments": each["arguments"],
        }
        for number, each in enumerate(answer.tool_calls)
    ]


def build_message_item(
    name: str, text: str, annotations: Sequence[Item] = (), *, status: str = "completed"
) -> Item:
    """Build the item with the text of an answer."""
    return {
        "id": f"msg_{name}",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": [build_text_part(text, annotations)],
    }


def get_phase(answer: GivenAnswer) -> str:
    """Return whether the text is the answer, or what the model says before it calls tools."""
    return COMMENTARY if answer.tool_calls else "final_answer"


def build_text_part(text: str, annotations: Sequence[Item] = ()) -> Item:
    """Build the part with the text."""
    part: Item = {"type": "output_text", "text": text, "annotations": list(annotations)}
    return part | {"logprobs": []}


def find_encrypted(task: Task) -> str | None:
    """Return what stands for the reasoning of a task, if its request asks for that."""
    params = task.params if isinstance(task.params, dict) else {}
    echo = params.get(ECHO)
    include = echo.get("include") if isinstance(echo, dict) else None
    is_asked = isinstance(include, list) and ENCRYPTED in include
    return write_reasoning_reference(task.id) if is_asked else None


def is_reasoning_due(task: Task, answer: GivenAnswer) -> bool:
    """Return whether there is an item of reasoning even without a text.

    A client that sends back the calls of its tools sends it with them. It names the task, for its
    reasoning and for what tools of ours gave.
    """
    used = (task.result or {}).get("tools_used")
    has_more = bool(answer.reasoning or task.reasoning_tokens or used)
    return bool(answer.tool_calls and has_more and find_encrypted(task))


def build_reasoning(
    name: str, text: str, *, status: str = "completed", encrypted: str | None = None
) -> Item:
    """Build the item with the reasoning of an answer."""
    content = [{"type": "reasoning_text", "text": text}] if text else []
    sealed = {} if encrypted is None else {"encrypted_content": encrypted}
    return sealed | {
        "id": f"rs_{name}",
        "type": "reasoning",
        "summary": [],
        "content": content,
        "status": status,
    }


def build_citation(citation: Mapping[str, Any]) -> Item:
    """Build the annotation for a page that a search has found."""
    url = str(citation.get("url") or "")
    return {
        "type": "url_citation",
        "url": url,
        "title": str(citation.get("title") or url),
        "start_index": 0,
        "end_index": 0,
    }


def describe_failure(error: Mapping[str, Any]) -> dict[str, str]:
    """Return the error of a failed response."""
    kind = str(error.get("class") or "")
    message = rename_turns(str(error.get("message") or "the task failed"), NAMES_IN_RESPONSES)
    hint = error.get("hint")
    return {
        "code": _CODES.get(kind, "server_error"),
        "message": f"{message} ({hint})" if hint else message,
    }


def build_response_usage(task: Task) -> dict[str, Any]:
    """Build the usage of all attempts, as the vendor counted the tokens."""
    given = task.input_tokens + task.cached_tokens
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": task.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": task.output_tokens,
        "output_tokens_details": {"reasoning_tokens": task.reasoning_tokens},
        "total_tokens": given + task.output_tokens,
    }
