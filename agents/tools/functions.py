"""Functions of users as a source of tools for models."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agents.tools.host import ToolFailed, ToolHost
from agents.tools.loading import ToolDescription
from agents.tools.params import CALL_NAME
from agents.tools.toolbox import OfferedTool, ToolContext, ToolOutput
from agents.tools.worker import UNKNOWN_TOOL

_MAX_CALL_NAME = 64


class FunctionTools:
    """Offers the functions that a host has loaded."""

    def __init__(self, host: ToolHost) -> None:
        self._host = host

    async def list_tools(self) -> Sequence[OfferedTool]:
        """Return all functions."""
        return [offer_function(each) for each in self._host.tools]

    async def run_tool(
        self,
        name: str,
        arguments: Mapping[str, Any],
        context: ToolContext,
        *,
        begin: Callable[[], None] | None = None,
    ) -> ToolOutput:
        """Run a function by its full name. Raises ToolFailed."""
        module, _, function = name.rpartition(".")
        if not module:
            raise ToolFailed(UNKNOWN_TOOL, f"no function is named {name}")
        value = await self._host.run_tool(module, function, arguments, begin=begin)
        return ToolOutput(content=value)


def offer_function(tool: ToolDescription) -> OfferedTool:
    """Return a function as models get to know it."""
    name = f"{tool.module}.{tool.name}"
    schema = {key: value for key, value in tool.arguments.items() if key != "description"}
    return OfferedTool(
        name=name,
        call_name=tool.name if CALL_NAME.fullmatch(tool.name) else tool.name[:_MAX_CALL_NAME],
        description=tool.doc or tool.signature,
        parameters=schema,
        source="function",
        is_idempotent=tool.is_idempotent,
        needs_approval=tool.needs_approval,
        approval=tool.approval,
        seconds=tool.seconds,
    )
