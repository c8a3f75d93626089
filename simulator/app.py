"""The routes of the simulator, by vendor."""

from collections.abc import Callable, Iterator
from typing import Final

from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator.control import ControlRoutes
from simulator.endpoint import SimulatorState, VendorEndpoint
from simulator.formats import fireworks, openai, openai_compatible
from simulator.formats.anthropic import AnthropicFormat
from simulator.formats.chat_completions import ChatCompletionsFormat
from simulator.formats.embeddings import (
    COHERE_EMBEDDINGS,
    GEMINI_EMBEDDINGS,
    OPENAI_EMBEDDINGS,
)
from simulator.formats.gemini import GeminiFormat
from simulator.formats.rerank import (
    COHERE_RANKINGS,
    FIREWORKS_RANKINGS,
    JINA_RANKINGS,
    TEI_RANKINGS,
)
from simulator.formats.responses import ResponsesFormat
from simulator.local.routes import build_local_routes
from simulator.request import LOCAL_VENDORS, Vendor

_WITH_OPENAI_EMBEDDINGS: Final = (Vendor.MISTRAL, Vendor.TOGETHER)
_PAGE_SIZE: Final = 50
_MAX_PAGE_SIZE: Final = 200


def create_simulator(*, speed: float = 1.0) -> Starlette:
    """Build a simulator with an empty request log and no faults.

    Speed 1 answers about as fast as vendors do, 2 twice as fast, 0 without waiting.
    """
    if speed < 0:
        raise ValueError(f"speed must not be negative, got {speed}")
    state = SimulatorState(speed=speed)
    routes = [
        *_anthropic_routes(state),
        *_fireworks_routes(state),
        *_gemini_routes(state),
        *_openai_routes(state),
        *_compatible_routes(state),
        *build_local_routes(state),
        *_rerank_routes(state),
        Mount("/_simulator", routes=ControlRoutes(state.faults, state.request_log).routes()),
    ]
    return Starlette(routes=routes, middleware=[Middleware(_SimulatedHeaderMiddleware)])


def create_local_server(vendor: Vendor, *, speed: float = 1.0) -> ASGIApp:
    """Build the simulator of one server of open-weight models alone, at the root.

    Its responses do not have the header that marks simulated ones, so clients take it for the
    server.
    """
    if vendor not in LOCAL_VENDORS:
        raise ValueError(f"{vendor} is not a server of open-weight models")
    routes = build_local_routes(SimulatorState(speed=speed))
    app = Starlette(routes=list(routes))

    async def call_app(scope: Scope, receive: Receive, send: Send) -> None:
        path = f"/{vendor}{scope['path']}"
        await app({**scope, "path": path, "raw_path": path.encode()}, receive, send)

    return call_app


def _anthropic_routes(state: SimulatorState) -> Iterator[Route]:
    wire_format = AnthropicFormat()
    endpoint = VendorEndpoint(wire_format, state)
    yield Route("/anthropic/v1/messages", endpoint.complete, methods=["POST"])
    yield _models_route("/anthropic/v1/models", endpoint, wire_format.list_models())


def _fireworks_routes(state: SimulatorState) -> Iterator[Route]:
    wire_format = ChatCompletionsFormat(fireworks.FIREWORKS)
    endpoint = VendorEndpoint(
        wire_format, state, embeddings=OPENAI_EMBEDDINGS, rankings=FIREWORKS_RANKINGS
    )
    yield Route("/fireworks/v1/chat/completions", endpoint.complete, methods=["POST"])
    yield Route("/fireworks/v1/embeddings", endpoint.embed, methods=["POST"])
    inference = "/fireworks/inference/v1"
    yield Route(f"{inference}/chat/completions", endpoint.complete, methods=["POST"])
    yield Route(f"{inference}/embeddings", endpoint.embed, methods=["POST"])
    yield Route(f"{inference}/rerank", endpoint.rank, methods=["POST"])
    yield _models_route(f"{inference}/models", endpoint, fireworks.list_fireworks_models())
    yield _models_route(
        "/fireworks/v1/accounts/{account}/models", endpoint, _list_fireworks_account
    )


def _gemini_routes(state: SimulatorState) -> Iterator[Route]:
    wire_format = GeminiFormat()
    endpoint = VendorEndpoint(
        wire_format, state, embeddings=GEMINI_EMBEDDINGS, invalid_key_status=400
    )

    async def run_method(request: Request) -> Response:
        is_embedding = request.path_params["target"].endswith(":batchEmbedContents")
        return await (endpoint.embed if is_embedding else endpoint.complete)(request)

    yield _models_route("/gemini/v1beta/models", endpoint, wire_format.list_models())
    yield Route("/gemini/v1beta/models/{target:path}", run_method, methods=["POST"])


def _openai_routes(state: SimulatorState) -> Iterator[Route]:
    wire_format = ChatCompletionsFormat(openai.OPENAI)
    endpoint = VendorEndpoint(wire_format, state, embeddings=OPENAI_EMBEDDINGS)
    yield Route("/openai/v1/chat/completions", endpoint.complete, methods=["POST"])
    yield _responses_route(Vendor.OPENAI, state)
    yield Route("/openai/v1/embeddings", endpoint.embed, methods=["POST"])
    yield _models_route("/openai/v1/models", endpoint, openai.list_openai_models())


def _compatible_routes(state: SimulatorState) -> Iterator[Route]:
    special = {Vendor.COHERE: ("/cohere/v2/embed", COHERE_EMBEDDINGS)}
    for dialect in openai_compatible.DIALECTS:
        vendor = dialect.vendor
        if vendor in LOCAL_VENDORS:
            continue
        base = f"/{vendor}{openai_compatible.api_path(vendor)}"
        path, embeddings = special.get(vendor, (f"{base}/embeddings", OPENAI_EMBEDDINGS))
        endpoint = VendorEndpoint(
            ChatCompletionsFormat(dialect),
            state,
            embeddings=embeddings,
            rankings=COHERE_RANKINGS if vendor is Vendor.COHERE else None,
        )
        yield Route(f"{base}/chat/completions", endpoint.complete, methods=["POST"])
        yield _models_route(
            f"{base}/models", endpoint, openai_compatible.list_vendor_models(vendor)
        )
        if vendor is Vendor.XAI:
            yield _responses_route(vendor, state)
        if vendor in special or vendor in _WITH_OPENAI_EMBEDDINGS:
            yield Route(path, endpoint.embed, methods=["POST"])
        if vendor is Vendor.COHERE:
            yield Route("/cohere/v2/rerank", endpoint.rank, methods=["POST"])


def _rerank_routes(state: SimulatorState) -> Iterator[Route]:
    """Yield the routes of vendors that only rank."""
    for vendor, path, rankings in (
        (Vendor.JINA, "/jina/v1/rerank", JINA_RANKINGS),
        (Vendor.TEI, "/tei/rerank", TEI_RANKINGS),
    ):
        dialect = openai_compatible.build_rerank_dialect(vendor)
        wire_format = ChatCompletionsFormat(dialect)
        is_keyless = vendor is Vendor.TEI
        endpoint = VendorEndpoint(wire_format, state, rankings=rankings, is_keyless=is_keyless)
        yield Route(path, endpoint.rank, methods=["POST"])


def _responses_route(vendor: Vendor, state: SimulatorState) -> Route:
    endpoint = VendorEndpoint(ResponsesFormat(vendor), state)
    return Route(f"/{vendor}/v1/responses", endpoint.complete, methods=["POST"])


def _models_route(
    path: str, endpoint: VendorEndpoint, models: JsonValue | Callable[[Request], JsonValue]
) -> Route:
    async def list_models(request: Request) -> Response:
        body = models(request) if callable(models) else models
        return endpoint.list_models(request, body)

    return Route(path, list_models)


def _list_fireworks_account(request: Request) -> JsonValue:
    query = request.query_params
    size = _parse_number(query.get("pageSize", ""), _PAGE_SIZE)
    return fireworks.list_account_models(
        request.path_params["account"],
        offset=_parse_number(query.get("pageToken", ""), 0),
        limit=max(1, min(size, _MAX_PAGE_SIZE)),
    )


def _parse_number(text: str, default: int) -> int:
    return int(text) if text.isdecimal() else default


class _SimulatedHeaderMiddleware:
    """Marks every response, so that none can be taken for a vendor's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", []), (b"x-cogo-simulated", b"true")]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, send_marked)
