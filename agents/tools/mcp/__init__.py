"""MCP servers as a source of tools: programs and addresses that the operator names.

- `server`: how `cogo.toml` describes one. `limits`: what it may send.
- `listing`, `results`, `messages`: what it says is checked, cut and cleaned.
- `process` and `guard`: a server that is a program. `connection`: the client of one.
- `server_tools`: one server, over all its connections. `host`: all of them.
"""

from agents.tools.mcp.host import McpHost
from agents.tools.mcp.server import McpServer

__all__ = ["McpHost", "McpServer"]
