"""The middleware that causes the active faults."""

import asyncio
import json
from typing import Final

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from embedded.faults.controller import PATH, FaultController

_BROADCAST_KINDS: Final = frozenset({4})
_TOO_MANY: Final = {"message": "Too many requests: requested by a test", "code": "faults"}


class FaultMiddleware:
    """ASGI middleware that causes faults between the server and its clients."""

    def __init__(self, app: ASGIApp, faults: FaultController) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or websocket."""
        if scope["path"] == PATH:
            await self._app(scope, receive, send)
        elif self._faults.should_happen(self._faults.active.too_many_requests):
            answer = JSONResponse(_TOO_MANY, 429, headers={"Retry-After": "1"})
            await answer(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._handle_socket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _handle_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_late() -> Message:
            message = await receive()
            delay = self._faults.active.delay_joins_seconds
            if (
                delay
                and message["type"] == "websocket.receive"
                and _find_event(message) == "phx_join"
            ):
                await asyncio.sleep(delay)
            return message

        is_accepted = False

        async def send_some(message: Message) -> None:
            nonlocal is_accepted
            if message["type"] == "websocket.accept":
                is_accepted = True
                self._faults.add_socket(send)
            elif is_accepted and not self._faults.has_socket(send):
                return  # closed by a fault, which the application has not noticed yet
            probability = self._faults.active.drop_broadcasts
            is_lost = (
                probability > 0
                and message["type"] == "websocket.send"
                and _find_event(message) == "broadcast"
                and self._faults.should_happen(probability)
            )
            if not is_lost:
                await send(message)

        try:
            await self._app(scope, receive_late, send_some)
        finally:
            self._faults.remove_socket(send)


def _find_event(message: Message) -> str | None:
    """Return the event of a frame of either serializer, or None."""
    data = message.get("bytes")
    if data:
        return "broadcast" if data[0] in _BROADCAST_KINDS else None
    try:
        frame = json.loads(message.get("text") or "")
    except (ValueError, RecursionError):
        return None
    if isinstance(frame, list):
        return str(frame[3]) if len(frame) == 5 else None
    return str(frame.get("event")) if isinstance(frame, dict) else None
