"""Round trips to the Data API: a row and a function, over one connection and over eight.

Over one connection client, server and Postgres take turns, so the rate is that of a round trip; the
rate over eight connections is the server's throughput. CPU time is given in milliseconds per
request for the server's process and for ours; the rest was Postgres.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from supabase import AsyncClientOptions, acreate_client

from benchmarks.figures import quantiles
from benchmarks.supabase import Server, running_server

SECONDS: Final = 4.0
WARM_UP: Final = 100
_GOALS: Final[dict[int, dict[str, float]]] = {1: {"goal_p50": 3.0}, 8: {"goal_rate": 800}}
CONNECTIONS: Final = (1, 8)
SCHEMA: Final = """
create table public.bench_rows (id bigint primary key, name text not null);
insert into public.bench_rows select n, 'row ' || n from generate_series(1, 1000) n;
grant select on public.bench_rows to service_role;
create function public.bench_double(p_number bigint) returns bigint language sql volatile
  set search_path = '' as $$ select p_number * 2 $$;
grant execute on function public.bench_double(bigint) to service_role;
notify pgrst, 'reload schema';
"""

Call = Callable[[], Awaitable[None]]


async def run() -> list[dict[str, Any]]:
    """Measure a bare socket first, since Python clients cost more than the server."""
    figures = []
    async with running_server(SCHEMA) as server:
        for kind, open_calls in (
            ("socket", _open_sockets),
            ("httpx", _open_httpx),
            ("supabase", _open_supabase),
        ):
            for connections in CONNECTIONS:
                for name in ("select", "rpc"):
                    async with AsyncExitStack() as stack:
                        calls = await open_calls(stack, server, name, connections)
                        figures.append(
                            {
                                "name": f"rest_{name}_{kind}",
                                "unit": "ms",
                                "connections": connections,
                            }
                            | await _measure(server, calls)
                            | (_GOALS.get(connections, {}) if kind == "socket" else {})
                        )
    return figures


async def _measure(server: Server, calls: list[Call]) -> dict[str, Any]:
    samples: list[float] = []

    async def repeat(call: Call, until: float) -> None:
        while (started := time.perf_counter()) < until:
            await call()
            samples.append((time.perf_counter() - started) * 1000)

    for _ in range(WARM_UP):
        await calls[0]()
    begin, server_begin, own_begin = time.perf_counter(), server.cpu_seconds(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for number, call in enumerate(calls):
            group.create_task(repeat(call, begin + SECONDS), name=f"connection {number}")
    rate = len(samples) / (time.perf_counter() - begin)
    return quantiles(samples) | {
        "rate": round(rate),
        "server_cpu_ms": round((server.cpu_seconds() - server_begin) / len(samples) * 1000, 2),
        "client_cpu_ms": round((time.process_time() - own_begin) / len(samples) * 1000, 2),
    }


async def _open_sockets(
    stack: AsyncExitStack, server: Server, name: str, connections: int
) -> list[Call]:
    """Open connections that only write a request and find the end of its response."""
    where = urlsplit(server.url)
    body = b'{"p_number": 21}' if name == "rpc" else b""
    line = "POST /rest/v1/rpc/bench_double" if name == "rpc" else "GET /rest/v1/bench_rows?id=eq.7"
    request = (
        f"{line} HTTP/1.1\r\nHost: bench\r\napikey: {server.secret_key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body

    async def open_one() -> Call:
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        stack.callback(writer.close)

        async def call() -> None:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))

        return call

    return [await open_one() for _ in range(connections)]


async def _open_httpx(
    stack: AsyncExitStack, server: Server, name: str, connections: int
) -> list[Call]:
    client = await stack.enter_async_context(
        httpx.AsyncClient(base_url=server.url, headers={"apikey": server.secret_key}, timeout=20)
    )

    async def select() -> None:
        (await client.get("/rest/v1/bench_rows?id=eq.7")).raise_for_status()

    async def rpc() -> None:
        answer = await client.post("/rest/v1/rpc/bench_double", json={"p_number": 21})
        answer.raise_for_status()

    return [rpc if name == "rpc" else select] * connections


async def _open_supabase(
    stack: AsyncExitStack, server: Server, name: str, connections: int
) -> list[Call]:
    pool = await stack.enter_async_context(httpx.AsyncClient(timeout=20))
    options = AsyncClientOptions(httpx_client=pool, auto_refresh_token=False)
    client = await acreate_client(server.url, server.secret_key, options)

    async def select() -> None:
        await client.table("bench_rows").select("*").eq("id", 7).execute()

    async def rpc() -> None:
        await client.rpc("bench_double", {"p_number": 21}).execute()

    return [rpc if name == "rpc" else select] * connections
