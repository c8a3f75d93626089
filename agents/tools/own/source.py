"""All of our own tools that can be used here, as one source."""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.fetching import Fetcher
from agents.sandbox.check_runner import CheckRunner
from agents.tools.host import ToolFailed
from agents.tools.own.code import RunCode
from agents.tools.own.images import ViewImage
from agents.tools.own.offer import OwnTool
from agents.tools.own.person import AskPerson
from agents.tools.own.repository import ListFiles, ReadFile, SearchFiles
from agents.tools.own.web import FetchUrl
from agents.tools.toolbox import OfferedTool, ToolContext, ToolOutput
from agents.tools.worker import UNKNOWN_TOOL


class OwnTools:
    """Offers our own tools."""

    def __init__(self, tools: Sequence[OwnTool]) -> None:
        self._tools = {each.offer.name: each for each in tools}

    @property
    def names(self) -> list[str]:
        """The names of the tools."""
        return list(self._tools)

    async def list_tools(self) -> Sequence[OfferedTool]:
        """Return the tools."""
        return [each.offer for each in self._tools.values()]

    async def run_tool(
        self,
        name: str,
        arguments: Mapping[str, Any],
        context: ToolContext,
        *,
        begin: Callable[[], None] | None = None,
    ) -> ToolOutput:
        """Run a tool. Raises ToolFailed."""
        tool = self._tools.get(name)
        if tool is None:
            raise ToolFailed(UNKNOWN_TOOL, f"no tool is named {name}")
        if begin is not None:
            begin()
        return await tool.run(arguments, context)


def build_own_tools(*, checks: CheckRunner | None, fetcher: Fetcher) -> OwnTools:
    """Return the tools that can be used here.

    Without a sandbox no code is run and no image is opened; without allowed hosts nothing is
    fetched.
    """
    tools: list[OwnTool] = [AskPerson(), ListFiles(), ReadFile(), SearchFiles()]
    if checks is not None and RunCode.list_languages(checks):
        tools.append(RunCode(checks))
    if fetcher.allow:
        tools.append(FetchUrl(fetcher))
    library = importlib.util.find_spec("PIL")
    if checks is not None and checks.python is not None and library and library.origin:
        tools.append(ViewImage(checks, Path(library.origin).parent))
    return OwnTools(tools)
