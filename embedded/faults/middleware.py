"""Between the server and its clients: what makes the ordered trouble."""

import asyncio
import json
from typing import Final

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from embedded.faults.controller import PATH, FaultController

_BROADCAST_KINDS: Final = frozenset({4})
_TOO_MANY: Final = {"message": "Too many requests: ordered by a test", "code": "faults"}


class FaultMiddleware:
    """ASGI middleware; does nothing where nothing is ordered."""

    def __init__(self, app: ASGIApp, fault_controller: FaultController) -> None:
        self._app = app
        self._switch = fault_controller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["path"] == PATH:
            await self._app(scope, receive, send)
        elif self._switch.should_happen(self._switch.active.too_many_requests):
            answer = JSONResponse(_TOO_MANY, 429, headers={"Retry-After": "1"})
            await answer(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._pass_socket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _pass_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def hear() -> Message:
            message = await receive()
            delay = self._switch.active.delay_joins_seconds
            if (
                delay
                and message["type"] == "websocket.receive"
                and _event_of(message) == "phx_join"
            ):
                await asyncio.sleep(delay)
            return message

        is_accepted = False

        async def say(message: Message) -> None:
            nonlocal is_accepted
            if message["type"] == "websocket.accept":
                is_accepted = True
                self._switch.add_socket(send)
            elif is_accepted and not self._switch.has_socket(send):
                return  # we have closed it; the server behind us has yet to notice
            share = self._switch.active.drop_broadcasts
            is_lost = (
                share > 0
                and message["type"] == "websocket.send"
                and _event_of(message) == "broadcast"
                and self._switch.should_happen(share)
            )
            if not is_lost:
                await send(message)

        try:
            await self._app(scope, hear, say)
        finally:
            self._switch.remove_socket(send)


def _event_of(message: Message) -> str | None:
    """The event of a frame in either serializer; None where there is none."""
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
