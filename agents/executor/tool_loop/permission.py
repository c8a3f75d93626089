"""The tools that a step may use here, or who is to blame if that is impossible."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from agents.executor.tool_loop.offer import LoopSettings
from agents.runtime.attempt import WorkFailed
from agents.tools.grants import NOT_GRANTED, filter_granted, find_ungranted
from agents.tools.toolbox import OfferedTool, Toolbox, ToolsUnknown
from protocol.backoff import compute_backoff
from protocol.records import ClaimedSubtask, ErrorInfo, Failure, FailureAction

NO_TOOL: Final = "no_tool"
"""Class of the error of an executor that lacks a tool of a step."""
MAX_GIVEN_BACK: Final = 20
"""After so many executors without the tool, nobody has it."""


async def find_tools(
    toolbox: Toolbox, claimed: ClaimedSubtask, settings: LoopSettings
) -> Sequence[OfferedTool]:
    """Return the tools of a step. Raises WorkFailed: another executor may have them."""
    if not settings.names:
        return []
    granted = claimed.tools_granted
    if refused := find_ungranted(settings.names, granted):
        raise WorkFailed(_build_refusal(claimed, refused))
    try:
        found = await toolbox.find(settings.names)
    except ToolsUnknown as error:
        raise WorkFailed(_build_giving_back(claimed, error)) from error
    return filter_granted(found, granted)


def _build_refusal(claimed: ClaimedSubtask, names: Sequence[str]) -> Failure:
    there = ", ".join(claimed.tools_granted or []) or "none"
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(
            class_=NOT_GRANTED,
            message=f"not granted to the task's owner: {', '.join(names)}. Granted are: {there}.",
            field="params.tools",
            allowed=claimed.tools_granted,
        ),
        action=FailureAction.GIVE_UP,
    )


def _build_giving_back(claimed: ClaimedSubtask, error: ToolsUnknown) -> Failure:
    """Return a snooze, so that an executor that has the tools may claim the step."""
    before = sum((each.error or {}).get("class") == NO_TOOL for each in claimed.history)
    wait = compute_backoff(before + 1, first=0.5, longest=30)
    return Failure(
        ref=claimed.ref,
        error=ErrorInfo(
            class_=NO_TOOL,
            message=f"This executor lacks tools of the step: {error}.",
            field="params.tools",
            allowed=list(error.offered) or None,
            hint="Name the module or the MCP server in the cogo.toml of every executor.",
        ),
        action=FailureAction.GIVE_UP if before >= MAX_GIVEN_BACK else FailureAction.SNOOZE,
        retry_after=timedelta(seconds=wait),
    )
