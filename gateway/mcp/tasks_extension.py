"""The Tasks extension (`io.modelcontextprotocol/tasks`, 2026-07-28), in terms of the tools.

A client that declares it gets a handle in place of a wait when it calls `result`. The handle is
the id of the task, so nothing is kept here, and any server can answer the next `tasks/get`.
Questions of the task to a person are its input requests.
"""

from collections.abc import Mapping
from typing import Any, Final

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CallToolRequestParams,
    CallToolResult,
    RequestParams,
    TextContent,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

from gateway.mcp.backend import McpBackend, report_nothing

EXTENSION: Final = "io.modelcontextprotocol/tasks"
_POLL_MS: Final = 2_000
_STATUS: Final = {"completed": "completed", "failed": "completed", "cancelled": "cancelled"}
_ENDED_CODE: Final = "TQ003"

_Context = ServerRequestContext[Any, Any]


class TaskParams(RequestParams):
    """The parameters of `tasks/get` and `tasks/cancel`."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    task_id: str = Field(max_length=100)


class TaskUpdateParams(TaskParams):
    """The parameters of `tasks/update`."""

    input_responses: dict[str, dict[str, JsonValue]]


async def start_result_task(
    backend: McpBackend, ctx: _Context, params: CallToolRequestParams
) -> CallToolResult | dict[str, Any] | None:
    """Return a handle for a call of `result` that would have to wait, or its answer.

    None if the client does not know the extension, or for another tool.
    """
    if params.name != "result" or not _declares_extension(ctx):
        return None
    arguments = {**(params.arguments or {}), "timeout_seconds": 0}
    answer = await backend.call(ctx.request, "result", arguments, report_nothing)
    data = answer.structured_content or {}
    if answer.is_error or data.get("status") in _STATUS:
        return answer
    return {"resultType": "task", **_describe_state(data, "working")}


def add_tasks_extension(server: Server[Any], backend: McpBackend) -> None:
    """Add the methods `tasks/get`, `tasks/update` and `tasks/cancel` to a server."""

    async def call(ctx: _Context, name: str, arguments: Mapping[str, Any]) -> CallToolResult:
        return await backend.call(ctx.request, name, arguments, report_nothing)

    async def get_state(ctx: _Context, params: TaskParams) -> dict[str, Any]:
        _require_extension(ctx)
        found = _require_success(await call(ctx, "get_task", {"task_id": params.task_id}))
        status = _STATUS.get(str(found.get("status")), "working")
        questions = found.get("approvals") or []
        if status == "completed":
            arguments = {"task_id": params.task_id, "timeout_seconds": 0}
            answer = await call(ctx, "result", arguments)
            dumped = answer.model_dump(by_alias=True, mode="json", exclude_none=True)
            return {**_describe_state(found, status), "result": dumped}
        if status == "working" and questions and _can_elicit(ctx):
            requests = {each["approval_id"]: _build_request(each) for each in questions}
            return {**_describe_state(found, "input_required"), "inputRequests": requests}
        return _describe_state(found, status)

    async def update(ctx: _Context, params: TaskUpdateParams) -> dict[str, Any]:
        _require_extension(ctx)
        found = _require_success(await call(ctx, "get_task", {"task_id": params.task_id}))
        for each in found.get("approvals") or []:
            arguments = _read_response(params.input_responses.get(each["approval_id"]))
            if arguments is not None:
                arguments["approval_id"] = each["approval_id"]
                _require_success(await call(ctx, "answer_approval", arguments))
        return {}

    async def cancel(ctx: _Context, params: TaskParams) -> dict[str, Any]:
        _require_extension(ctx)
        answer = await call(ctx, "cancel_task", {"task_id": params.task_id})
        error = (answer.structured_content or {}).get("error") or {}
        if error.get("code") != _ENDED_CODE:
            _require_success(answer)
        return {}

    server.extensions[EXTENSION] = {}
    server.add_request_handler("tasks/get", TaskParams, get_state)
    server.add_request_handler("tasks/update", TaskUpdateParams, update)
    server.add_request_handler("tasks/cancel", TaskParams, cancel)


def _declares_extension(ctx: _Context) -> bool:
    declared = ctx.session.client_capabilities
    extensions = (declared and declared.extensions) or {}
    return ctx.protocol_version in MODERN_PROTOCOL_VERSIONS and EXTENSION in extensions


def _require_extension(ctx: _Context) -> None:
    if not _declares_extension(ctx):
        raise MCPError(
            MISSING_REQUIRED_CLIENT_CAPABILITY,
            "the client has not declared the tasks extension; the tools need none",
            {"requiredCapabilities": {"extensions": {EXTENSION: {}}}},
        )


def _can_elicit(ctx: _Context) -> bool:
    declared = ctx.session.client_capabilities
    return declared is not None and declared.elicitation is not None


def _require_success(answer: CallToolResult) -> dict[str, Any]:
    if answer.is_error:
        texts = [each.text for each in answer.content if isinstance(each, TextContent)]
        raise MCPError(INVALID_PARAMS, " ".join(texts))
    return answer.structured_content or {}


def _describe_state(task: Mapping[str, Any], status: str) -> dict[str, Any]:
    state = {
        "taskId": task["task_id"],
        "status": status,
        "statusMessage": task.get("next"),
        "createdAt": task["created_at"],
        "lastUpdatedAt": task.get("finished_at") or task.get("started_at") or task["created_at"],
        "pollIntervalMs": _POLL_MS,
    }
    return {name: each for name, each in state.items() if each is not None} | {"ttlMs": None}


def _build_request(question: Mapping[str, Any]) -> dict[str, Any]:
    """Return a question as a form for the person."""
    properties = {
        "approved": {"type": "boolean", "title": "Approve"},
        "comment": {"type": "string", "title": "Comment, or the answer"},
    }
    schema = {"type": "object", "properties": properties, "required": ["approved"]}
    params = {"mode": "form", "message": question["question"], "requestedSchema": schema}
    return {"method": "elicitation/create", "params": params}


def _read_response(response: Mapping[str, JsonValue] | None) -> dict[str, Any] | None:
    """Return what a person has answered; None for no answer."""
    if response is None or response.get("action") not in {"accept", "decline"}:
        return None
    content = response.get("content")
    given = content if isinstance(content, dict) else {}
    approved = response["action"] == "accept" and given.get("approved") is True
    return {"approved": approved, "comment": given.get("comment")}
