"""A raw websocket to Realtime, for tests of frames."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import websockets
from websockets.asyncio.client import ClientConnection

SECONDS = 15.0


class Wire:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, frame: Any) -> None:
        await self.connection.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    async def receive_raw(self) -> str | bytes:
        async with asyncio.timeout(SECONDS):
            return await self.connection.recv()

    async def receive(self) -> Any:
        return json.loads(await self.receive_raw())

    async def push(self, topic: str, event: str, payload: Any, *, ref: str | None = "9") -> None:
        await self.send({"topic": topic, "event": event, "payload": payload, "ref": ref})

    async def join(self, topic: str, *, ref: str = "1", **config: Any) -> Any:
        """Join `realtime:<topic>` in serializer 1.0.0 and return the reply's payload."""
        token = config.pop("access_token", None)
        payload = {"config": config} | ({"access_token": token} if token else {})
        await self.send(
            {
                "topic": f"realtime:{topic}",
                "event": "phx_join",
                "payload": payload,
                "ref": ref,
                "join_ref": ref,
            }
        )
        reply = await self.receive()
        assert (reply["event"], reply["ref"]) == ("phx_reply", ref), reply
        return reply["payload"]

    async def is_silent(self) -> bool:
        """Return whether nothing precedes the reply to a heartbeat, which overtakes channels."""
        await self.push("phoenix", "heartbeat", {}, ref="beat")
        return bool((await self.receive())["ref"] == "beat")

    async def settle(self, topic: str) -> None:
        """Wait until the channel has served all earlier pushes; nothing else may arrive."""
        await self.push(f"realtime:{topic}", "presence", {"event": "?"}, ref="settle")
        frame = await self.receive()
        assert frame["ref"] == "settle", frame

    async def closed_with(self) -> int | None:
        """Read to the end and return the close code."""
        async with asyncio.timeout(SECONDS):
            try:
                while True:
                    await self.connection.recv()
            except websockets.ConnectionClosed:
                return self.connection.close_code


@asynccontextmanager
async def wire(url: str, key: str, vsn: str | None = "1.0.0") -> AsyncIterator[Wire]:
    query = {"apikey": key} | ({"vsn": vsn} if vsn else {})
    address = f"{url.replace('http://', 'ws://')}/websocket?{urlencode(query)}"
    async with websockets.connect(address, compression=None) as connection:
        yield Wire(connection)
