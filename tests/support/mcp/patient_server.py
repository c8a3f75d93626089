"""An MCP server whose calls wait until others release them, by the official package."""

import asyncio
import sys
from collections import defaultdict
from typing import Any

from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("patient")
released: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
waiting: list[str] = []
changed = asyncio.Condition()


@server.tool()
async def wait(name: str) -> str:
    """Wait until it is released."""
    async with changed:
        waiting.append(name)
        changed.notify_all()
    await released[name].wait()
    return name


@server.tool()
async def count(least: int) -> str:
    """Wait until so many calls wait, and return how many do."""
    async with changed:
        await changed.wait_for(lambda: len(waiting) >= least)
    return str(len(waiting))


@server.tool()
async def release(name: str) -> str:
    """Release a call."""
    released[name].set()
    return "released"


@server.tool()
async def learn(context: Context[Any, Any]) -> str:
    """Offer one tool more."""

    def learned() -> str:
        return "learned"

    server.add_tool(learned, name="learned", description="It was learned.")
    await context.notify_tools_changed()
    return "learned"


if __name__ == "__main__":
    if len(sys.argv) > 1:
        server.run(transport="streamable-http", port=int(sys.argv[1]))
    else:
        server.run()
