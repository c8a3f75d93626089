"""A model server of a test, which answers each path with JSON."""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import unquote


class ModelServer:
    """Answers each path with JSON, with the status of a number, or never if it has None."""

    def __init__(self) -> None:
        self.answers: dict[str, object] = {}
        self.asked: Counter[str] = Counter()
        self.port = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = unquote(head.split()[1])
        if "content-length: " in head.lower():
            length = int(head.lower().partition("content-length: ")[2].split()[0])
            path = f"{path} {json.loads(await reader.readexactly(length))['model']}"
        self.asked[path] += 1
        body = self.answers.get(path, 404)
        if body is None:
            await reader.read()
        else:
            text = body if isinstance(body, str) else json.dumps(body)
            status = body if isinstance(body, int) else 200
            head = (
                f"HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {len(text)}\r\n\r\n"
            )
            writer.write((head + text).encode())
            await writer.drain()
        writer.close()

    def list_models(self, *ids: str, owner: str = "x", **fields: object) -> None:
        """List these models."""
        self.answers["/v1/models"] = {
            "data": [{"id": id_, "owned_by": owner, "created": 1, **fields} for id_ in ids]
        }


@asynccontextmanager
async def open_model_server() -> AsyncIterator[ModelServer]:
    """Serve in this event loop."""
    server = ModelServer()
    async with await asyncio.start_server(server.answer, "127.0.0.1", 0) as listening:
        server.port = listening.sockets[0].getsockname()[1]
        yield server


@contextmanager
def run_model_server() -> Iterator[ModelServer]:
    """Serve in a thread, for programs that have an event loop of their own."""
    ready, done = threading.Event(), threading.Event()
    found: list[ModelServer] = []

    async def serve() -> None:
        async with open_model_server() as server:
            found.append(server)
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait()
    try:
        yield found[0]
    finally:
        done.set()
        thread.join()
