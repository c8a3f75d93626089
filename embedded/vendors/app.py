"""The vendor simulator: a web application that speaks the wire formats of three model vendors.

Give each SDK the base URL of this table, where HOST is http://127.0.0.1:PORT:

| SDK           | base_url                    | it then requests, below HOST             |
|---------------|-----------------------------|------------------------------------------|
| anthropic     | HOST/anthropic              | /anthropic/v1/messages                   |
| fireworks-ai  | HOST/fireworks              | /fireworks/v1/chat/completions           |
| openai        | HOST/openai/v1              | /openai/v1/chat/completions              |
| openai        | HOST/fireworks/inference/v1 | /fireworks/inference/v1/chat/completions |

(anthropic 2.11, fireworks-ai 1.2.28, openai 3.52; any other base URL gets 404, as at the vendors.)

Models are listed where each SDK asks for them: /anthropic/v1/models, /openai/v1/models,
/fireworks/v1/accounts/{account}/models and /fireworks/inference/v1/models.

Any model is known except those with `no-such-model` in their name; any key is good except
`invalid`. Every answer carries the header `x-cogo-simulated: true`, and its text says so as well.
Faults are written as in `embedded.vendors.fault`: in the header `x-cogo-fault`, in the prompt as
`[[fault:...]]`, or for the whole process by POST /_simulator/faults with
{"faults": [{"spec": "429 times=1", "vendor": "openai", "model": "gpt-6-sol"}]}, where vendor and
model may be left out; each POST replaces the schedule. GET /_simulator/requests?after=N lists
what was asked since request N, GET /_simulator/health says that the simulator is there.
"""

from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from embedded.vendors import fireworks, openai
from embedded.vendors.anthropic import AnthropicWire
from embedded.vendors.chat_completions import ChatWire
from embedded.vendors.control import Control
from embedded.vendors.endpoint import Endpoint
from embedded.vendors.fault import FaultDesk
from embedded.vendors.journal import Journal

_PAGE_SIZE = 50
_MAX_PAGE_SIZE = 200


def create_simulator(*, speed: float = 1.0) -> Starlette:
    """Build a simulator with an empty journal and no faults.

    Speed 1 answers about as fast as vendors do, 2 twice as fast, 0 without waiting at all.
    """
    if speed < 0:
        raise ValueError(f"speed must not be negative, got {speed}")
    desk, journal = FaultDesk(), Journal()
    control = Control(desk, journal)
    anthropic_wire = AnthropicWire()
    on_anthropic = Endpoint(anthropic_wire, desk=desk, journal=journal, speed=speed)
    on_fireworks = Endpoint(ChatWire(fireworks.FIREWORKS), desk=desk, journal=journal, speed=speed)
    on_openai = Endpoint(ChatWire(openai.OPENAI), desk=desk, journal=journal, speed=speed)

    async def anthropic_models(request: Request) -> Response:
        return on_anthropic.listing(request, anthropic_wire.models())

    async def fireworks_models(request: Request) -> Response:
        return on_fireworks.listing(request, fireworks.models())

    async def fireworks_account_models(request: Request) -> Response:
        return on_fireworks.listing(request, _account_models(request))

    async def openai_models(request: Request) -> Response:
        return on_openai.listing(request, openai.models())

    chat = on_fireworks.answer
    routes = [
        Route("/anthropic/v1/messages", on_anthropic.answer, methods=["POST"]),
        Route("/anthropic/v1/models", anthropic_models),
        Route("/fireworks/v1/chat/completions", chat, methods=["POST"]),
        Route("/fireworks/inference/v1/chat/completions", chat, methods=["POST"]),
        Route("/fireworks/inference/v1/models", fireworks_models),
        Route("/fireworks/v1/accounts/{account}/models", fireworks_account_models),
        Route("/openai/v1/chat/completions", on_openai.answer, methods=["POST"]),
        Route("/openai/v1/models", openai_models),
        Mount("/_simulator", routes=control.routes()),
    ]
    return Starlette(routes=routes, middleware=[Middleware(_SimulatedHeader)])


def _account_models(request: Request) -> JsonValue:
    query = request.query_params
    size = _whole(query.get("pageSize", ""), _PAGE_SIZE)
    return fireworks.account_models(
        request.path_params["account"],
        offset=_whole(query.get("pageToken", ""), 0),
        limit=max(1, min(size, _MAX_PAGE_SIZE)),
    )


def _whole(text: str, default: int) -> int:
    return int(text) if text.isdecimal() else default


class _SimulatedHeader:
    """Marks every answer, so that none can be taken for a vendor's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", []), (b"x-cogo-simulated", b"true")]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, marked)
