"""Broadcasts to 1, 10 and 100 sockets: deliveries per second and their latency."""

import asyncio
import json
import time
from contextlib import AsyncExitStack
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.figures import quantiles
from benchmarks.supabase import Server, running_server

TOPIC: Final = "realtime:fan-out"
CROWDS: Final = (1, 10, 100)
DELIVERIES: Final = 40_000
LATENCY_SAMPLES: Final = 100
PAUSE_SECONDS: Final = 0.02
_FRAME: Final = '{{"topic":"' + TOPIC + '","event":"broadcast","payload":{},"ref":null}}'


async def run() -> list[dict[str, Any]]:
    """Measure the rate of a burst and the latency of single messages."""
    figures: list[dict[str, Any]] = []
    async with running_server() as server:
        for crowd in CROWDS:
            async with AsyncExitStack() as stack:
                speaker = await _join(stack, server)
                listeners = [await _join(stack, server) for _ in range(crowd)]
                late = await _latency(speaker, listeners)
                server_begin, own_begin = server.cpu_seconds(), time.process_time()
                rate = await _rate(speaker, listeners)
            figures += [
                {"name": "fan_out_latency", "unit": "ms", "sockets": crowd, **late},
                {
                    "name": "fan_out_rate",
                    "unit": "deliveries/s",
                    "sockets": crowd,
                    "n": DELIVERIES,
                    "rate": round(rate),
                    "server_cpu_us": _microseconds_each(server.cpu_seconds() - server_begin),
                    "client_cpu_us": _microseconds_each(time.process_time() - own_begin),
                    "goal_rate": 10_000,
                },
            ]
    return figures


def _microseconds_each(seconds: float) -> float:
    return round(seconds / DELIVERIES * 1_000_000, 1)


async def _join(stack: AsyncExitStack, server: Server) -> ClientConnection:
    socket = await stack.enter_async_context(
        connect(server.socket_url, compression=None, max_queue=None, ping_interval=None)
    )
    config = {"broadcast": {"self": False}, "private": False}
    join = {"topic": TOPIC, "event": "phx_join", "payload": {"config": config}, "ref": "1"}
    await socket.send(json.dumps(join))
    while json.loads(await socket.recv())["event"] != "phx_reply":
        continue
    return socket


async def _latency(
    speaker: ClientConnection, listeners: list[ClientConnection]
) -> dict[str, float | int]:
    samples: list[float] = []
    sent_at = 0.0

    async def hear(socket: ClientConnection) -> None:
        for _ in range(LATENCY_SAMPLES):
            await _broadcast(socket)
            samples.append((time.perf_counter() - sent_at) * 1000)

    async with asyncio.TaskGroup() as group:
        for socket in listeners:
            group.create_task(hear(socket), name="hear")
        for number in range(LATENCY_SAMPLES):
            sent_at = time.perf_counter()
            await speaker.send(_frame(number))
            await asyncio.sleep(PAUSE_SECONDS)
    return quantiles(samples)


async def _rate(speaker: ClientConnection, listeners: list[ClientConnection]) -> float:
    messages = DELIVERIES // len(listeners)

    async def hear(socket: ClientConnection) -> None:
        last = ""
        for _ in range(messages):
            last = await _broadcast(socket)
        # So many frames, the last of them the last that was said: none was lost or came twice.
        assert json.loads(last)["payload"]["payload"]["number"] == messages - 1, last

    started = time.perf_counter()
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for socket in listeners:
            group.create_task(hear(socket), name="hear")
        for number in range(messages):
            await speaker.send(_frame(number))
    return messages * len(listeners) / (time.perf_counter() - started)


async def _broadcast(socket: ClientConnection) -> str:
    # Reading the JSON would measure us.
    while '"event":"broadcast"' not in (frame := str(await socket.recv())):
        continue
    return frame


def _frame(number: int) -> str:
    payload = {"type": "broadcast", "event": "note", "payload": {"number": number}}
    return _FRAME.format(json.dumps(payload))
