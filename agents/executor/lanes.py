"""The lanes of an executor: what it serves, and what it can claim without making it wait."""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from loguru import logger

from agents.runtime.health import Health
from providers.router import Router

PROBE_EVERY: Final = timedelta(seconds=30)
"""Give or take a fifth: how often new keys and the model servers of this machine are looked for."""
DOUBT: Final = timedelta(seconds=2)
"""How soon again when one of them is missing, or its connection failed."""

SERVES_NOTHING: Final = (
    "no model can be served: no provider's key and no local model server was found. Set a key, "
    "such as ANTHROPIC_API_KEY, in the environment or in .env (`cogo doctor` lists what is set), "
    f"or start Ollama or LM Studio; both are looked for every {PROBE_EVERY.seconds} s. "
    "Without any model, `cogo up --simulate` answers."
)


class Lanes:
    """Opens adapters ahead of their first call, and notices keys and servers that come and go.

    A lane is served as soon as the router knows it, which is what others are told; it is claimed
    when its adapter is open, or cannot be opened, which the attempt then explains. Work that is
    claimed before would wait for imports while another executor could do it.
    """

    def __init__(
        self,
        router: Router,
        *,
        on_change: Callable[[], None],
        jitter: random.Random,
        health: Health,
        probes: bool,
        probe_every: timedelta = PROBE_EVERY,
        recheck_after: timedelta = DOUBT,
    ) -> None:
        """`on_change` is called when there is more to claim. `probes`: look for what is new.

        `health` hears whether anything is served at all.
        """
        self._router = router
        self._on_change = on_change
        self._jitter = jitter
        self._health = health
        self._probes = probes
        self._probe_every = probe_every.total_seconds()
        self._doubt = recheck_after.total_seconds()
        self._failed: set[str] = set()
        self._doubted = asyncio.Event()
        self._tell_health()

    def served(self) -> list[str]:
        """All lanes that can be stamped for this executor."""
        return self._router.list_lanes()

    def claimable(self) -> list[str]:
        """The lanes whose first call can begin at once."""
        is_open = self._router.is_open
        return [lane for lane in self.served() if lane in self._failed or is_open(lane)]

    def recheck_soon(self) -> None:
        """Look for the model servers soon: one of them could not be reached."""
        self._doubted.set()

    async def run(self) -> None:
        """Open and look until cancelled."""
        await self._open_all()
        pause = self._probe_every
        while self._probes:
            await self._rest(pause * self._jitter.uniform(0.8, 1.2))
            pause = self._doubt if await self._look() else self._probe_every
        await asyncio.Event().wait()

    async def _rest(self, seconds: float) -> None:
        """Wait; a doubt ends it, but a server that refuses everything is not asked all the time."""
        try:
            async with asyncio.timeout(seconds):
                await self._doubted.wait()
        except TimeoutError:
            return
        await asyncio.sleep(min(self._doubt, seconds))

    async def _look(self) -> bool:
        """Look once; tell whether a lane is missing that was there before."""
        self._doubted.clear()
        before = set(self.served())
        await self._router.keyring.refresh()
        await self._router.discover()
        now = set(self.served())
        self._tell_health()
        if now != before:
            logger.info("served lanes changed", new=sorted(now - before), gone=sorted(before - now))
            self._failed &= now
            await self._open_all()
        return bool(before - now)

    def _tell_health(self) -> None:
        self._health.serves_nothing = None if self.served() else SERVES_NOTHING

    async def _open_all(self) -> None:
        for lane in self.served():
            if self._router.is_open(lane) or lane in self._failed:
                continue
            try:
                await self._router.open(lane)
            except Exception as error:  # the attempt that meets it again turns it into its outcome
                logger.debug("a provider could not be opened", lane=lane, error=repr(error))
                self._failed.add(lane)
            self._on_change()
