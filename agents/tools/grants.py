"""Which of the names in params an owner may use. Pure. Grants: `protocol.tool_names`."""

from collections.abc import Sequence
from typing import Final

from agents.tools.toolbox import OfferedTool
from protocol.tool_names import GRANT_OF_ALL, MCP, WEB_SEARCH, is_tool_granted

NOT_GRANTED: Final = "not_granted"
"""Class of the error of a task or a step whose owner may not use a tool."""


def find_ungranted(names: Sequence[str], granted: Sequence[str] | None) -> list[str]:
    """Return which of the names in params are not granted at all.

    Of `mcp:SERVER` the granted tools are offered; the short name of a function is decided when
    its module is known.
    """
    return [each for each in names if not _may_be_granted(each, granted)]


def filter_granted(
    tools: Sequence[OfferedTool], granted: Sequence[str] | None
) -> Sequence[OfferedTool]:
    """Return the tools that are granted."""
    return [each for each in tools if is_tool_granted(each.name, granted)]


def _may_be_granted(name: str, granted: Sequence[str] | None) -> bool:
    if granted is None or is_tool_granted(name, granted):
        return True
    if name.startswith(MCP) and "/" not in name:
        return any(each.startswith(f"{name}/") for each in granted)
    is_short = "." not in name and ":" not in name and name != WEB_SEARCH
    # A module, or a function of one, whose short name this may be.
    return is_short and any(
        each.endswith(f".{name}") or (each.endswith(GRANT_OF_ALL) and ":" not in each)
        for each in granted
    )
