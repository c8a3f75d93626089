"""The names of tools, as far as those who only know names need them. Pure.

A grant is the name of a tool, or `SOURCE/*` for all of a source: `mcp:SERVER/*`, `cogo/*` or
`MODULE/*`. Without grants an owner may use whatever operators have configured.
"""

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

ToolSourceName: TypeAlias = Literal["function", "mcp", "cogo", "vendor"]

MCP: Final = "mcp:"
"""Prefix in params of the tools of MCP servers."""
GRANT_OF_ALL: Final = "/*"
WEB_SEARCH: Final = "web_search"
"""The tool that the vendors of models run."""


def get_tool_source(name: str) -> ToolSourceName:
    """Return where a tool comes from, by its full name."""
    if name == WEB_SEARCH:
        return "vendor"
    prefix, colon, _ = name.partition(":")
    if colon and prefix == "mcp":
        return "mcp"
    return "cogo" if colon and prefix == "cogo" else "function"


def find_tool_name(call_name: str, names: Sequence[str]) -> str:
    """Return which of the names in params a model means that calls a tool by `call_name`."""
    for name in names:
        server, slash, tool = name.removeprefix(MCP).partition("/")
        if not name.startswith(MCP):
            if call_name == name.rpartition(":")[2].rpartition(".")[2]:
                return name
        elif slash and call_name == f"{server}__{tool}":
            return name
        elif not slash and call_name.startswith(f"{server}__"):
            return f"{name}/{call_name.removeprefix(f'{server}__')}"
    return call_name


def is_tool_granted(name: str, granted: Sequence[str] | None) -> bool:
    """Return whether a tool with this full name may be used."""
    if granted is None or name in granted:
        return True
    sources = [each.removesuffix(GRANT_OF_ALL) for each in granted if each.endswith(GRANT_OF_ALL)]
    return any(name.startswith((f"{each}/", f"{each}.", f"{each}:")) for each in sources)
