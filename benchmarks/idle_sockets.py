"""Memory that a thousand idle sockets with a joined channel cost the server."""

import json
from contextlib import AsyncExitStack
from typing import Any, Final

from websockets.asyncio.client import connect

from benchmarks.supabase import Server, running_server

SOCKETS: Final = 1000
_MIB: Final = 2**20


async def run() -> list[dict[str, Any]]:
    """Measure the server's process, without Postgres, before and with the sockets."""
    async with running_server() as server, AsyncExitStack() as stack:
        before = server.resident_bytes()
        for number in range(SOCKETS):
            await _join(stack, server, f"realtime:idle-{number}")
        after = server.resident_bytes()
    return [
        {
            "name": "idle_sockets",
            "unit": "MiB",
            "n": SOCKETS,
            "without": round(before / _MIB, 1),
            "with": round(after / _MIB, 1),
            "kib_each": round((after - before) / SOCKETS / 1024, 1),
            "goal_with": 200,
        }
    ]


async def _join(stack: AsyncExitStack, server: Server, topic: str) -> None:
    socket = await stack.enter_async_context(
        connect(server.socket_url, compression=None, ping_interval=None)
    )
    payload = {"config": {"private": False}}
    await socket.send(
        json.dumps({"topic": topic, "event": "phx_join", "payload": payload, "ref": "1"})
    )
    while json.loads(await socket.recv())["event"] != "phx_reply":
        continue
