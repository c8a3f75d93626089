"""All tools that models may call here: where they come from, and one way to find and run them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypeAlias
from uuid import UUID

from pydantic import JsonValue

from agents.tools.host import ToolFailed
from agents.tools.worker import UNKNOWN_TOOL
from protocol.records import ApprovalOptions
from protocol.tool_names import MCP
from providers.calls.middleware import CallContext
from providers.catalogue.data_policy import find_sending_objection
from providers.chat import Attachment

ToolOrigin: TypeAlias = Literal["function", "mcp", "cogo"]
"""A function of the user, an MCP server, or COGO itself."""

FORBIDDEN: Final = "data_policy"
"""Class of the error of a tool that the data policy of a task forbids."""
OWN: Final = "cogo:"
OWN_NAMES: Final = frozenset(
    OWN + name
    for name in (
        "ask_person", "fetch_url", "list_files", "read_file", "remember", "run_code",
        "search_files", "search_memory", "view_image",
    )
)  # fmt: skip
"""Tools that COGO brings, whether an executor can offer them or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedTool:
    """A tool that models may call."""

    name: str
    """As in `params.tools`: `acme.tools.lookup`, `mcp:SERVER/TOOL` or `cogo:TOOL`."""
    call_name: str
    """For models: ASCII letters, digits, `_` and `-`, at most 64."""
    description: str
    parameters: Mapping[str, Any]
    """JSON Schema of the arguments, an object."""
    source: ToolOrigin
    is_idempotent: bool = False
    """Whether it may run again if nobody knows whether it has run."""
    needs_approval: bool = False
    """Whether a person must agree before it runs."""
    approval: ApprovalOptions = field(default_factory=ApprovalOptions)
    """What follows if nobody answers."""
    seconds: float = 60.0
    """It is ended after this time."""
    sends_to: str | None = None
    """The other machine that gets its arguments; None: it runs here, or nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """The subtask for which a tool runs."""

    task_id: UUID
    subtask_id: UUID
    attempt: int
    key: str
    owner: UUID | None
    params: Mapping[str, Any] = field(default_factory=dict)
    """Those of the subtask."""
    attachments: tuple[Attachment, ...] = ()
    """The files of the request."""
    call: CallContext | None = None
    """That of calls of models for the subtask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolOutput:
    """What a tool gave."""

    content: JsonValue
    """Text, or data."""
    attachments: tuple[Attachment, ...] = ()
    """Images, for models that see."""
    is_error: bool = False
    """Whether the tool says that it failed; `content` says why."""


class ToolSource(Protocol):
    """Tools of one origin."""

    async def list_tools(self) -> Sequence[OfferedTool]:
        """Return the tools that can be called now."""

    async def run_tool(
        self,
        name: str,
        arguments: Mapping[str, Any],
        context: ToolContext,
        *,
        begin: Callable[[], None] | None = None,
    ) -> ToolOutput:
        """Run a tool; `begin` is called just before it takes effect. Raises ToolFailed."""


class ToolsUnknown(Exception):
    """Names of tools that nobody offers here."""

    def __init__(self, names: Sequence[str], offered: Sequence[str]) -> None:
        there = ", ".join(offered) or "none"
        super().__init__(f"no tool is named {', '.join(names)}; there are: {there}")
        self.names = tuple(names)
        self.offered = tuple(offered)


class Toolbox:
    """The tools of several sources."""

    def __init__(self, sources: Sequence[ToolSource] = ()) -> None:
        self._sources = tuple(sources)

    async def list_tools(self) -> Sequence[OfferedTool]:
        """Return all tools, by name."""
        found = [tool for _, tool in await self._list_pairs()]
        return sorted(found, key=lambda each: each.name)

    async def find(self, names: Sequence[str]) -> Sequence[OfferedTool]:
        """Return the tools with these names, each once. Raises ToolsUnknown."""
        tools = await self.list_tools()
        chosen: dict[str, OfferedTool] = {}
        unknown = []
        for name in names:
            matches = select_tools(tools, name)
            if not matches:
                unknown.append(name)
            chosen |= {each.name: each for each in matches}
        if unknown:
            raise ToolsUnknown(unknown, [each.name for each in tools])
        return list(chosen.values())

    async def run_tool(
        self,
        name: str,
        arguments: Mapping[str, Any],
        context: ToolContext,
        *,
        begin: Callable[[], None] | None = None,
    ) -> ToolOutput:
        """Run the tool with this full name. Raises ToolFailed."""
        for source, tool in await self._list_pairs():
            if tool.name == name:
                check_destination(tool, context.call.data_policy if context.call else ())
                return await source.run_tool(name, arguments, context, begin=begin)
        raise ToolFailed(UNKNOWN_TOOL, f"no tool is named {name} any more")

    async def _list_pairs(self) -> list[tuple[ToolSource, OfferedTool]]:
        return [(source, tool) for source in self._sources for tool in await source.list_tools()]


def check_destination(tool: OfferedTool, rules: Iterable[str]) -> None:
    """Raise ToolFailed if the data policy of a task forbids to send anything to where a tool is."""
    if why := find_sending_objection(rules, tool.sends_to):
        raise ToolFailed(FORBIDDEN, f"{tool.name} must not be used for this: {why}")


def select_tools(tools: Sequence[OfferedTool], name: str) -> Sequence[OfferedTool]:
    """Return the tools that a name in `params.tools` means; several for `mcp:SERVER`."""
    if name.startswith(MCP) and "/" not in name:
        return [each for each in tools if each.name.startswith(f"{name}/")]
    exact = [each for each in tools if each.name == name]
    if exact or ":" in name:
        return exact
    short = [each for each in tools if each.source == "function" and each.call_name == name]
    return short if len(short) == 1 else []
