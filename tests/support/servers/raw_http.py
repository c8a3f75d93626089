"""A server that answers each request with given bytes, however wrong they are."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.support.ports import a_port

Answer = bytes | Callable[[asyncio.StreamWriter], "asyncio.Future[None] | object"]


class RawHttpServer:
    """Answers by path; `requests` are the heads that it got."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers: dict[str, Answer] = {}
        self.requests: list[str] = []

    @property
    def entry(self) -> str:
        """The entry of an allow list for it."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.requests.append(head)
            answer = self.answers[head.split()[1]]
            if callable(answer):
                await answer(writer)  # type: ignore[misc] # a coroutine function
            else:
                writer.write(answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


def build_answer(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """Return a response with this body and these headers besides its length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def serve_raw() -> AsyncIterator[RawHttpServer]:
    """Serve on a port of loopback."""
    it = RawHttpServer(a_port())
    server = await asyncio.start_server(it.serve, "127.0.0.1", it.port)
    async with server:
        yield it
        server.close()
