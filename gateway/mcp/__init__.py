"""The MCP server: COGO's tasks as tools of an assistant (https://modelcontextprotocol.io).

`tools` lists the tools; each has its arguments, the scope that it needs, and a function. `server`
speaks the protocol for any `McpBackend`: `ToolBackend` runs the tools here, and `cogo mcp --url`
has one that passes them on to a gateway. `gateway.mcp_endpoint` is `/mcp` of the gateway.
"""

from gateway.mcp.backend import (
    McpBackend,
    OpenCaller,
    ReportProgress,
    ToolBackend,
    ToolCaller,
    ToolServices,
)
from gateway.mcp.server import build_mcp_server

__all__ = [
    "McpBackend",
    "OpenCaller",
    "ReportProgress",
    "ToolBackend",
    "ToolCaller",
    "ToolServices",
    "build_mcp_server",
]
