"""ASGI middleware at the edge: origin checks, limits, metrics and the access log."""

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

from gateway.limits.connection_limiter import (
    URGENT_PATHS,
    ConnectionLimiter,
    build_limit_problem,
    get_client_address,
)
from gateway.links.tokens import PREFIX
from gateway.metrics import GatewayMetrics
from gateway.options import GatewayOptions
from gateway.problems import OPENAI_PATHS, Problem, build_problem_response
from protocol.json_values import parse_count
from protocol.store.operator import acting_as

LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "::1")
_ALWAYS: Final = frozenset({"/health", "/metrics"})
"""Answered even at the connection limit, so that monitoring does not consider the process dead."""


class EdgeMiddleware:
    """Refuses foreign hosts and origins, large bodies, and requests beyond the connection limit.

    It also applies to WebSockets.
    """

    def __init__(self, app: FastAPI, *, options: GatewayOptions, metrics: GatewayMetrics) -> None:
        self._app = app
        self._options = options
        self._metrics = metrics
        self._names = {*LOOPBACK_NAMES, *options.allowed_hosts}
        self._limiter = ConnectionLimiter(share=options.share)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request, or one WebSocket to its end."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        request_id = uuid4().hex
        started = time.monotonic()
        status = 101 if scope["type"] == "websocket" else 500
        first_byte: float | None = None

        async def send_with_id(message: Message) -> None:
            nonlocal status, first_byte
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                status = message["status"]
                first_byte = time.monotonic() - started
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                if scope["path"].startswith(OPENAI_PATHS):
                    headers["openai-processing-ms"] = str(round(first_byte * 1000))
                    if (rate := scope["state"].get("rate")) is not None:
                        headers.update(rate.to_headers())
            await send(message)

        try:
            await self._check_and_run(scope, receive, send_with_id)
        finally:
            self._metrics.count(scope, status=status, seconds=first_byte)
            logger.info(
                "request",
                method=scope.get("method", "SOCKET"),
                path=_hide_token(scope["path"]),
                status=status,
                milliseconds=round((time.monotonic() - started) * 1000),
                key=scope["state"].get("key_id"),
                request_id=request_id,
            )

    async def _check_and_run(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        address = get_client_address(scope)
        problem = (
            self._check_origin(headers)
            or self._check_size(headers)
            or self._check_capacity(scope["path"], address)
        )
        if problem is not None:
            await build_problem_response(problem, scope["path"])(scope, receive, send)
            return
        # Until the caller is known, nobody acts; and afterwards nobody does any more.
        with self._limiter.acquire(address) as slot, acting_as(None):
            scope["state"]["slot"] = slot
            if scope["type"] == "http":
                await self._run_with_body_limits(scope, receive, send)
            else:
                await self._app(scope, receive, send)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Run the application's lifespan, for callers without an ASGI server."""
        async with self._app.router.lifespan_context(self._app):
            yield

    def _check_origin(self, headers: Headers) -> Problem | None:
        """Refuse foreign web pages, which use DNS rebinding or come from another origin."""
        if not self._options.is_loopback:
            return None
        host = headers.get("host", "")
        if _parse_hostname(host) not in self._names:
            return Problem(
                403,
                "host_refused",
                f"{host[:100]!r} is not a name of this gateway",
                hint="use http://localhost, or add the name to COGO_GATEWAY_HOSTS",
            )
        origin = headers.get("origin")
        if origin is None or allows_origin(origin, host, self._options.cors_origins):
            return None
        return Problem(
            403,
            "origin_refused",
            f"pages of {origin[:100]!r} may not use this gateway",
            hint="add the origin to COGO_GATEWAY_CORS",
        )

    def _check_capacity(self, path: str, address: str) -> Problem | None:
        if path in _ALWAYS:
            return None
        if self._limiter.is_exhausted(address):
            return build_limit_problem(503, "this address, without a key,", self._options.share)
        if self._limiter.taken < self._options.connections or path in URGENT_PATHS:
            return None
        return Problem(
            503,
            "busy",
            f"{self._limiter.taken} requests, streams and sockets are being served",
            hint="wait for Retry-After seconds, or raise COGO_GATEWAY_CONNECTIONS",
            headers={"Retry-After": "2"},
        )

    def _check_size(self, headers: Headers) -> Problem | None:
        length = headers.get("content-length", "")
        if length.isdecimal() and parse_count(length, most=self._options.body_bytes) is None:
            return self._body_too_large()
        return None

    def _body_too_large(self) -> Problem:
        most = self._options.body_bytes
        hint = "send less; large files go into Supabase Storage, and storage:BUCKET/PATH here"
        return Problem(413, "too_large", f"the body is larger than {most} bytes", hint=hint)

    async def _run_with_body_limits(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Limit the size of a body without a declared length, and the time until it is complete."""
        size, is_whole = 0, False
        deadline = asyncio.get_running_loop().time() + self._options.body_timeout.total_seconds()

        async def receive_limited() -> Message:
            nonlocal size, is_whole
            try:
                async with asyncio.timeout_at(None if is_whole else deadline):
                    message = await receive()
            except TimeoutError as error:
                raise self._body_late() from error
            is_whole = not message.get("more_body", False)
            size += len(message.get("body", b""))
            if size > self._options.body_bytes:
                raise self._body_too_large()
            return message

        await self._app(scope, receive_limited, send)

    def _body_late(self) -> Problem:
        seconds = self._options.body_timeout.total_seconds()
        return Problem(
            408,
            "body_late",
            f"the body did not arrive within {seconds:g} s",
            hint="send it again, over a faster connection or in smaller pieces",
            headers={"Connection": "close"},
        )


def _hide_token(path: str) -> str:
    """Return a path for logs: what follows /a/ lets its reader answer a question."""
    return f"{PREFIX}..." if path.startswith(PREFIX) else path


def allows_origin(origin: str, host: str, allowed: Collection[str]) -> bool:
    """Return whether pages of `origin` may use a gateway that is addressed as `host`."""
    try:
        own = urlsplit(origin).netloc
    except ValueError:
        return False
    return origin in allowed or "*" in allowed or own == host


def _parse_hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
