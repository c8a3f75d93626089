"""The checks of memory: what waits for a vector, and its outer index."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from cogo.config.context import Project
from cogo.doctor.check import Check, missing, note, ok
from cogo.errors import SettingInvalid
from protocol.errors import CogoError
from protocol.records.agents import list_memory_models
from protocol.records.memory import MemoryStatus
from protocol.store.gateway import GatewayStore

_NAME: Final = "memory"
_FIX: Final = "cogo memory status"
_SECONDS: Final = 10.0


async def check_memory(project: Project, store: GatewayStore) -> AsyncIterator[Check]:
    """Check by which model memory is found, and what waits; yield nothing if it is empty."""
    from cogo.wiring.memory.services import LocalMemoryServices  # noqa: PLC0415 - imports agents

    try:
        status = await store.fetch_memory_status(every_owner=True)
        models = list_memory_models(await store.fetch_agents())
        model = await LocalMemoryServices(project, store).find_model()
    except CogoError as error:
        yield note(_NAME, str(error), "cogo migrate")
        return
    if len({*models.values()}) > 1:
        named = ", ".join(f"{agent}: {each}" for agent, each in models.items())
        yield note(
            _NAME,
            f"orchestrators have different models for it ({named}); the first one embeds",
            "name one for all: [memory] model in cogo.toml, or COGO_MEMORY_MODEL",
        )
    elif models and model.id and model.id not in models.values():
        agent, other = next(iter(models.items()))
        yield note(
            _NAME,
            f"{agent} embeds it with {other}, and the settings here name {model.id}",
            "run this with the environment and the cogo.toml of `cogo up`",
        )
    if status.index_refused:
        detail = f"{status.index_refused:,} changes are refused: {status.index_error}"
        yield note("index of memory", detail, _FIX)
    if status.facts or status.documents:
        yield describe_memory(status, model.id, model.problem)


def describe_memory(status: MemoryStatus, model: str | None, problem: str | None) -> Check:
    """Return by which model memory is found, or what keeps it from being found by meaning."""
    total = f"documents: {status.documents:,}, facts: {status.facts:,}"
    if not status.can_embed:
        return note(_NAME, f"{total}; found by words alone: the database has no pgvector")
    if model is None:
        return note(_NAME, f"{total}; new ones are found by words alone: {problem}", _FIX)
    if status.failed:
        last = f"the last one: {status.last_error}"
        return note(_NAME, f"{status.failed:,} texts got no vector of {model}; {last}", _FIX)
    waiting = f", {status.waiting:,} texts wait" if status.waiting else ""
    return ok(_NAME, f"{total}; found by meaning with {model}{waiting}")


async def check_redis(project: Project) -> AsyncIterator[Check]:
    """Check that Redis answers; yield nothing if none is named."""
    if project.settings.redis_url is None:
        return
    try:
        # Imported late, so that the doctor can report a foreign package `agents`.
        from agents.memory.conversation.redis_copy import RedisUnavailable  # noqa: PLC0415
        from cogo.wiring.memory.conversation_copy import open_redis  # noqa: PLC0415
    except ImportError:
        return
    try:
        async with open_redis(project) as redis:
            if redis is not None:
                await redis.read("cogo:doctor", 1)
    except SettingInvalid as error:
        yield missing("redis", str(error), "correct it, or unset REDIS_URL")
    except RedisUnavailable as error:
        yield note(
            "redis",
            f"it does not answer ({error}); conversations are read from Postgres meanwhile",
            "start it, or correct REDIS_URL",
        )
    else:
        yield ok("redis", "it answers; conversations are copied there")


async def check_memory_index(project: Project) -> AsyncIterator[Check]:
    """Check that the outer index of memory answers; yield nothing if none is named."""
    name = "index of memory"
    try:
        # Imported late, so that the doctor can report a foreign package `agents`.
        from agents.memory.index import IndexUnavailable  # noqa: PLC0415
        from cogo.wiring.memory.index import open_vector_index  # noqa: PLC0415
    except ImportError:
        return
    try:
        async with open_vector_index(project) as index:
            if index is None:
                return
            name = index.name
            async with asyncio.timeout(_SECONDS):
                yield ok(name, await index.describe())
    except SettingInvalid as error:
        yield missing(name, str(error), "set it, or remove index from [memory] in cogo.toml")
    except TimeoutError:
        yield note(name, "it does not answer; searches of memory go on without it")
    except IndexUnavailable as error:
        detail, is_missing, fix = str(error).partition(" is not installed: ")
        if is_missing:
            detail += " is not installed"
        yield note(
            name,
            f"{detail}; searches of memory go on without it",
            fix or "check its key, its address and its name",
        )
