"""Vectors of memory in Weaviate: a tenant an owner, in a collection for each model.

By the official client: https://weaviate-python-client.readthedocs.io (extra `weaviate`).
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from agents.memory.index import (
    CALL_SECONDS,
    IndexUnavailable,
    VectorItem,
    VectorMatch,
    explain_failures,
    name_install,
    name_owner,
    read_matches,
)

if TYPE_CHECKING:
    from weaviate import WeaviateAsyncClient
    from weaviate.collections import CollectionAsync

REQUEST_SECONDS: Final = 10
"""For a request; a search gives up earlier."""
PREFIX: Final = "CogoMemory_"
"""Of the names of the collections, followed by a hash of the model."""
_GRPC_PORT: Final = 50051
_SECURE_PORT: Final = 443
_MOST_OBJECTS: Final = 200
_MOST_IDS: Final = 1_000


class WeaviateIndex:
    """The `VectorIndex` of a Weaviate server, whose collections it creates.

    Use it in one event loop. The client is imported and opened by the first call.
    """

    def __init__(self, *, url: str, api_key: str | None, grpc_url: str | None = None) -> None:
        """Name a server by the URL of its REST interface.

        By default gRPC is at `grpc-HOST` of Weaviate's cloud, else at port 50051 of the same host.
        """
        self._url = url if "://" in url else f"https://{url}"
        self._api_key = api_key
        self._grpc_url = grpc_url
        self._opening = asyncio.Lock()
        self._client: WeaviateAsyncClient | None = None
        self._tenants: set[tuple[str, str]] = set()
        """Collections and owners that are known to be there."""

    @property
    def name(self) -> str:
        """Return the name under which the database keeps what it has not heard of yet."""
        return f"weaviate:{urlsplit(self._url).netloc}"

    async def upsert(self, owner: UUID | None, items: Sequence[VectorItem]) -> None:
        """Insert vectors, each in the collection of its model only."""
        by_model: dict[str, list[VectorItem]] = {}
        for item in items:
            by_model.setdefault(item.model_id, []).append(item)
        async with self._open() as client:
            for model, those in by_model.items():
                collection = await self._open_collection(client, model)
                await self._delete(owner, [each.id for each in those], but=collection.name)
                for start in range(0, len(those), _MOST_OBJECTS):
                    await _insert(
                        collection.with_tenant(name_owner(owner)),
                        those[start : start + _MOST_OBJECTS],
                    )

    async def query(
        self, owner: UUID | None, vector: Sequence[float], limit: int, *, model_id: str
    ) -> Sequence[VectorMatch]:
        """Return the nearest vectors of a model, nearest first."""
        async with self._open() as client:
            from weaviate.exceptions import WeaviateBaseError  # noqa: PLC0415  an extra

            collection, tenant = name_collection(model_id), name_owner(owner)
            place, used = (collection, tenant), client.collections.use(collection)
            was_known = place in self._tenants
            if not was_known and not await _has_tenant(client, collection, tenant):
                return []
            self._tenants.add(place)
            try:
                found = await _near(used.with_tenant(tenant), vector, limit)
            except WeaviateBaseError:
                self._tenants.discard(place)  # it may be gone
                if was_known and not await _has_tenant(client, collection, tenant):
                    return []
                raise
            return read_matches(found)[:limit]

    async def delete(self, owner: UUID | None, ids: Sequence[UUID]) -> None:
        """Delete vectors, whatever their model; those that are not there are no error."""
        await self._delete(owner, ids)

    async def delete_owner(self, owner: UUID | None) -> None:
        """Delete the tenant of an owner in the collections of all models."""
        async with self._open() as client:
            tenant = name_owner(owner)
            for name in await _list_collections(client):
                if await _has_tenant(client, name, tenant):
                    await client.collections.use(name).tenants.remove([tenant])

    async def describe(self) -> str:
        """Return what is there, of all owners."""
        async with self._open() as client:
            return f"{len(await _list_collections(client)):,} collections, one a model"

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _delete(
        self, owner: UUID | None, ids: Sequence[UUID], *, but: str | None = None
    ) -> None:
        from weaviate.classes.query import Filter  # noqa: PLC0415  an extra

        async with self._open() as client:
            for name in await _list_collections(client):
                tenant = name_owner(owner)
                if name == but or not await _has_tenant(client, name, tenant):
                    continue
                data = client.collections.use(name).with_tenant(tenant).data
                for start in range(0, len(ids), _MOST_IDS):
                    those = [str(each) for each in ids[start : start + _MOST_IDS]]
                    await data.delete_many(where=Filter.by_id().contains_any(those))

    async def _open_collection(
        self, client: "WeaviateAsyncClient", model: str
    ) -> "CollectionAsync[Any, Any]":
        """Return the collection of a model, which is created if it is missing."""
        from weaviate.classes.config import Configure, VectorDistances  # noqa: PLC0415  an extra
        from weaviate.exceptions import UnexpectedStatusCodeError  # noqa: PLC0415

        name = name_collection(model)
        if not await client.collections.exists(name):
            hnsw = Configure.VectorIndex.hnsw(distance_metric=VectorDistances.COSINE)
            try:
                await client.collections.create(
                    name,
                    description=f"Vectors of {model}, of COGO's memory",
                    multi_tenancy_config=Configure.multi_tenancy(
                        enabled=True, auto_tenant_creation=True, auto_tenant_activation=True
                    ),
                    vector_config=Configure.Vectors.self_provided(vector_index_config=hnsw),
                )
            except UnexpectedStatusCodeError:
                if not await client.collections.exists(name):  # another agent was faster
                    raise
        return client.collections.use(name)

    @asynccontextmanager
    async def _open(self) -> "AsyncIterator[WeaviateAsyncClient]":
        """Yield the client; raise IndexUnavailable for all that goes wrong."""
        await asyncio.to_thread(_import_client)
        from weaviate.exceptions import WeaviateBaseError  # noqa: PLC0415  an extra

        with explain_failures(WeaviateBaseError):
            async with asyncio.timeout(CALL_SECONDS):
                async with self._opening:
                    if self._client is None:
                        self._client = await self._connect()
                yield self._client

    async def _connect(self) -> "WeaviateAsyncClient":
        import weaviate  # noqa: PLC0415  an extra
        from weaviate.classes.init import AdditionalConfig, Timeout  # noqa: PLC0415

        rest, grpc = urlsplit(self._url), urlsplit(self._grpc_url or _find_grpc(self._url))
        is_secure = rest.scheme == "https"
        timeout = Timeout(query=REQUEST_SECONDS, insert=REQUEST_SECONDS, init=REQUEST_SECONDS)
        client = weaviate.use_async_with_custom(
            http_host=rest.hostname or "",
            http_port=rest.port or (_SECURE_PORT if is_secure else 80),
            http_secure=is_secure,
            grpc_host=grpc.hostname or "",
            grpc_port=grpc.port or (_SECURE_PORT if grpc.scheme == "https" else _GRPC_PORT),
            grpc_secure=grpc.scheme == "https",
            auth_credentials=self._api_key,
            additional_config=AdditionalConfig(timeout=timeout),
        )
        try:
            await client.connect()
        except BaseException:
            await client.close()
            raise
        return client


def name_collection(model_id: str) -> str:
    """Return the name of the collection of a model, whose own name may have any character."""
    return PREFIX + hashlib.sha256(model_id.encode()).hexdigest()[:16]


def _find_grpc(url: str) -> str:
    """Return the address of gRPC of a server: in Weaviate's cloud it has a host of its own."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host.endswith(".weaviate.cloud"):
        return f"https://grpc-{host}"
    return f"{parts.scheme}://{host}:{_GRPC_PORT}"


async def _list_collections(client: "WeaviateAsyncClient") -> list[str]:
    return [each for each in await client.collections.list_all() if each.startswith(PREFIX)]


async def _has_tenant(client: "WeaviateAsyncClient", collection: str, tenant: str) -> bool:
    """Return whether an owner has vectors of a model: nobody has before the first."""
    if not await client.collections.exists(collection):
        return False
    return await client.collections.use(collection).tenants.get_by_name(tenant) is not None


async def _insert(collection: "CollectionAsync[Any, Any]", items: Sequence[VectorItem]) -> None:
    from weaviate.classes.data import DataObject  # noqa: PLC0415  an extra

    answer = await collection.data.insert_many(
        [DataObject(properties={}, uuid=each.id, vector=list(each.vector)) for each in items]
    )
    if answer.errors:
        first = next(iter(answer.errors.values()))
        raise IndexUnavailable(f"{len(answer.errors)} vectors were refused: {first.message[:300]}")


async def _near(
    collection: "CollectionAsync[Any, Any]", vector: Sequence[float], limit: int
) -> list[tuple[object, object]]:
    """Return the ids and cosines of the nearest vectors."""
    from weaviate.classes.query import MetadataQuery  # noqa: PLC0415  an extra

    answer = await collection.query.near_vector(
        near_vector=list(vector),
        limit=limit,
        return_metadata=MetadataQuery(distance=True),
        return_properties=[],
    )
    found = ((each.uuid, each.metadata.distance) for each in answer.objects)
    return [(id_, None if distance is None else 1 - distance) for id_, distance in found]


def _import_client() -> None:
    """Import the client, which blocks; raise IndexUnavailable if it is not installed."""
    try:
        import weaviate.exceptions  # noqa: F401, PLC0415  an extra, and large
    except ImportError as error:
        raise IndexUnavailable(
            f"the client of Weaviate is not installed: {name_install('weaviate-client>=4.23,<5')}"
        ) from error
