"""Payloads about the progress of a subtask: what the model says, and the tools that it calls."""

import json
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

from pydantic import Field, JsonValue

from protocol.messages.envelope import Payload

MAX_ARGUMENTS: Final = 4 * 1024
"""Bytes of the arguments in a message, as JSON."""
MAX_SUMMARY: Final = 1_000
MAX_CALL_ID: Final = 200
"""Characters of the id of a call in a message; vendors choose it."""

ToolStatus: TypeAlias = Literal["ok", "error", "unknown", "refused"]
"""How a call has ended. unknown: nobody knows whether it took effect."""


def select_arguments(arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the arguments of a call as a message has them; None if they are too large."""
    return dict(arguments) if len(json.dumps(arguments)) <= MAX_ARGUMENTS else None


def write_content(content: JsonValue) -> str:
    """Return what a tool gave, as text."""
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


class SubtaskProgress(Payload):
    """The next piece of a model's text.

    A higher `attempt` than before voids the text of earlier attempts, but for that of turns before
    its own.
    """

    task_id: UUID
    subtask_id: UUID
    key: str | None = None
    """The subtask's key in its task, such as `draft#2`."""
    role: str | None = None
    """What the subtask does in its workflow, such as `reviewer`."""
    model: str | None = None
    """Who says it; None: the executor is older than this field."""
    answer: bool = True
    """Whether its text is the task's answer, as far as it is known; else it is for other steps."""
    attempt: int = Field(ge=1)
    kind: Literal["text", "reasoning"] = "text"
    offset: int = Field(ge=0)
    """Number of characters of this kind before it, within this attempt."""
    delta: str
    turn: int = Field(default=1, ge=1)
    """Number of the model's answer, from 1. Only the last one is the subtask's answer: what the
    model says in a turn in which it calls tools is not."""
    start: int = Field(default=0, ge=0)
    """The offset at which what counts begins: the text before it belongs to earlier turns of the
    attempt, or was reasoning after all, and then it is sent again as such."""


class ToolCalled(Payload):
    """A model calls a tool that COGO runs.

    The text of its turn is no answer then. Turns with calls are stored: later attempts go on after
    them.
    """

    task_id: UUID
    subtask_id: UUID
    key: str | None = None
    role: str | None = None
    answer: bool = True
    attempt: int = Field(ge=1)
    turn: int = Field(ge=1)
    call_id: str = Field(max_length=MAX_CALL_ID)
    """Unique in its turn."""
    tool: str
    """As in `params.tools`: `acme.tools.lookup`, `mcp:SERVER/TOOL` or `cogo:TOOL`."""
    source: str
    """Where it comes from: `function`, `mcp` or `cogo`."""
    arguments: dict[str, Any] | None = None
    """None if they are too large; `cogo_turns` has them."""
    cut: bool = False
    """Whether the arguments are left out because they are too large."""


class ToolReturned(Payload):
    """A tool has ended, or its outcome is unknown, or it may not run."""

    task_id: UUID
    subtask_id: UUID
    key: str | None = None
    role: str | None = None
    answer: bool = True
    attempt: int = Field(ge=1)
    turn: int = Field(ge=1)
    call_id: str = Field(max_length=MAX_CALL_ID)
    tool: str
    status: ToolStatus
    summary: str = Field(max_length=MAX_SUMMARY)
    """The beginning of what it gave, as text; `cogo_turns` has all of it."""
    size: int | None = None
    """Number of characters of all of it."""
    duration_ms: int | None = None
    rejected: str | None = Field(default=None, max_length=50)
    """Why the call was not run as the model wrote it: `unknown_tool`, `schema`, `malformed` or
    `truncated`."""
