"""Calls of COGO's tools as items of a response.

They are `mcp_call` items: OpenAI's clients show these and run nothing, since a server runs them.
"""

import json
from typing import Any, Final
from uuid import UUID

from protocol.tool_names import MCP
from protocol.transcript import ToolCallUpdate

Item = dict[str, Any]
ToolCallKey = tuple[UUID, int, str]

_COGO: Final = "cogo"
_RUNNING: Final = "called"


def get_call_key(call: ToolCallUpdate) -> ToolCallKey:
    """Return what names a call in its task."""
    return call.subtask_id, call.turn, call.call_id


def has_ended(call: ToolCallUpdate) -> bool:
    """Return whether the call has a result, if only that it is unknown."""
    return call.status != _RUNNING


def build_tool_item(call: ToolCallUpdate, item_id: str) -> Item:
    """Build the item of a call as it is known now. Its output is the beginning of the result."""
    label, name = _split_name(call.tool)
    item = {
        "id": item_id,
        "type": "mcp_call",
        "status": "in_progress",
        "server_label": label,
        "name": name,
        "arguments": json.dumps(call.arguments or {}, ensure_ascii=False),
        "approval_request_id": None,
        "output": None,
        "error": None,
    }
    if not has_ended(call):
        return item
    if call.status == "ok":
        return item | {"status": "completed", "output": call.summary or ""}
    content = [{"type": "text", "text": call.summary or call.status}]
    error = {"type": "mcp_tool_execution_error", "content": content}
    return item | {"status": "failed", "error": error}


def _split_name(tool: str) -> tuple[str, str]:
    """Return the server and the name; for tools that are not of an MCP server `cogo` and a name."""
    if tool.startswith(MCP):
        server, _, name = tool.removeprefix(MCP).partition("/")
        return server, name
    return _COGO, tool.removeprefix(f"{_COGO}:")
