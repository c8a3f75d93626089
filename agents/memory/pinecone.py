"""Vectors of memory in Pinecone: a namespace an owner, in an index of vectors that is there.

By the official client: https://sdk.pinecone.io/python/ (extra `pinecone`).
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from loguru import logger

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
    from pinecone import AsyncIndex, AsyncPinecone

REQUEST_SECONDS: Final = 10.0
"""For one attempt of a request, which the client repeats; a search gives up earlier."""
_FLOATS_PER_REQUEST: Final = 100_000
"""About a megabyte as JSON, of the two that a request may have."""
_MOST_VECTORS: Final = 200
_MOST_IDS: Final = 1_000
_METRIC: Final = "cosine"
_VALUES: Final = "_values"
"""The only field in the schema of an index of plain vectors."""
_MODEL: Final = "model"
"""The metadata that names the model of a vector."""


class PineconeIndex:
    """The `VectorIndex` of a Pinecone index with dense vectors and the metric cosine.

    Use it in one event loop. The client is imported and opened by the first call.
    """

    def __init__(self, *, api_key: str, index: str, control_host: str | None = None) -> None:
        """Name an index by its name, or by its host."""
        self._api_key = api_key
        self._index = index
        self._control_host = control_host
        self._opening = asyncio.Lock()
        self._opened: tuple[AsyncIndex, int] | None = None
        self._stack = AsyncExitStack()
        self._unfit: set[str] = set()

    @property
    def name(self) -> str:
        """Return the name under which the database keeps what it has not heard of yet."""
        return f"pinecone:{self._index.removeprefix('https://').removeprefix('http://')}"

    async def upsert(self, owner: UUID | None, items: Sequence[VectorItem]) -> None:
        """Insert vectors; those of other dimensions than the index has are left out."""
        async with self._open() as (index, dimensions):
            fitting = [each for each in items if len(each.vector) == dimensions]
            if len(fitting) < len(items):
                await self._leave_out(owner, items, dimensions)
            size = max(1, min(_MOST_VECTORS, _FLOATS_PER_REQUEST // dimensions))
            for start in range(0, len(fitting), size):
                await index.upsert(
                    vectors=[
                        {
                            "id": str(each.id),
                            "values": list(each.vector),
                            "metadata": {_MODEL: each.model_id},
                        }
                        for each in fitting[start : start + size]
                    ],
                    namespace=name_owner(owner),
                )

    async def query(
        self, owner: UUID | None, vector: Sequence[float], limit: int, *, model_id: str
    ) -> Sequence[VectorMatch]:
        """Return the nearest vectors of a model, nearest first."""
        async with self._open() as (index, dimensions):
            if len(vector) != dimensions:
                raise IndexUnavailable(
                    f"it has vectors of {dimensions} dimensions, and {model_id} makes "
                    f"{len(vector)}: create an index for this model"
                )
            found = await index.query(
                top_k=limit,
                vector=list(vector),
                namespace=name_owner(owner),
                filter={_MODEL: {"$eq": model_id}},
            )
            return read_matches((each.id, each.score) for each in found.matches)[:limit]

    async def delete(self, owner: UUID | None, ids: Sequence[UUID]) -> None:
        """Delete vectors; those that are not there are no error."""
        async with self._open() as (index, _):
            for start in range(0, len(ids), _MOST_IDS):
                await _delete(
                    index,
                    ids=[str(each) for each in ids[start : start + _MOST_IDS]],
                    namespace=name_owner(owner),
                )

    async def delete_owner(self, owner: UUID | None) -> None:
        """Delete the namespace of an owner."""
        async with self._open() as (index, _):
            await _delete(index, delete_all=True, namespace=name_owner(owner))

    async def describe(self) -> str:
        """Return what is there, of all owners."""
        async with self._open() as (index, dimensions):
            stats = await index.describe_index_stats()
            return (
                f"{stats.total_vector_count:,} vectors of {dimensions:,} dimensions in "
                f"{len(stats.namespaces):,} namespaces"
            )

    async def close(self) -> None:
        """Close the connections."""
        self._opened = None
        await self._stack.aclose()

    async def _leave_out(
        self, owner: UUID | None, items: Sequence[VectorItem], dimensions: int
    ) -> None:
        """Forget earlier vectors of memories whose new ones do not fit, and say so once."""
        unfit = [each for each in items if len(each.vector) != dimensions]
        await self.delete(owner, [each.id for each in unfit])
        for model in {each.model_id for each in unfit} - self._unfit:
            self._unfit.add(model)
            logger.warning(
                "vectors of other dimensions stay out of the index",
                index=self.name,
                dimensions=dimensions,
                model=model,
            )

    @asynccontextmanager
    async def _open(self) -> "AsyncIterator[tuple[AsyncIndex, int]]":
        """Yield the index and its dimensions; raise IndexUnavailable for all that goes wrong."""
        connect = await asyncio.to_thread(_import_client)
        from pinecone import PineconeError  # noqa: PLC0415  an extra

        with explain_failures(PineconeError):
            async with asyncio.timeout(CALL_SECONDS):
                async with self._opening:
                    if self._opened is None:
                        self._opened = await self._connect(connect)
                yield self._opened

    async def _connect(self, connect: Any) -> "tuple[AsyncIndex, int]":
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(connect(self._api_key, self._control_host))
            is_host = "." in self._index or "://" in self._index
            host = self._index if is_host else await _find_host(client, self._index)
            found = await client.index(host=host)
            index: AsyncIndex = await stack.enter_async_context(found)
            stats = await index.describe_index_stats()
            if stats.dimension is None or stats.metric not in {None, _METRIC}:
                raise IndexUnavailable(
                    f"the index {self._index} is not for memory: create one of dense vectors "
                    f"with the metric {_METRIC} (it has {stats.dimension} dimensions, "
                    f"{stats.metric})"
                )
            self._stack.push_async_exit(stack.pop_all())
            return index, stats.dimension


async def _find_host(client: "AsyncPinecone", name: str) -> str:
    """Return where an index is; raise IndexUnavailable for one that stores no plain vectors."""
    described = await client.indexes.describe(name)
    fields = [*described.schema.fields]
    if fields != [_VALUES]:
        raise IndexUnavailable(
            f"the index {name} is not for memory, as it has a schema for documents "
            f"({', '.join(fields)[:100] or 'no fields'}): create one of dense vectors, by its "
            f"dimension and the metric {_METRIC}"
        )
    if described.host is None:
        raise IndexUnavailable(f"the index {name} is not ready yet")
    return described.host


async def _delete(index: "AsyncIndex", **what: Any) -> None:
    """Delete in a namespace, which is not there before its first vector."""
    from pinecone import NotFoundError  # noqa: PLC0415  an extra

    try:
        await index.delete(**what)
    except NotFoundError:
        return


def _import_client() -> Any:
    """Return what opens a client; raise IndexUnavailable if it is not installed."""
    try:
        from pinecone import AsyncPinecone  # noqa: PLC0415  an extra, and large
    except ImportError as error:
        raise IndexUnavailable(
            f"the client of Pinecone is not installed: {name_install('pinecone>=10.2,<11')}"
        ) from error

    def connect(api_key: str, control_host: str | None) -> AsyncPinecone:
        return AsyncPinecone(
            api_key=api_key,
            host=control_host,
            timeout=REQUEST_SECONDS,
            source_tag="cogo",
        )

    return connect
