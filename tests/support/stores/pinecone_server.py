"""A server that answers pinecone 10.2's requests from memory.

Its paths and bodies are those that the client sends and reads: POST /describe_index_stats,
/vectors/upsert, /vectors/delete and /query at an index's host, with the header `api-key`
(pinecone/async_client/async_index.py, and models/vectors for the answers); GET /indexes/NAME
(async_client/indexes.py, models/indexes).
"""

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.stores.serving import serving

KEY = "a-key-of-ours"
Stored = dict[str, tuple[list[float], Mapping[str, Any]]]


@dataclass(slots=True)
class PineconeServer:
    """Namespaces of vectors, and what it is told to do wrong."""

    dimension: int = 4
    metric: str = "cosine"
    url: str = ""
    namespaces: dict[str, Stored] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    status: int = 200
    """Status of all answers."""
    answer: object = None
    """The answer to queries, in place of matches."""
    is_silent: bool = False
    schema: dict[str, Any] | None = None
    """The fields of the index; by default those of an index of vectors."""

    def count(self, owner: str) -> int:
        """Return how many vectors an owner has."""
        return len(self.namespaces.get(owner, {}))

    def lose(self) -> None:
        """Lose all vectors."""
        self.namespaces.clear()

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        body = await request.json()
        self.requests.append((request.url.path, body))
        if self.is_silent:
            await asyncio.Event().wait()
        if request.headers.get("api-key") != KEY:
            return JSONResponse({"message": "Invalid API Key"}, 401)
        if self.status != 200:
            return JSONResponse({"code": 13, "message": "told to fail"}, self.status)
        name = body.get("namespace", "")
        match request.url.path:
            case "/describe_index_stats":
                return JSONResponse(self._describe())
            case "/vectors/upsert":
                return self._upsert(name, body["vectors"])
            case "/vectors/delete":
                return self._delete(name, body)
            case "/query":
                found = self._query(name, body) if self.answer is None else self.answer
                return JSONResponse(found)
        return JSONResponse({}, 404)

    async def show_index(self, request: Request) -> Response:
        """Describe the index, as the control plane does: GET /indexes/{name}."""
        values = {"type": "dense_vector", "dimension": self.dimension, "metric": self.metric}
        shown = {
            "name": request.path_params["name"],
            "host": self.url,
            "status": {"ready": True, "state": "Ready"},
            "schema": {"fields": self.schema or {"_values": values}},
            "deployment": {
                "deployment_type": "managed", "environment": "here", "cloud": "aws",
                "region": "us-east-1",
            },
            "deletion_protection": "disabled",
        }  # fmt: skip
        return JSONResponse(shown)

    def _describe(self) -> dict[str, Any]:
        return {
            "dimension": self.dimension,
            "metric": self.metric,
            "namespaces": {
                name: {"vectorCount": len(those)} for name, those in self.namespaces.items()
            },
            "totalVectorCount": sum(map(len, self.namespaces.values())),
            "indexFullness": 0,
        }

    def _upsert(self, name: str, vectors: list[dict[str, Any]]) -> Response:
        for each in vectors:
            if len(each["values"]) != self.dimension:
                return JSONResponse({"code": 3, "message": "Vector dimension mismatch"}, 400)
            self.namespaces.setdefault(name, {})[each["id"]] = (each["values"], each["metadata"])
        return JSONResponse({"upsertedCount": len(vectors)})

    def _delete(self, name: str, body: dict[str, Any]) -> Response:
        if name not in self.namespaces:
            return JSONResponse({"code": 5, "message": "Namespace not found"}, 404)
        if body.get("deleteAll"):
            del self.namespaces[name]
        for each in body.get("ids", ()):
            self.namespaces[name].pop(each, None)
        return JSONResponse({})

    def _query(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        wanted = {key: rule["$eq"] for key, rule in body.get("filter", {}).items()}
        matches = [
            {"id": id_, "score": get_cosine(values, body["vector"]), "values": []}
            for id_, (values, metadata) in self.namespaces.get(name, {}).items()
            if wanted.items() <= metadata.items()
        ]
        matches.sort(key=lambda each: -float(str(each["score"])))
        return {
            "matches": matches[: body["topK"]],
            "namespace": name,
            "usage": {"readUnits": 1},
        }


def get_cosine(one: list[float], other: list[float]) -> float:
    """Return the cosine of the angle between two vectors."""
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return product / ((math.hypot(*one) * math.hypot(*other)) or 1.0)


@asynccontextmanager
async def pinecone_server(**fields: Any) -> AsyncIterator[PineconeServer]:
    """Run a server of one index."""
    server = PineconeServer(**fields)
    app = Starlette(
        routes=[
            Route("/indexes/{name}", server.show_index),
            Route("/{path:path}", server.handle, methods=["POST"]),
        ]
    )
    async with serving(app) as url:
        server.url = url
        yield server
