"""Calls: the steps of workflows that run a tool: a function of the user, or one of an MCP server.

A tool that must not run twice is begun at most once: whether it had its effect is unknown when
its attempt has ended without a record of it, and then the call fails as `outcome_unknown`.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Final, Protocol

from loguru import logger
from pydantic import JsonValue

from agents.executor.call_context import build_call_context
from agents.executor.progress import ProgressHub
from agents.runtime.agent import Agent
from agents.runtime.attempt import WorkFailed
from agents.runtime.pool import SideWork
from agents.runtime.wakeup import Drain
from agents.tools.grants import NOT_GRANTED
from agents.tools.host import OUTCOME_UNKNOWN, TOOL_TIMEOUT, ToolFailed, ToolHost
from agents.tools.mcp import McpHost
from agents.tools.names import read_mcp_module, write_mcp_name
from agents.tools.toolbox import ToolOutput, check_destination
from agents.tools.worker import MAX_MESSAGE_CHARACTERS, TOOL_FAILED, UNKNOWN_TOOL
from protocol.errors import CogoError, OutOfRange
from protocol.records import (
    ApprovalOptions,
    ClaimedSubtask,
    Completion,
    EarlierAttempt,
    ErrorInfo,
    Failure,
    FailureAction,
    LeaseRef,
    StoredTurn,
    ToolQuestion,
    ToolWait,
)
from protocol.tool_names import is_tool_granted

NOT_BEGUN: Final = "agent_stopping"
"""Class of the error of a call that was handed back before its function began."""
CUT_OFF: Final = "the agent stopped while the function ran"
UNREADABLE_TURNS: Final = "unreadable_turns"
"""Class of the error of a step whose stored turns are none that this release can read."""
NOT_APPROVED: Final = "not_approved"
"""Class of the error of a call to which a person has not agreed."""
REPORT_SECONDS: Final = 5.0
_MAX_TEXT: Final = 200
_RECORDED: Final = frozenset({"completed", "failed", "cancelled", "suspended"})
_CALL_ID: Final = "call"
"""Of the question whether the tool may run: a step has one call."""


class RunCalled(Protocol):
    """A function that runs a tool with arguments."""

    def __call__(
        self, arguments: Mapping[str, Any], *, begin: Callable[[], None]
    ) -> Coroutine[Any, Any, JsonValue]:
        """Run it. Raises ToolFailed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalledTool:
    """The tool of a call."""

    name: str
    is_idempotent: bool
    run: RunCalled
    retries: int = 0
    needs_approval: bool = False
    approval: ApprovalOptions = field(default_factory=ApprovalOptions)


class CallExecutor:
    """Runs claimed calls and builds their completions, which cost nothing."""

    def __init__(
        self,
        *,
        host: ToolHost,
        hub: ProgressHub,
        agent: Agent,
        drain: Drain,
        mcp: McpHost | None = None,
    ) -> None:
        self._host = host
        self._mcp = mcp
        self._hub = hub
        self._agent = agent
        self._drain = drain
        self._begun: set[LeaseRef] = set()
        """Calls of functions that must not run twice, until their end is recorded."""

    @property
    def lanes(self) -> Sequence[str]:
        """The lanes of all tools that it can run now."""
        return [*self._host.lanes, *(self._mcp.lanes if self._mcp else ())]

    def build_side_work(self) -> SideWork:
        """Return the work for the pool of an executor."""
        return SideWork(
            lanes=lambda: self.lanes,
            work=self.execute,
            capacity=self._agent.options.tool_capacity,
            wakeup=self._agent.build_wakeup(),
            on_recorded=self._begun.discard,
        )

    async def execute(self, claimed: ClaimedSubtask) -> Completion:
        """Run a call; a cancellation ends its process. Raises WorkFailed."""
        module, name, arguments = read_call(claimed)
        _check_grant(claimed, module, name)
        retries = 0
        try:
            tool = await self._find_tool(claimed, module, name)
            retries = tool.retries
            _check_history(claimed, tool)
            if tool.needs_approval and not await self._is_approved(claimed, tool):
                return Completion(ref=claimed.ref, wait=_build_wait(tool, arguments))
            self._hub.open(claimed).add("text", f"calling {tool.name}\n")
            value = await tool.run(arguments, begin=partial(self._begin, claimed, tool))
        except ToolFailed as error:
            raise WorkFailed(build_call_failure(claimed, error, retries)) from error
        except Exception as error:  # a defect of ours must not run the function again
            if claimed.ref not in self._begun:
                raise
            logger.opt(exception=error).error("a call failed unexpectedly")
            failure = _build_unknown(claimed.ref, "COGO itself failed while the function ran")
            raise WorkFailed(failure) from error
        await self._hub.flush_in_time()
        logger.info("tool has run", tool=tool.name)
        return Completion(
            ref=claimed.ref, output={"value": value, "text": _describe_value(tool.name, value)}
        )

    async def _find_tool(self, claimed: ClaimedSubtask, module: str, name: str) -> CalledTool:
        """Return the tool of a call. Raises ToolFailed."""
        server = read_mcp_module(module)
        if server is None or self._mcp is None:
            function = self._host.find_tool(module, name)
            return CalledTool(
                name=function.name,
                is_idempotent=function.is_idempotent,
                retries=function.retries,
                needs_approval=function.needs_approval,
                approval=function.approval,
                run=partial(self._host.run_tool, module, name),
            )
        tool = await self._mcp.find_tool(server, name)
        check_destination(tool, build_call_context(claimed).data_policy)
        return CalledTool(
            name=tool.name,
            is_idempotent=tool.is_idempotent,
            needs_approval=tool.needs_approval,
            run=partial(self._run_mcp_tool, self._mcp, tool.name),
        )

    async def _run_mcp_tool(
        self,
        mcp: McpHost,
        name: str,
        arguments: Mapping[str, Any],
        *,
        begin: Callable[[], None],
    ) -> JsonValue:
        return extract_value(name, await mcp.run_tool(name, arguments, begin=begin))

    async def _is_approved(self, claimed: ClaimedSubtask, tool: CalledTool) -> bool:
        """Return whether a person has agreed; False: nobody has been asked. Raises ToolFailed."""
        if not claimed.turns:
            return False
        for turn in await self._fetch_turns(claimed):
            if turn.kind == "approval" and turn.body.get("call_id") == _CALL_ID:
                if turn.body.get("approved") is True:
                    return True
                comment = turn.body.get("comment")
                why = f": {comment}" if comment else ""
                raise ToolFailed(NOT_APPROVED, f"a person has refused {tool.name}{why}")
        return False

    async def _fetch_turns(self, claimed: ClaimedSubtask) -> Sequence[StoredTurn]:
        """Return what people have answered. Raises WorkFailed if that cannot be read."""
        try:
            return await self._agent.store.fetch_turns(subtask_id=claimed.ref.subtask_id)
        except OutOfRange as error:
            message = f"The answer about the call cannot be read: {error}"
            raise _give_up(claimed.ref, UNREADABLE_TURNS, message) from error

    def _begin(self, claimed: ClaimedSubtask, tool: CalledTool) -> None:
        """Note that a function begins. Raises WorkFailed if the agent stops."""
        if self._drain.begun.is_set():
            raise WorkFailed(build_not_begun(claimed))
        if not tool.is_idempotent:
            self._begun.add(claimed.ref)

    async def report_cut_off(self) -> None:
        """Record that the outcome of calls is unknown that the end of the agent has cut off.

        If that is impossible no lease is released: when they expire, it is known that their holder
        has died.
        """
        try:
            async with asyncio.timeout(REPORT_SECONDS):
                for ref in self._begun:
                    await self._agent.store.fail_subtask(
                        agent_id=self._agent.identity.id, failure=_build_unknown(ref, CUT_OFF)
                    )
        except (CogoError, TimeoutError) as error:
            self._agent.must_expire.update(self._begun)
            logger.warning("calls were cut off, and their leases will expire", error=str(error))


def read_call(claimed: ClaimedSubtask) -> tuple[str, str, dict[str, Any]]:
    """Return the module, the name and the arguments of a call."""
    arguments = claimed.params.get("arguments")
    return (
        str(claimed.params.get("module")),
        str(claimed.params.get("name")),
        arguments if isinstance(arguments, dict) else {},
    )


def _check_grant(claimed: ClaimedSubtask, module: str, name: str) -> None:
    """Raise WorkFailed if the owner of the task may not use the tool."""
    server = read_mcp_module(module)
    tool = f"{module}.{name}" if server is None else write_mcp_name(server, name)
    if not is_tool_granted(tool, claimed.tools_granted):
        there = ", ".join(claimed.tools_granted or []) or "none"
        message = f"not granted to the task's owner: {tool}. Granted are: {there}."
        raise _give_up(claimed.ref, NOT_GRANTED, message)


def _give_up(ref: LeaseRef, error_class: str, message: str) -> WorkFailed:
    error = ErrorInfo(class_=error_class, message=message)
    return WorkFailed(Failure(ref=ref, error=error, action=FailureAction.GIVE_UP))


def extract_value(name: str, output: ToolOutput) -> JsonValue:
    """Return what a tool gave, with the images as their names. Raises ToolFailed."""
    content = output.content
    if output.is_error:
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        raise ToolFailed(TOOL_FAILED, f"{name}: {text[:MAX_MESSAGE_CHARACTERS]}")
    if not output.attachments:
        return content
    images = [f"{each.media_type}, {len(each.data or b'')} bytes" for each in output.attachments]
    return {"content": content, "images": list(images)}


def may_have_begun(history: Sequence[EarlierAttempt]) -> bool:
    """Return whether a function may have begun in an attempt whose end nobody has recorded.

    Agents release only what has not begun. After a recorded end, a person has asked for another
    attempt.
    """
    for each in reversed(history):
        if each.outcome in _RECORDED:
            return False
        if each.outcome != "released":
            return True
    return False


def _check_history(claimed: ClaimedSubtask, tool: CalledTool) -> None:
    """Raise ToolFailed if the function may have begun before and must not run twice."""
    if not tool.is_idempotent and may_have_begun(claimed.history):
        raise ToolFailed(
            OUTCOME_UNKNOWN,
            f"whoever ran {tool.name} has died before its end was recorded; whether it took "
            "effect is unknown",
        )


def build_call_failure(claimed: ClaimedSubtask, error: ToolFailed, retries: int) -> Failure:
    """Return the failure of a call; what must not run twice, and what never fits, is final."""
    is_failure = error.error_class in {TOOL_FAILED, TOOL_TIMEOUT}
    # Another executor may have a later version, with the tool.
    is_retried = error.error_class == UNKNOWN_TOOL or (is_failure and claimed.failures < retries)
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(class_=error.error_class, message=error.message),
        action=FailureAction.RETRY if is_retried else FailureAction.GIVE_UP,
    )


def _build_wait(tool: CalledTool, arguments: Mapping[str, Any]) -> ToolWait:
    question = ToolQuestion(
        call_id=_CALL_ID,
        question=f"May {tool.name} run with these arguments?",
        show={"tool": tool.name, "arguments": dict(arguments)},
        **dict(tool.approval),
    )
    return ToolWait(approvals=[question])


def build_not_begun(claimed: ClaimedSubtask) -> Failure:
    """Return the failure with which an agent that stops hands back a call, at once."""
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(class_=NOT_BEGUN, message="The agent stopped before the function began."),
        action=FailureAction.SNOOZE,
        retry_after=timedelta(0),
    )


def _build_unknown(ref: LeaseRef, how: str) -> Failure:
    return Failure(
        ref=ref,
        error=ErrorInfo(
            class_=OUTCOME_UNKNOWN, message=f"{how}; whether it took effect is unknown"
        ),
        action=FailureAction.GIVE_UP,
    )


def _describe_value(name: str, value: JsonValue) -> str:
    text = json.dumps(value, ensure_ascii=False)
    shown = text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 3] + "..."
    return f"{name} returned {shown}"
