"""The check of the outer index of memory."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from cogo.config.context import Project
from cogo.doctor.check import Check, missing, note, ok
from cogo.errors import SettingInvalid

_SECONDS: Final = 10.0


async def check_memory_index(project: Project) -> AsyncIterator[Check]:
    """Check that the outer index of memory answers; yield nothing if none is named."""
    name = "index of memory"
    try:
        # Imported late, so that the doctor can report a foreign package `agents`.
        from agents.memory.index import IndexUnavailable  # noqa: PLC0415
        from cogo.wiring.memory import open_vector_index  # noqa: PLC0415
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
        detail, _, fix = str(error).partition(": pip install ")
        yield note(
            name,
            f"{detail}; searches of memory go on without it",
            f"pip install {fix}" if fix else "check its key, its address and its name",
        )
