"""Time from the cancellation of a call to the closed connection at the vendor.

The vendor is a loopback server in this process that sends one chunk and then waits for the end of
the connection. The caller is cancelled, or stops reading, once that chunk has arrived.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, Final

from pydantic import SecretStr

from benchmarks.figures import quantiles
from benchmarks.vendor_server import ANTHROPIC_STREAM, OPENAI_STREAM
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.chat import ChatRequest, Message, TextDelta
from providers.router import Router

SAMPLES: Final = 200
QUICK: Final = 5
LONGEST: Final = 60.0
"""Seconds; a connection that is still open then is reported as a defect."""
MODELS: Final[Mapping[str, str]] = {
    "openai": "gpt-6.1-sol",
    "anthropic": "claude-sonnet-5-5",
    "fireworks": "fireworks/kimi-k3",
    "gemini": "gemini-3.8-flash",
}
"""One model per adapter, by the provider's name for it."""
WAYS: Final = ("cancelled", "closed")
_GEMINI: Final = {"candidates": [{"content": {"parts": [{"text": "words "}]}}]}
_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)


class Vendor:
    """A vendor that sends one chunk and records when the client disconnects."""

    def __init__(self) -> None:
        self.url = ""
        self.left: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request on one connection."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        piece = _piece(head.split(b" ", 2)[1])
        writer.write(_HEAD + b"%x\r\n%b\r\n" % (len(piece), piece))
        await writer.drain()
        with suppress(ConnectionError):  # gone all the same
            await reader.read()
        self.left.set_result(time.perf_counter())
        writer.close()


def _piece(path: bytes) -> bytes:
    if path.endswith(b"/messages"):
        return b"".join(ANTHROPIC_STREAM[:2])
    if b":streamGenerateContent" in path:
        return f"data: {json.dumps(_GEMINI)}\r\n\r\n".encode()
    return b"".join(OPENAI_STREAM[:2])


async def run(report: Callable[[dict[str, Any]], None], *, quick: bool = False) -> None:
    """Report a figure for each adapter and way of leaving."""
    samples = QUICK if quick else SAMPLES
    async with _vendor() as vendor:
        opened = {
            name: Credential(key=SecretStr("any"), base_url=vendor.url, simulated=True)
            for name in MODELS
        }
        async with Router(Catalogue.load(), opened) as router:
            for name, model in MODELS.items():
                await router.open(model)  # imports
                for way in WAYS:
                    await _leave(router, vendor, model, way)  # the first one counts for nothing
                    taken = [await _leave(router, vendor, model, way) for _ in range(samples)]
                    report(
                        {
                            "name": "provider_cancel",
                            "client": f"cogo ({name})",
                            "way": way,
                            "unit": "ms",
                            **quantiles(taken),
                        }
                    )


async def _leave(router: Router, vendor: Vendor, model: str, way: str) -> float:
    """Call, read the first chunk and leave; return the milliseconds until the vendor notices."""
    vendor.left = asyncio.get_running_loop().create_future()
    heard = asyncio.Event()

    async def listen() -> None:
        request = ChatRequest(model="", messages=(Message(role="user", content="Go on"),))
        async with aclosing(router.stream(model, request)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    heard.set()
                    if way == "closed":
                        return

    async with asyncio.timeout(LONGEST), asyncio.TaskGroup() as group:
        listening = group.create_task(listen(), name="listen")
        await heard.wait()
        began = time.perf_counter()
        if way == "cancelled":
            listening.cancel()
        return (await vendor.left - began) * 1000


@asynccontextmanager
async def _vendor() -> AsyncIterator[Vendor]:
    vendor = Vendor()
    async with await asyncio.start_server(vendor.serve, "127.0.0.1", 0) as server:
        vendor.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield vendor
