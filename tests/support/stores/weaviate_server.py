"""A server that answers weaviate-client 4.23's requests from memory.

Its REST paths are those that the client sends with an API key (/v1/meta, /v1/schema and its
tenants); its gRPC is the client's own (weaviate/proto/v1): Health, Search, BatchObjects,
BatchDelete. The settings of an index that a server fills in are those that the client reads
(weaviate/collections/classes/config_methods.py).
"""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import grpc  # type: ignore[import-untyped]
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from weaviate.proto.v1 import (
    batch_delete_pb2,
    batch_pb2,
    health_weaviate_pb2,
    search_get_pb2,
    weaviate_pb2_grpc,
)

from tests.support.stores.pinecone_server import KEY, get_cosine
from tests.support.stores.serving import serving

_DEFAULTS = {
    "skip": False,
    "cleanupIntervalSeconds": 300,
    "maxConnections": 32,
    "efConstruction": 128,
    "ef": -1,
    "dynamicEfMin": 100,
    "dynamicEfMax": 500,
    "dynamicEfFactor": 8,
    "vectorCacheMaxObjects": 1_000_000_000_000,
    "flatSearchCutoff": 40_000,
}
_HEALTHY = "SERVING"


@dataclass(slots=True)
class WeaviateServer:
    """Collections of tenants of vectors, and what it is told to do wrong."""

    url: str = ""
    grpc_url: str = ""
    schema: dict[str, dict[str, Any]] = field(default_factory=dict)
    tenants: dict[str, dict[str, dict[str, list[float]]]] = field(default_factory=dict)
    """Vectors by collection, tenant and id."""
    requests: list[tuple[str, Any]] = field(default_factory=list)
    is_failing: bool = False
    is_silent: bool = False
    answer: Any = None
    """The answer to searches, in place of what is found."""

    def count(self, owner: str) -> int:
        """Return how many vectors an owner has, of all models."""
        return sum(len(those.get(owner, {})) for those in self.tenants.values())

    def lose(self) -> None:
        """Lose all vectors."""
        for each in self.tenants.values():
            each.clear()

    async def handle(self, request: Request) -> Response:
        """Answer one request of REST."""
        body = await request.body()
        self.requests.append((f"{request.method} {request.url.path}", body.decode()))
        if self.is_silent:
            await asyncio.Event().wait()
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return JSONResponse({"error": [{"message": "unauthorized"}]}, 401)
        if self.is_failing:
            return JSONResponse({"error": [{"message": "told to fail"}]}, 500)
        return await self._answer(request)

    async def _answer(self, request: Request) -> Response:
        match [*request.url.path.removeprefix("/v1/").split("/"), request.method]:
            case ["meta", "GET"]:
                return JSONResponse({"version": "1.34.0", "hostname": "http://here", "modules": {}})
            case ["schema", "GET"]:
                return JSONResponse({"classes": [*self.schema.values()]})
            case ["schema", "POST"]:
                return self._create(await request.json())
            case ["schema", name, "GET"] if name in self.schema:
                return JSONResponse(self.schema[name])
            case ["schema", name, "tenants", tenant, "GET"] if tenant in self.tenants[name]:
                return JSONResponse({"name": tenant, "activityStatus": "ACTIVE"})
            case ["schema", name, "tenants", "DELETE"]:
                for each in await request.json():
                    self.tenants[name].pop(each, None)
                return Response()
        return Response(status_code=404)

    def _create(self, config: dict[str, Any]) -> Response:
        name = config["class"]
        if name in self.schema:
            return JSONResponse({"error": [{"message": "class name already exists"}]}, 422)
        assert config["multiTenancyConfig"]["enabled"], "without it owners would share"
        index = config["vectorConfig"]["default"]["vectorIndexConfig"]
        config["vectorConfig"]["default"]["vectorIndexConfig"] = _DEFAULTS | index
        self.schema[name] = config | {"properties": []}
        self.tenants[name] = {}
        return JSONResponse(self.schema[name])


class _Grpc(weaviate_pb2_grpc.WeaviateServicer):
    def __init__(self, server: WeaviateServer) -> None:
        self._server = server

    async def BatchObjects(self, asked: Any, context: Any) -> Any:  # noqa: N802  of the service
        await self._begin("BatchObjects", asked, context)
        errors = []
        for place, each in enumerate(asked.objects):
            size = len(each.vector_bytes) // 4
            vector = list(struct.unpack(f"<{size}f", each.vector_bytes))
            those = self._server.tenants[each.collection].setdefault(each.tenant, {})
            if those and len(next(iter(those.values()))) != size:
                error = "new node has a vector with length other than those of the index"
                errors.append(batch_pb2.BatchObjectsReply.BatchError(index=place, error=error))
            else:
                those[each.uuid] = vector
        return batch_pb2.BatchObjectsReply(errors=errors)

    async def BatchDelete(self, asked: Any, context: Any) -> Any:  # noqa: N802
        await self._begin("BatchDelete", asked, context)
        those = await self._find_tenant(asked, context)
        found = [those.pop(each, None) for each in asked.filters.value_text_array.values]
        return batch_delete_pb2.BatchDeleteReply(successful=sum(each is not None for each in found))

    async def Search(self, asked: Any, context: Any) -> Any:  # noqa: N802
        await self._begin("Search", asked, context)
        if self._server.answer is not None:
            return self._server.answer
        those = await self._find_tenant(asked, context)
        given = asked.near_vector.vectors[0].vector_bytes if asked.near_vector.vectors else b""
        data = given or asked.near_vector.vector_bytes
        wanted = list(struct.unpack(f"<{len(data) // 4}f", data))
        near = sorted((1 - get_cosine(each, wanted), id_) for id_, each in those.items())
        return build_reply(near[: asked.limit])

    async def _begin(self, name: str, asked: Any, context: Any) -> None:
        self._server.requests.append((name, asked))
        if self._server.is_silent:
            await asyncio.Event().wait()
        if self._server.is_failing:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "told to fail")

    async def _find_tenant(self, asked: Any, context: Any) -> dict[str, list[float]]:
        found = self._server.tenants.get(asked.collection, {}).get(asked.tenant)
        if found is None:
            await context.abort(grpc.StatusCode.UNKNOWN, f'tenant not found: "{asked.tenant}"')
            raise AssertionError("the call was aborted")
        return found


def build_reply(near: list[tuple[float, str]]) -> Any:
    """Return the answer to a search: distances and ids."""
    results = [
        search_get_pb2.SearchResult(
            metadata=search_get_pb2.MetadataResult(
                id=id_, id_as_bytes=UUID(id_).bytes, distance=distance, distance_present=True
            ),
            properties=search_get_pb2.PropertiesResult(),
        )
        for distance, id_ in near
    ]
    return search_get_pb2.SearchReply(results=results)


async def _check_health(asked: Any, context: Any) -> Any:
    del asked, context
    return health_weaviate_pb2.WeaviateHealthCheckResponse(status=_HEALTHY)


@asynccontextmanager
async def weaviate_server() -> AsyncIterator[WeaviateServer]:
    """Run a server without collections."""
    server = WeaviateServer()
    methods = ["GET", "POST", "DELETE"]
    app = Starlette(routes=[Route("/{path:path}", server.handle, methods=methods)])
    rpc = grpc.aio.server()
    weaviate_pb2_grpc.add_WeaviateServicer_to_server(_Grpc(server), rpc)  # type: ignore[no-untyped-call]
    health = grpc.unary_unary_rpc_method_handler(
        _check_health,
        request_deserializer=health_weaviate_pb2.WeaviateHealthCheckRequest.FromString,
        response_serializer=health_weaviate_pb2.WeaviateHealthCheckResponse.SerializeToString,
    )
    named = grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": health})
    rpc.add_generic_rpc_handlers((named,))
    port = rpc.add_insecure_port("127.0.0.1:0")
    await rpc.start()
    try:
        async with serving(app) as url:
            server.url, server.grpc_url = url, f"http://127.0.0.1:{port}"
            yield server
    finally:
        await rpc.stop(None)
