"""Which lanes living executors serve, as far as the database knows."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from loguru import logger

from protocol.errors import CogoError
from protocol.records import AgentRecord

REFRESH_SECONDS = 2.0


class Roll(Protocol):
    """Who is there; every store keeps one."""

    async def fetch_agents(self) -> list[AgentRecord]:
        """Read all agents."""
        ...


class Fleet:
    """The lanes that can be stamped now.

    While no executor is known they are what this process itself could serve: so a plan can be made
    while executors still start.
    """

    def __init__(self, *, store: Roll, own: Callable[[], Awaitable[Sequence[str]]]) -> None:
        self._store = store
        self._own = own
        self.lanes: tuple[str, ...] = ()
        self.is_known = False
        """Whether the lanes are those of living executors."""

    async def run(self) -> None:
        """Refresh until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(REFRESH_SECONDS)

    async def refresh(self) -> None:
        """Ask who is alive; what was known stays when nobody answers."""
        try:
            agents = await self._store.fetch_agents()
        except CogoError as error:
            logger.debug("the fleet could not be asked for", error=str(error))
            return
        living = {lane for agent in agents if agent.serves for lane in agent.lanes}
        self.is_known = bool(living)
        self.lanes = tuple(sorted(living)) if living else tuple(sorted(await self._own()))
