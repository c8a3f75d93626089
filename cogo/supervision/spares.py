"""A spare: a process with its imports done, which becomes whatever has died."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from loguru import logger

from cogo.errors import ChildFailed
from cogo.supervision.child import Child, Spec

_REFILL_AFTER: Final = timedelta(seconds=2)
"""The imports of the next spare must not compete with the start of what the last one became."""


class Spares:
    """Keeps one spare while `run` runs. A start from it costs no imports: they are most of one."""

    def __init__(self, make_spec: Callable[[], Spec]) -> None:
        self._make_spec = make_spec
        self._warm: Child | None = None
        self._taken = asyncio.Event()

    @property
    def is_warm(self) -> bool:
        """Whether there is one to take."""
        return self._warm is not None

    def take(self, spec: Spec) -> Child | None:
        """Let the spare become what `spec` describes; None when there is none yet.

        Whoever takes it enters it, as any child, and so ends it.
        """
        child, self._warm = self._warm, None
        if child is not None:
            child.become(spec)
            self._taken.set()
        return child

    async def run(self) -> None:
        """Keep one until cancelled; one that was not taken ends with it."""
        while True:
            try:
                await self._keep_one()
            except ChildFailed as error:
                logger.warning("a spare process could not be made", error=str(error))
            await asyncio.sleep(_REFILL_AFTER.total_seconds())

    async def _keep_one(self) -> None:
        """Return when the spare was taken, or has died."""
        self._taken.clear()
        child = Child(self._make_spec())
        await child.__aenter__()
        try:
            await child.ready()
            self._warm = child
            async with asyncio.TaskGroup() as group:
                ended = group.create_task(child.exited(), name="spare ended")
                taken = group.create_task(self._taken.wait(), name="spare taken")
                await asyncio.wait([ended, taken], return_when=asyncio.FIRST_COMPLETED)
                ended.cancel()
                taken.cancel()
        finally:
            # Asked last: between the wait and this line it may have been taken.
            if not self._taken.is_set():
                self._warm = None
                await child.__aexit__(None, None, None)
