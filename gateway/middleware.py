"""The door: what every request passes before anything looks at it. Pure ASGI, also for sockets."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

from fastapi import FastAPI
from loguru import logger
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from gateway.limits.seats import Seats, client_address, crowded
from gateway.metrics import Metrics
from gateway.options import GatewayOptions
from gateway.problems import Problem, render
from protocol.json_values import parse_count

LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "::1")
_ALWAYS: Final = frozenset({"/health", "/metrics"})
"""Answered however full it is: whoever watches over the process must not take it for dead."""


class Door:
    """Refuses strangers, large bodies and, when full, everybody; logs who asked for what."""

    def __init__(self, app: FastAPI, *, options: GatewayOptions, metrics: Metrics) -> None:
        self._app = app
        self._options = options
        self._metrics = metrics
        self._names = {*LOOPBACK_NAMES, *options.allowed_hosts}
        self._seats = Seats(share=options.share)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or one socket to its end."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        request_id = uuid4().hex
        started = time.monotonic()
        status = 101 if scope["type"] == "websocket" else 500
        first_byte: float | None = None

        async def sending(message: Message) -> None:
            nonlocal status, first_byte
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                status = message["status"]
                first_byte = time.monotonic() - started
                MutableHeaders(scope=message)["x-request-id"] = request_id
            await send(message)

        try:
            await self._pass(scope, receive, sending)
        finally:
            self._metrics.count(scope, status=status, seconds=first_byte)
            logger.info(
                "request",
                method=scope.get("method", "SOCKET"),
                path=scope["path"],
                status=status,
                milliseconds=round((time.monotonic() - started) * 1000),
                key=scope["state"].get("key_id"),
                request_id=request_id,
            )

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        address = client_address(scope)
        problem = (
            self._stranger(headers)
            or self._too_large(headers)
            or self._full(scope["path"], address)
        )
        if problem is not None:
            await render(problem, scope["path"])(scope, receive, send)
            return
        with self._seats.take(address) as seat:
            scope["state"]["seat"] = seat
            if scope["type"] == "http":
                await self._with_limits(scope, receive, send)
            else:
                await self._app(scope, receive, send)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Open what the application works with, where no server does it by its lifespan."""
        async with self._app.router.lifespan_context(self._app):
            yield

    def _stranger(self, headers: Headers) -> Problem | None:
        """Refuse pages that lead a browser here: by a name of their own, or from their origin."""
        if not self._options.is_loopback:
            return None
        host = headers.get("host", "")
        if _hostname(host) not in self._names:
            return Problem(
                403,
                "host_refused",
                f"this gateway is not called {host[:100]!r}",
                hint="use http://localhost, or add the name to COGO_GATEWAY_HOSTS",
            )
        origin = headers.get("origin")
        if origin is None or allows_origin(origin, host, self._options.cors_origins):
            return None
        return Problem(
            403,
            "origin_refused",
            f"pages of {origin[:100]!r} may not ask here",
            hint="add the origin to COGO_GATEWAY_CORS",
        )

    def _full(self, path: str, address: str) -> Problem | None:
        if path in _ALWAYS:
            return None
        if self._seats.is_crowded(address):
            return crowded(503, "this address, without a key,", self._options.share)
        if self._seats.taken < self._options.connections:
            return None
        return Problem(
            503,
            "busy",
            f"{self._seats.taken} requests, streams and sockets are being served",
            hint="wait as Retry-After says; COGO_GATEWAY_CONNECTIONS allows more",
            headers={"Retry-After": "2"},
        )

    def _too_large(self, headers: Headers) -> Problem | None:
        length = headers.get("content-length", "")
        if length.isdecimal() and parse_count(length, most=self._options.body_bytes) is None:
            return self._large()
        return None

    def _large(self) -> Problem:
        most = self._options.body_bytes
        return Problem(413, "too_large", f"the body is larger than {most} bytes", hint="send less")

    async def _with_limits(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count a body that does not say its length, and refuse one that does not arrive."""
        size, is_whole = 0, False
        deadline = asyncio.get_running_loop().time() + self._options.body_within.total_seconds()

        async def receive_some() -> Message:
            nonlocal size, is_whole
            try:
                async with asyncio.timeout_at(None if is_whole else deadline):
                    message = await receive()
            except TimeoutError as error:
                raise self._late() from error
            is_whole = not message.get("more_body", False)
            size += len(message.get("body", b""))
            if size > self._options.body_bytes:
                raise self._large()
            return message

        await self._app(scope, receive_some, send)

    def _late(self) -> Problem:
        seconds = self._options.body_within.total_seconds()
        return Problem(
            408,
            "body_late",
            f"the body did not arrive within {seconds:g} s",
            hint="send it again, over a better line or in smaller pieces",
            headers={"Connection": "close"},
        )


def allows_origin(origin: str, host: str, allowed: Collection[str]) -> bool:
    """Whether a page of `origin` may ask a gateway that is called `host`."""
    try:
        own = urlsplit(origin).netloc
    except ValueError:
        return False
    return origin in allowed or "*" in allowed or own == host


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
