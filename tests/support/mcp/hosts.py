"""Hosts of MCP servers for tests, and the hostile server as one of them."""

import sys
from pathlib import Path
from typing import Any, Final

from agents.tools.mcp import McpHost, McpServer
from agents.tools.mcp.limits import McpLimits
from cogo.wiring.mcp_http import HttpServer

HOSTILE: Final = Path(__file__).with_name("hostile_server.py")
QUICK: Final = McpLimits(
    messages=300,
    messages_per_second=0,
    bytes=8 * 1024 * 1024,
    bytes_per_second=0,
    message_bytes=4 * 1024 * 1024,
    shortest_wait=0.01,
    longest_wait=0.01,
    end_seconds=0.2,
)
"""Limits that are reached at once on any machine."""


def a_hostile_server(log: Path, how: str = "all", **settings: Any) -> McpServer:
    """Return the hostile server, named `bad`."""
    given: dict[str, Any] = {"name": "bad", "environment": {"PATH": "/usr/bin:/bin"}, **settings}
    return McpServer(command=(sys.executable, "-I", str(HOSTILE), str(log), how), **given)


def a_host(*servers: McpServer, limits: McpLimits = QUICK, **options: Any) -> McpHost:
    """Return a host, not yet open."""
    return McpHost(servers, open_http=HttpServer, limits=limits, **options)
