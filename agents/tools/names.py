"""The names of tools, in params and as steps of workflows."""

from collections.abc import Sequence
from typing import Final

from protocol.lanes import EMBEDDINGS, MEMORY, RERANKS, TOOLS, read_embedding_lane, read_rerank_lane
from protocol.tool_names import MCP

_MODULE: Final = "mcp."
"""Prefix of the name that a server has beside the modules of functions."""


def write_mcp_name(server: str, tool: str) -> str:
    """Return the name of a tool of a server, `mcp:SERVER/TOOL`."""
    return f"{MCP}{server}/{tool}"


def read_mcp_name(name: str) -> tuple[str, str] | None:
    """Return the server and the tool of such a name, or None for another name."""
    server, slash, tool = name.removeprefix(MCP).partition("/")
    return (server, tool) if name.startswith(MCP) and server and slash and tool else None


def write_mcp_module(server: str) -> str:
    """Return the name of a server beside the modules of functions."""
    return _MODULE + server


def read_mcp_module(module: str) -> str | None:
    """Return the server of such a name, or None for a module."""
    return module.removeprefix(_MODULE) if module.startswith(_MODULE) else None


def select_names(offered: Sequence[str], name: str) -> list[str]:
    """Return the full names that a name in `params.tools` means, as `toolbox.select_tools` does.

    For those who know only names: orchestrators, and clients.
    """
    if name.startswith(MCP) and "/" not in name:
        return [each for each in offered if each.startswith(f"{name}/")]
    if name in offered:
        return [name]
    if ":" in name or "." in name:
        return []
    short = [each for each in offered if ":" not in each and each.rpartition(".")[2] == name]
    return short if len(short) == 1 else []


def write_mcp_lane(server: str) -> str:
    """Return the lane of the calls of a server's tools by workflows."""
    return TOOLS + write_mcp_module(server)


def is_memory_module(module: str) -> bool:
    """Return whether such a name is that of memory, and not of a module."""
    return TOOLS + module == MEMORY


def read_embedding_module(module: str) -> str | None:
    """Return the embedding model of such a name, or None for a module."""
    return read_embedding_lane(TOOLS + module)


def write_embedding_module(model: str) -> str:
    """Return the name that an embedding model has beside the modules of functions."""
    return EMBEDDINGS.removeprefix(TOOLS) + model


def read_rerank_module(module: str) -> str | None:
    """Return the rerank model of such a name, or None for a module."""
    return read_rerank_lane(TOOLS + module)


def write_rerank_module(model: str) -> str:
    """Return the name that a rerank model has beside the modules of functions."""
    return RERANKS.removeprefix(TOOLS) + model
