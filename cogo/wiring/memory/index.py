"""The outer index of memory that the settings name, and what keeps it up to date."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, TypeAlias

from agents.memory.index_sync import sync_index_regularly
from agents.memory.pinecone import PineconeIndex
from agents.memory.weaviate import WeaviateIndex
from cogo.config.catalogue import read_data_policy
from cogo.config.connection import Connection
from cogo.config.context import Project
from cogo.config.logging import hide_in_logs
from cogo.config.secrets import SecretSources
from cogo.config.sections.memory import find_memory_settings
from cogo.config.settings import Settings
from cogo.errors import SettingInvalid
from cogo.wiring.stores import open_supabase_store
from providers.catalogue.addresses import find_other_host
from providers.catalogue.data_policy import find_sending_objection

OuterIndex: TypeAlias = PineconeIndex | WeaviateIndex
_SETTING: Final = "[memory] index"


def build_vector_index(project: Project) -> OuterIndex | None:
    """Return the outer index of memory, or None if vectors are in Postgres alone.

    Nothing is sent yet. Raises SettingInvalid.
    """
    name = find_memory_settings(project).index
    if name is None:
        return None
    rules, build = read_data_policy(project.settings), _INDEXES.get(name)
    if build is None:
        known = " and ".join(_INDEXES)
        raise SettingInvalid(
            _SETTING, reason=f"there is no index {name[:100]!r}; there are {known}"
        )
    sources = SecretSources(partial(Settings.load, project.directory))
    place = sources.settings.value("WEAVIATE_URL") if name == "weaviate" else None
    if why := find_sending_objection(rules, name if place is None else find_other_host(place)):
        raise SettingInvalid(_SETTING, reason=f"{name} must not be used: {why}")
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
