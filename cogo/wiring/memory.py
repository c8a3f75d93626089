"""What memory has outside the database, and documents from files and requests, cut into chunks."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from agents.memory.chunking import cut_into_chunks, find_text_kind
from agents.memory.conversation.redis_copy import TIMEOUT_SECONDS, RedisUnavailable
from agents.memory.index import name_install
from agents.memory.index_sync import sync_index_regularly
from agents.memory.models import choose_memory_model
from agents.memory.pinecone import PineconeIndex
from agents.memory.weaviate import WeaviateIndex
from agents.tools.own.text_process import TextTaskFailed, extract_text
from cogo.config.connection import Connection
from cogo.config.context import Project
from cogo.config.logging import hide_in_logs
from cogo.config.secrets import SecretSources
from cogo.config.sections.memory import find_memory_settings
from cogo.config.settings import Settings
from cogo.errors import SettingInvalid
from cogo.wiring.stores import open_supabase_store
from protocol.errors import InvalidArgument
from protocol.json_values import repair_surrogates
from protocol.records.agents import list_embedding_models
from protocol.records.memory import CutDocument, NewChunk
from protocol.store.queue import QueueStore
from providers.catalogue.catalogue import Catalogue

if TYPE_CHECKING:
    from redis.asyncio import Redis

OuterIndex: TypeAlias = PineconeIndex | WeaviateIndex
_SETTING: Final = "[memory] index"
_REDIS_EXAMPLE: Final = "redis://localhost:6379/0, or rediss://USER:PASSWORD@HOST:6380/0 for TLS"
_CLOSE_SECONDS: Final = 2.0


def build_vector_index(project: Project) -> OuterIndex | None:
    """Return the outer index of memory, or None if vectors are in Postgres alone.

    Nothing is sent yet. Raises SettingInvalid.
    """
    name = find_memory_settings(project).index
    if name is None:
        return None
    build = _INDEXES.get(name)
    if build is None:
        known = " and ".join(_INDEXES)
        raise SettingInvalid(
            _SETTING, reason=f"there is no index {name[:100]!r}; there are {known}"
        )
    sources = SecretSources(partial(Settings.load, project.directory))
    for variable in ("PINECONE_API_KEY", "WEAVIATE_API_KEY"):
        hide_in_logs(each.get_secret_value() for each in sources.keys(variable))
    return build(sources)


@asynccontextmanager
async def open_vector_index(project: Project) -> AsyncIterator[OuterIndex | None]:
    """Yield the outer index of memory, if any, and close it. Raises SettingInvalid."""
    index = build_vector_index(project)
    try:
        yield index
    finally:
        if index is not None:
            await index.close()


@asynccontextmanager
async def sync_vector_index(
    project: Project, connection: Connection, agent_id: str
) -> AsyncIterator[None]:
    """Bring changes of memory to its outer index, if any, during the block.

    Raises SettingInvalid.
    """
    async with open_vector_index(project) as index:
        if index is None:
            yield
            return
        async with open_supabase_store(connection) as store, asyncio.TaskGroup() as group:
            syncing = group.create_task(sync_index_regularly(store, index, agent_id=agent_id))
            try:
                yield
            finally:
                syncing.cancel()


def _build_pinecone(sources: SecretSources) -> PineconeIndex:
    return PineconeIndex(
        api_key=_find_key(sources, "PINECONE_API_KEY"), index=_find(sources, "PINECONE_INDEX")
    )


def _build_weaviate(sources: SecretSources) -> WeaviateIndex:
    return WeaviateIndex(
        url=_find(sources, "WEAVIATE_URL"),
        api_key=next((each.get_secret_value() for each in sources.keys("WEAVIATE_API_KEY")), None),
        grpc_url=sources.settings.value("WEAVIATE_GRPC_URL"),
    )


_INDEXES: Final[dict[str, Callable[[SecretSources], OuterIndex]]] = {
    "pinecone": _build_pinecone,
    "weaviate": _build_weaviate,
}


def _find(sources: SecretSources, variable: str) -> str:
    """Return the value of a variable. Raises SettingInvalid."""
    value = sources.settings.value(variable)
    if value is None:
        raise SettingInvalid(variable, reason=f"{_SETTING} needs it")
    return value


def _find_key(sources: SecretSources, variable: str) -> str:
    """Return the first key of a variable. Raises SettingInvalid."""
    keys = sources.keys(variable)
    if not keys:
        raise SettingInvalid(variable, reason=f"{_SETTING} needs it")
    return keys[0].get_secret_value()


class OfficialRedis:
    """The commands of `agents.memory.conversation.redis_copy.RedisCommands`."""

    def __init__(self, client: "Redis") -> None:
        self._client = client

    async def read(self, key: str, most: int) -> bytes:
        """Return at most so many bytes of a value; b"" if there is none."""
        with _translate_errors():
            try:
                return cast("bytes", await self._client.getrange(key, 0, most - 1))
            except Exception as error:
                if "WRONGTYPE" in str(error):
                    return b""  # written by another program; the next write replaces it
                raise

    async def write(self, key: str, value: bytes, seconds: int) -> None:
        """Set a value that is deleted after a time; whatever was there before is replaced."""
        with _translate_errors():
            await self._client.set(key, value, ex=seconds)

    async def delete(self, *keys: str) -> None:
        """Delete values without waiting until their memory is free."""
        with _translate_errors():
            await self._client.unlink(*keys)


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Raise RedisUnavailable for what the client raises."""
    from redis.exceptions import RedisError  # noqa: PLC0415 - an extra

    try:
        yield
    except (RedisError, OSError) as error:
        raise RedisUnavailable(f"{type(error).__name__}: {error}") from error


@asynccontextmanager
async def open_redis(project: Project) -> AsyncIterator[OfficialRedis | None]:
    """Open the client, without a connection yet; None without `REDIS_URL`.

    Raises SettingInvalid if the address is wrong or the client is not installed.
    """
    secret = project.settings.redis_url
    if secret is None:
        yield None
        return
    client = build_redis_client(secret.get_secret_value())
    try:
        yield OfficialRedis(client)
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await client.aclose()


def build_redis_client(url: str) -> "Redis":
    """Return a client that waits a fraction of a second, and never tries again by itself."""
    try:
        from redis.asyncio import Redis  # noqa: PLC0415 - an extra
        from redis.asyncio.retry import Retry  # noqa: PLC0415
        from redis.backoff import NoBackoff  # noqa: PLC0415
    except ImportError as error:
        raise SettingInvalid(
            "REDIS_URL", reason=f"the client is not installed: {name_install('redis>=8,<9')}"
        ) from error
    try:
        return Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError as error:
        raise SettingInvalid(
            "REDIS_URL", reason=f"it is no address such as {_REDIS_EXAMPLE}"
        ) from error


MAX_DOCUMENT_BYTES: Final = 20 * 1024 * 1024
MAX_CHUNKS: Final = 50_000
_PAGES: Final = (".html", ".htm", ".xhtml")
_BYTE_ORDERS: Final = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_TITLE: Final = 200


async def cut_document(content: bytes, name: str) -> CutDocument:
    """Return a document in chunks; the end of its name says what it is. Raises InvalidArgument."""
    title: str | None = None
    if len(content) > MAX_DOCUMENT_BYTES:
        raise InvalidArgument(
            f"it has {len(content):,} bytes, and a document may have {MAX_DOCUMENT_BYTES:,}",
            hint="split it",
        )
    if PurePath(name).suffix.lower() in _PAGES:
        try:
            title, text = await extract_text(content, charset=None, url="")
        except TextTaskFailed as error:
            raise InvalidArgument(f"its text cannot be extracted: {error}") from error
    else:
        text = _decode(content)
    chunks = await asyncio.to_thread(cut_into_chunks, text, find_text_kind(name))
    if not chunks:
        raise InvalidArgument("there is no text in it")
    if len(chunks) > MAX_CHUNKS:
        raise InvalidArgument(f"it has {len(chunks):,} chunks, and may have {MAX_CHUNKS:,}")
    return CutDocument(
        title=(title or _find_title(chunks[0].heading, name))[:_TITLE],
        sha256=hashlib.sha256(content).hexdigest(),
        characters=len(text),
        chunks=[
            NewChunk(content=each.content, heading=each.heading, start=each.start, end=each.end)
            for each in chunks
        ],
    )


def _decode(content: bytes) -> str:
    """Return the text of a file. Raises InvalidArgument."""
    if content.startswith(b"%PDF"):
        raise InvalidArgument(
            "it is a PDF, which is not read", hint="`pdftotext FILE.pdf FILE.txt` makes it a text"
        )
    encoding = _BYTE_ORDERS.get(content[:2], "utf-8-sig")
    if encoding == "utf-8-sig" and b"\0" in content:
        raise InvalidArgument("it is no text: it contains bytes that are 0")
    try:
        return repair_surrogates(content.decode(encoding)).replace("\0", "\ufffd")
    except UnicodeDecodeError as error:
        raise InvalidArgument(
            f"it is no text in UTF-8 (byte {error.start:,})",
            hint="`iconv -t UTF-8` converts other encodings",
        ) from error


def _find_title(heading: str | None, name: str) -> str:
    return (heading or "").partition(" > ")[0] or PurePath(name).name


class LocalMemoryServices:
    """Cuts documents, and finds the model of memory as agents do."""

    def __init__(self, project: Project, catalogue: Catalogue, store: QueueStore) -> None:
        self._named = find_memory_settings(project).model
        self._catalogue = catalogue
        self._store = store

    async def cut_document(self, content: bytes, name: str) -> CutDocument:
        """Return a document in chunks. Raises InvalidArgument."""
        return await cut_document(content, name)

    async def find_model(self) -> tuple[str | None, str | None]:
        """Return the embedding model of memory, or None and why there is none."""
        served = list_embedding_models(await self._store.fetch_agents())
        model = choose_memory_model(self._named, self._catalogue, served)
        return model.id, model.problem
