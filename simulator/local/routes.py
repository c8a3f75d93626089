"""The paths of servers of open-weight models."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeAlias

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from simulator.endpoint import SimulatorState, VendorEndpoint
from simulator.formats.base import dump_json
from simulator.formats.chat_completions import ChatCompletionsFormat
from simulator.formats.embeddings import OLLAMA_EMBEDDINGS, OPENAI_EMBEDDINGS
from simulator.formats.openai_compatible import DIALECTS
from simulator.formats.rerank import JINA_RANKINGS
from simulator.local.info import (
    VLLM_VERSION,
    OllamaInfo,
    build_list,
    get_llamacpp_props,
    list_llamacpp_models,
    list_lmstudio_models,
    list_vllm_models,
    read_name,
)
from simulator.local.models import LLAMACPP_MODELS, LMSTUDIO_MODELS, MLX_MODELS
from simulator.local.ollama import OllamaFormat, ServedModels
from simulator.request import Vendor

Build: TypeAlias = Callable[[bytes], JsonValue]


def build_local_routes(state: SimulatorState) -> Iterator[Route]:
    """Yield the routes of all servers; each has the first segment of its vendor."""
    yield from _ollama_routes(state)
    for kind in LLAMACPP_MODELS:
        yield from _llamacpp_routes(state, kind)
    yield from _lmstudio_routes(state)
    yield from _vllm_routes(state)
    yield from _mlx_routes(state)


def _ollama_routes(state: SimulatorState) -> Iterator[Route]:
    store = ServedModels()
    info = OllamaInfo(store)
    native = VendorEndpoint(
        OllamaFormat(store), state, embeddings=OLLAMA_EMBEDDINGS, is_keyless=True
    )
    compatible = VendorEndpoint(_make_format(Vendor.OLLAMA), state, is_keyless=True)

    async def pull(request: Request) -> Response:
        name = ""

        def begin(body: bytes) -> JsonValue:
            nonlocal name
            name = read_name(body)
            return None

        refused = await native.describe(request, begin)
        if not name or refused.status_code != 200:
            return refused
        lines = _pace_lines(info.iter_pull(name), seconds=0.02 if state.speed else 0.0)
        return StreamingResponse(lines, media_type="application/x-ndjson")

    yield Route("/ollama/api/chat", native.complete, methods=["POST"])
    yield Route("/ollama/api/embed", native.embed, methods=["POST"])
    yield Route("/ollama/api/pull", pull, methods=["POST"])
    yield _describe("/ollama/api/show", native, info.show, method="POST")
    yield _describe("/ollama/api/delete", native, info.remove, method="DELETE")
    yield _describe("/ollama/api/version", native, info.get_version)
    yield _describe("/ollama/api/tags", native, info.list_tags)
    yield _describe("/ollama/api/ps", native, info.list_loaded)
    yield _describe("/ollama/v1/models", compatible, info.list_openai_models)
    yield Route("/ollama/v1/chat/completions", compatible.complete, methods=["POST"])


def _llamacpp_routes(state: SimulatorState, kind: str) -> Iterator[Route]:
    base = f"/llamacpp{kind}"
    endpoint = VendorEndpoint(
        _make_format(Vendor.LLAMACPP),
        state,
        rankings=JINA_RANKINGS,
        is_keyless=True,
        serves_plain=not LLAMACPP_MODELS[kind].calls_tools,
    )
    yield Route(f"{base}/v1/chat/completions", endpoint.complete, methods=["POST"])
    yield Route(f"{base}/v1/rerank", endpoint.rank, methods=["POST"])
    yield _describe(f"{base}/health", endpoint, lambda _: {"status": "ok"})
    yield _describe(f"{base}/props", endpoint, lambda _: get_llamacpp_props(kind))
    yield _describe(f"{base}/v1/models", endpoint, lambda _: list_llamacpp_models(kind))


def _lmstudio_routes(state: SimulatorState) -> Iterator[Route]:
    endpoint = _make_endpoint(Vendor.LMSTUDIO, state)
    names = [model.name for model in LMSTUDIO_MODELS]
    yield Route("/lmstudio/v1/chat/completions", endpoint.complete, methods=["POST"])
    yield Route("/lmstudio/v1/embeddings", endpoint.embed, methods=["POST"])
    yield _describe(
        "/lmstudio/v1/models", endpoint, lambda _: build_list(names, "organization_owner")
    )
    yield _describe("/lmstudio/api/v1/models", endpoint, lambda _: list_lmstudio_models())


def _vllm_routes(state: SimulatorState) -> Iterator[Route]:
    endpoint = _make_endpoint(Vendor.VLLM, state)
    yield Route("/vllm/v1/chat/completions", endpoint.complete, methods=["POST"])
    yield Route("/vllm/v1/embeddings", endpoint.embed, methods=["POST"])
    yield Route("/vllm/v1/rerank", endpoint.rank, methods=["POST"])
    yield _describe("/vllm/v1/models", endpoint, lambda _: list_vllm_models())
    yield _describe("/vllm/version", endpoint, lambda _: {"version": VLLM_VERSION})


def _mlx_routes(state: SimulatorState) -> Iterator[Route]:
    endpoint = VendorEndpoint(_make_format(Vendor.MLX), state, is_keyless=True)
    names = [model.name for model in MLX_MODELS]
    yield Route("/mlx/v1/chat/completions", endpoint.complete, methods=["POST"])
    yield _describe("/mlx/v1/models", endpoint, lambda _: build_list(names, "simulated"))


def _make_endpoint(vendor: Vendor, state: SimulatorState) -> VendorEndpoint:
    return VendorEndpoint(
        _make_format(vendor),
        state,
        embeddings=OPENAI_EMBEDDINGS,
        rankings=JINA_RANKINGS if vendor is Vendor.VLLM else None,
        is_keyless=True,
    )


def _make_format(vendor: Vendor) -> ChatCompletionsFormat:
    return ChatCompletionsFormat(next(each for each in DIALECTS if each.vendor is vendor))


def _describe(path: str, endpoint: VendorEndpoint, build: Build, *, method: str = "GET") -> Route:
    async def describe(request: Request) -> Response:
        return await endpoint.describe(request, build)

    return Route(path, describe, methods=[method])


async def _pace_lines(
    lines: Iterator[dict[str, JsonValue]], *, seconds: float
) -> AsyncIterator[bytes]:
    for line in lines:
        await asyncio.sleep(seconds)
        yield dump_json(line) + b"\n"
