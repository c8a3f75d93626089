"""Commands about the MCP server."""
