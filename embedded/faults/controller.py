"""The active faults, and the endpoint that sets them."""

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
from embedded.faults.plan import ActiveFaults, FaultPlan, InvalidFaultPlan, parse_fault_plan
from embedded.keys import KeyRefused, Keys, identify_headers

PATH = "/_embedded/faults"


class FaultController:
    """Keeper of the active faults and the open sockets."""

    def __init__(self, freezer: Freezer, token_cutoff: TokenCutoff) -> None:
        self.active = ActiveFaults()
        self._freezer = freezer
        self._token_cutoff = token_cutoff
        self._random = random.Random()  # noqa: S311 - faults need no secrecy
        self._sockets: set[Send] = set()

    def should_happen(self, probability: float) -> bool:
        """Return whether a fault with this probability occurs now."""
        return self._random.random() < probability

    def add_socket(self, send: Send) -> None:
        """Register an open socket."""
        self._sockets.add(send)

    def has_socket(self, send: Send) -> bool:
        """Return whether a socket is registered."""
        return send in self._sockets

    def remove_socket(self, send: Send) -> None:
        """Remove a socket."""
        self._sockets.discard(send)

    async def apply(self, plan: FaultPlan) -> None:
        """Replace the active faults and carry out the single ones."""
        self.active = plan.active
        if plan.seed is not None:
            self._random.seed(plan.seed)
        if plan.close_sockets is not None:
            for send in list(self._sockets):
                self.remove_socket(send)
                await send({"type": "websocket.close", "code": plan.close_sockets})
        if plan.expire_tokens:
            await self._expire_tokens()
        if plan.pause_database_seconds is not None:
            self._freezer.freeze(plan.pause_database_seconds)
        else:
            self._freezer.thaw()

    async def _expire_tokens(self) -> None:
        """Revoke all tokens at the next full second, since issue times have whole seconds."""
        now = time.time()
        end = math.floor(now) + 1
        await asyncio.sleep(end - now)
        self._token_cutoff.revoke_before(end)


def fault_routes(controller: FaultController, keys: Keys) -> list[BaseRoute]:
    """Build the endpoint: GET returns the active faults, POST sets them, DELETE ends them."""

    async def handle(request: Request) -> Response:
        try:
            identity = identify_headers(keys, request.headers)
        except KeyRefused as refused:
            return JSONResponse(refused.body, refused.status)
        if identity.role != "service_role":
            return JSONResponse({"message": "The secret key is required."}, 403)
        try:
            if request.method == "POST":
                await controller.apply(parse_fault_plan(json.loads(await request.body())))
            elif request.method == "DELETE":
                await controller.apply(FaultPlan())
        except InvalidFaultPlan as error:
            return JSONResponse({"message": str(error)}, 400)
        except (ValueError, RecursionError):
            return JSONResponse({"message": "The body is not JSON."}, 400)
        return JSONResponse(asdict(controller.active))

    return [Route(PATH, handle, methods=["GET", "POST", "DELETE"])]
