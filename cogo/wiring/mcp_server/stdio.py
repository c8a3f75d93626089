"""The protocol over standard input and output, until the input ends."""

from mcp.server.stdio import stdio_server

from gateway.mcp import McpBackend, build_mcp_server


async def serve_stdio(backend: McpBackend) -> None:
    """Answer one client. Meanwhile what is written to standard output goes to standard error."""
    server = build_mcp_server(backend)
    async with stdio_server() as (source, sink):
        await server.run(source, sink, server.create_initialization_options())
