"""The MCP server of `cogo mcp`: the tools over the store of a project, or over a gateway."""

from cogo.wiring.mcp_server.gateway_backend import GatewayBackend
from cogo.wiring.mcp_server.project_backend import build_project_backend
from cogo.wiring.mcp_server.stdio import serve_stdio

__all__ = ["GatewayBackend", "build_project_backend", "serve_stdio"]
