"""All of our own tools that can be used here, as one source."""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from agents.fetching import Fetcher
from agents.sandbox.check_runner import CheckRunner
from agents.tools.host import ToolFailed
from agents.tools.own.code import RunCode
from agents.tools.own.images import ViewImage
from agents.tools.own.offer import OwnTool
from agents.tools.own.person import AskPerson
from agents.tools.own.repository import ListFiles, ReadFile, SearchFiles
from agents.tools.own.web import FetchUrl
from agents.tools.toolbox import OWN, OfferedTool, ToolContext, ToolOutput
from agents.tools.worker import UNKNOWN_TOOL

_NO_SANDBOX: Final = "this machine has no sandbox, or it is turned off (`cogo sandbox status`)"
_NO_MEMORY: Final = "only executors offer it, for the owner of a task (else: `cogo memory`)"
_NO_LANGUAGE: Final = "the sandbox cannot run Python (`cogo sandbox status`)"


class OwnTools:
    """Offers our own tools."""

    def __init__(self, tools: Sequence[OwnTool], missing: Mapping[str, str] | None = None) -> None:
        self._tools = {each.offer.name: each for each in tools}
        self.missing = dict(missing or {})
        """The tools that cannot be used here, by name, and why not."""

    def add_tools(self, tools: Sequence[OwnTool]) -> None:
        """Offer these tools, too."""
        for each in tools:
            self._tools[each.offer.name] = each
            self.missing.pop(each.offer.name, None)

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
    missing = {f"{OWN}{name}": _NO_MEMORY for name in ("remember", "search_memory")}
    if checks is not None and RunCode.list_languages(checks):
        tools.append(RunCode(checks))
    else:
        missing[f"{OWN}run_code"] = _NO_SANDBOX if checks is None else _NO_LANGUAGE
    if fetcher.allow:
        tools.append(FetchUrl(fetcher))
    else:
        missing[f"{OWN}fetch_url"] = "[fetch] allow of cogo.toml names no host"
    library = importlib.util.find_spec("PIL")
    if checks is not None and checks.python is not None and library and library.origin:
        tools.append(ViewImage(checks, Path(library.origin).parent))
    else:
        missing[f"{OWN}view_image"] = _NO_SANDBOX if checks is None else _NO_LANGUAGE
    return OwnTools(tools, missing)
