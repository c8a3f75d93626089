"""The switch: what is ordered now, and the endpoint that takes orders."""

import asyncio
import json
import math
import random
import time
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Send

from embedded.auth.token_cutoff import TokenCutoff
from embedded.faults.freeze import Freezer
from embedded.faults.plan import InvalidFaultPlan, FaultPlan, ActiveFaults, parse_fault_plan
from embedded.keys import Keys, KeyRefused, identify

PATH = "/_embedded/faults"


class FaultController:
    """The faults that stand, and the sockets that can be closed."""

    def __init__(self, freezer: Freezer, token_cutoff: TokenCutoff) -> None:
        self.active = ActiveFaults()
        self._freezer = freezer
        self._curfew = token_cutoff
        self._random = random.Random()  # noqa: S311 - trouble needs no secrecy
        self._sockets: set[Send] = set()

    def should_happen(self, share: float) -> bool:
        """Whether a fault of this share happens this time."""
        return self._random.random() < share

    def add_socket(self, send: Send) -> None:
        """Know an open socket."""
        self._sockets.add(send)

    def has_socket(self, send: Send) -> bool:
        """Whether it is open as far as we know."""
        return send in self._sockets

    def remove_socket(self, send: Send) -> None:
        """Forget a socket."""
        self._sockets.discard(send)

    async def apply(self, order: FaultPlan) -> None:
        """Replace what stands, and do what is to happen once; return when that is in force."""
        self.active = order.active
        if order.seed is not None:
            self._random.seed(order.seed)
        if order.close_sockets is not None:
            for send in list(self._sockets):
                self.remove_socket(send)
                await send({"type": "websocket.close", "code": order.close_sockets})
        if order.expire_tokens:
            await self._expire_tokens()
        if order.pause_database_seconds is not None:
            self._freezer.freeze(order.pause_database_seconds)
        else:
            self._freezer.thaw()

    async def _expire_tokens(self) -> None:
        """Wait for the second to be over: tokens tell only in which one they were made."""
        now = time.time()
        end = math.floor(now) + 1
        await asyncio.sleep(end - now)
        self._curfew.call(end)


def fault_routes(fault_controller: FaultController, keys: Keys) -> list[BaseRoute]:
    """The endpoint: GET tells what stands, POST orders, DELETE ends all trouble."""

    async def take(request: Request) -> Response:
        try:
            identity = identify(
                keys,
                apikey=request.headers.get("apikey"),
                authorization=request.headers.get("authorization"),
                user_agent=request.headers.get("user-agent"),
            )
        except KeyRefused as refused:
            return JSONResponse(refused.body, refused.status)
        if identity.role != "service_role":
            return JSONResponse({"message": "This takes the secret key."}, 403)
        try:
            if request.method == "POST":
                await fault_controller.apply(parse_fault_plan(json.loads(await request.body())))
            elif request.method == "DELETE":
                await fault_controller.apply(FaultPlan())
        except InvalidFaultPlan as error:
            return JSONResponse({"message": str(error)}, 400)
        except (ValueError, RecursionError):
            return JSONResponse({"message": "The order is no JSON."}, 400)
        return JSONResponse(asdict(fault_controller.active))

    return [Route(PATH, take, methods=["GET", "POST", "DELETE"])]
