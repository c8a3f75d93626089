"""The vendor simulator: a web application that speaks the wire formats of the model vendors.

Give each SDK the base URL of this table, where HOST is http://127.0.0.1:PORT:

| SDK           | base_url                    | it then requests, below HOST             |
|---------------|-----------------------------|------------------------------------------|
| anthropic     | HOST/anthropic              | /anthropic/v1/messages                   |
| fireworks-ai  | HOST/fireworks              | /fireworks/v1/chat/completions           |
| google-genai  | HOST/gemini                 | /gemini/v1beta/models/MODEL:METHOD       |
| openai        | HOST/openai/v1              | /openai/v1/chat/completions              |
| openai        | HOST/fireworks/inference/v1 | /fireworks/inference/v1/chat/completions |
| openai        | HOST/VENDOR + its own path  | as at the vendor: `compatible.base_of`   |

(anthropic 2.11, fireworks-ai 1.2.28, google-genai 3.4, openai 3.52; any other base URL gets 404,
as at the vendors.) VENDOR is each of `question.Vendor`; the accents are in `compatible.DIALECTS`.

Models are listed where each SDK asks for them: /anthropic/v1/models, /openai/v1/models,
/fireworks/v1/accounts/{account}/models and /fireworks/inference/v1/models.

A prompt that names an offered tool is answered by calling it, a response schema by an object that
fits; `[[say:TEXT]]` and `[[pieces:N]]` in a prompt dictate the answer. Embeddings are at the
vendors' own paths: /v1/embeddings, /v2/embed (Cohere), :batchEmbedContents, /api/embed (Ollama).

Any model is known except those with `no-such-model` in their name; any key is good except
`invalid`. Every answer carries the header `x-cogo-simulated: true`, and its text says so as well.
Faults are written as in `simulator.faults`: in the header `x-cogo-fault`, in the prompt as
`[[fault:...]]`, or for the whole process by POST /_simulator/faults with
{"faults": [{"spec": "429 times=1", "vendor": "openai", "model": "gpt-6-sol"}]}, where vendor and
model may be left out; each POST replaces the schedule. GET /_simulator/requests?after=N lists
what was asked since request N, GET /_simulator/health says that the simulator is there.
"""

from collections.abc import Awaitable, Callable, Iterator

from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator.control import Control
from simulator.endpoint import Endpoint
from simulator.faults import FaultDesk
from simulator.request import Vendor
from simulator.request_log import Journal
from simulator.formats import openai_compatible as compatible
from simulator.formats import fireworks
from simulator.formats import openai
from simulator.formats import embeddings as forms
from simulator.formats.anthropic import AnthropicWire
from simulator.formats.chat_completions import ChatWire
from simulator.formats.embeddings import EmbeddingsEndpoint, Format
from simulator.formats.gemini import GeminiWire
from simulator.formats.base import Wire

_LOCAL = {Vendor.LLAMACPP, Vendor.LMSTUDIO, Vendor.MLX, Vendor.OLLAMA, Vendor.VLLM}
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
        *_compatible(desk, journal, speed),
        *_gemini(desk, journal, speed),
        *_embeddings(desk, journal),
        Mount("/_simulator", routes=control.routes()),
    ]
    return Starlette(routes=routes, middleware=[Middleware(_SimulatedHeader)])


def _compatible(desk: FaultDesk, journal: Journal, speed: float) -> Iterator[Route]:
    """Everyone who imitates OpenAI, each below its own path."""
    for dialect in compatible.DIALECTS:
        vendor = dialect.vendor
        wire = ChatWire(dialect)
        endpoint = Endpoint(wire, desk=desk, journal=journal, speed=speed, keyless=vendor in _LOCAL)
        base = f"/{vendor}{compatible.base_of(vendor)}"
        yield Route(f"{base}/chat/completions", endpoint.answer, methods=["POST"])
        yield Route(f"{base}/models", _lister(endpoint, compatible.listing(vendor)))


def _lister(endpoint: Endpoint, models: JsonValue) -> Callable[[Request], Awaitable[Response]]:
    async def list_models(request: Request) -> Response:
        return endpoint.listing(request, models)

    return list_models


def _gemini(desk: FaultDesk, journal: Journal, speed: float) -> Iterator[Route]:
    wire = GeminiWire()
    endpoint = Endpoint(wire, desk=desk, journal=journal, speed=speed, bad_key_status=400)
    embeddings = EmbeddingsEndpoint(wire, forms.GEMINI_FORMAT, desk=desk, journal=journal)

    async def generate(request: Request) -> Response:
        if request.path_params["target"].endswith(":batchEmbedContents"):
            return await embeddings.answer(request)
        return await endpoint.answer(request)

    yield Route("/gemini/v1beta/models", _lister(endpoint, wire.models()))
    yield Route("/gemini/v1beta/models/{target:path}", generate, methods=["POST"])


def _embeddings(desk: FaultDesk, journal: Journal) -> Iterator[Route]:
    def route(path: str, wire: Wire, form: Format) -> Route:
        endpoint = EmbeddingsEndpoint(wire, form, desk=desk, journal=journal)
        return Route(path, endpoint.answer, methods=["POST"])

    dialects = {dialect.vendor: dialect for dialect in compatible.DIALECTS}
    yield route("/openai/v1/embeddings", ChatWire(openai.OPENAI), forms.OPENAI_FORMAT)
    yield route(
        "/fireworks/inference/v1/embeddings", ChatWire(fireworks.FIREWORKS), forms.OPENAI_FORMAT
    )
    for vendor in (Vendor.MISTRAL, Vendor.TOGETHER, Vendor.LMSTUDIO, Vendor.VLLM):
        path = f"/{vendor}{compatible.base_of(vendor)}/embeddings"
        yield route(path, ChatWire(dialects[vendor]), forms.OPENAI_FORMAT)
    yield route("/cohere/v2/embed", ChatWire(dialects[Vendor.COHERE]), forms.COHERE_FORMAT)
    yield route("/ollama/api/embed", ChatWire(dialects[Vendor.OLLAMA]), forms.OLLAMA_FORMAT)


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
