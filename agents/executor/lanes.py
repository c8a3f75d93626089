"""The lanes of an executor: those that it serves, and those that it can claim from."""

import asyncio
import gc
import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final

from loguru import logger
from pydantic import JsonValue

from agents.runtime.agent import Agent
from agents.runtime.health import Health
from protocol.messages import Envelope
from providers.catalogue.deployment import Deployment
from providers.catalogue.open_models import MOST_REPORTED, OPEN_MODELS_DETAIL, dump_open_model
from providers.errors import UnknownModel
from providers.router import Router

PROBE_EVERY: Final = timedelta(seconds=30)
"""Interval (varied by up to 20 %) of probes for new keys and local model servers."""
REMEMBERED: Final = timedelta(seconds=2)
"""How long lanes and deployments are remembered; a reloaded catalogue counts after that."""
RECHECK_AFTER: Final = timedelta(seconds=2)
"""Interval when one of them disappeared, or its connection failed."""

SERVES_NOTHING: Final = (
    "no model can be served: no provider's key and no local model server was found. Set a key, "
    "such as ANTHROPIC_API_KEY, in the environment or in .env (`cogo doctor` lists what is set), "
    f"or start Ollama or LM Studio; both are probed for every {PROBE_EVERY.seconds} s. "
    "Without any model, `cogo up --simulate` answers."
)


class Lanes:
    """Opens adapters before their first call, and detects new and removed keys and servers.

    A lane is served and announced as soon as the router has it. The executor claims from it once
    its adapter has opened, or has failed to open, which the attempt then reports. Work claimed
    earlier would wait for imports while another executor could do it.
    """

    def __init__(
        self,
        router: Router,
        *,
        on_change: Callable[[], None],
        jitter: random.Random,
        health: Health,
        simulated: bool = False,
        details: dict[str, JsonValue] | None = None,
        probe_every: timedelta = PROBE_EVERY,
        recheck_after: timedelta = RECHECK_AFTER,
    ) -> None:
        """Create the lanes; `on_change` is called when more can be claimed.

        `simulated`: the simulator stands in for all vendors. Keys and servers are not probed for;
        adapters are opened by their first calls, and lanes are claimed before, because their SDKs
        together take 70 MB and a second. `health.serves_nothing` and what `details`
        say of models at servers of the operator are kept up to date.
        """
        self._router = router
        self._on_change = on_change
        self._jitter = jitter
        self._health = health
        self._details = {} if details is None else details
        self._simulated = simulated
        self._probe_every = probe_every.total_seconds()
        self._recheck_after = recheck_after.total_seconds()
        self._failed: set[str] = set()
        self._served: list[str] | None = None
        self._deployments: dict[str, list[Deployment]] = {}
        """By lane. Every claim needs them all, and they change only with keys and servers."""
        self._forgets_at = 0.0
        self._recheck = asyncio.Event()
        self._report()

    def list_served(self) -> list[str]:
        """Return the lanes that this executor serves."""
        if time.monotonic() >= self._forgets_at:
            self._forget()
        if self._served is None:
            self._served = self._router.list_lanes()
        return self._served

    def list_claimable(self) -> list[str]:
        """Return the lanes whose first call can start immediately; all, if none is opened early.

        Subtasks that were stamped before models had names are in lanes of paths.
        """
        is_open = self._router.is_open
        lanes = [*self.list_served(), *self._router.local.list_former_lanes()]
        if self._simulated:
            return lanes
        return [lane for lane in lanes if lane in self._failed or is_open(lane)]

    def get_limit(self, lane: str) -> int | None:
        """Return how many calls of a lane can run at once here; None if it is not served."""
        if time.monotonic() >= self._forgets_at:
            self._forget()
        found = self._deployments.get(lane)
        if found is None:
            try:
                found = self._router.list_deployments(lane)
            except UnknownModel:
                found = []
            self._deployments[lane] = found
        return sum(map(self._router.concurrency.count_slots, found)) or None

    def _forget(self) -> None:
        self._served = None
        self._deployments.clear()
        self._forgets_at = time.monotonic() + REMEMBERED.total_seconds()

    def recheck_soon(self) -> None:
        """Probe the model servers at once, because one of them could not be reached.

        Their addresses are read again, too. Probes in a row have pauses between them.
        """
        self._recheck.set()

    async def run(self) -> None:
        """Open adapters and probe until cancelled."""
        await self._open_all()
        pause = self._probe_every
        while not self._simulated:
            await self._wait(pause * self._jitter.uniform(0.8, 1.2))
            pause = self._recheck_after if await self._probe() else self._probe_every
        await asyncio.Event().wait()

    async def _wait(self, seconds: float) -> None:
        """Wait until `recheck_soon`, and briefly at least, so as not to overload a server."""
        shortest = min(self._recheck_after, seconds)
        await asyncio.sleep(shortest)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds - shortest):
                await self._recheck.wait()

    async def _probe(self) -> bool:
        """Probe once; return whether a lane disappeared."""
        was_asked_for = self._recheck.is_set()
        self._recheck.clear()
        before = set(self.list_served())
        await self._router.keyring.refresh(at_once=was_asked_for)
        await self._router.discover(recheck=was_asked_for)
        self._forget()
        now = set(self.list_served())
        self._report()
        if now != before:
            logger.info("served lanes changed", new=sorted(now - before), gone=sorted(before - now))
            self._failed &= now
        await self._open_all()  # also a server that has the same models at another address
        return bool(before - now)

    def _report(self) -> None:
        """Update what heartbeats and health say of the served models."""
        models = self._router.list_open_models()[:MOST_REPORTED]
        self._details[OPEN_MODELS_DETAIL] = {each.lane: dump_open_model(each) for each in models}
        self._health.serves_nothing = None if self.list_served() else SERVES_NOTHING

    async def _open_all(self) -> None:
        for lane in () if self._simulated else self.list_served():
            if self._router.is_open(lane) or lane in self._failed:
                continue
            try:
                await self._router.open(lane)
            except Exception as error:  # it fails again in the attempt, which reports it
                logger.debug("a provider could not be opened", lane=lane, error=repr(error))
                self._failed.add(lane)
            self._forget()
            self._on_change()
            gc.freeze()  # the SDK stays: no collection during calls needs to search it


def build_lanes(agent: Agent, router: Router) -> Lanes:
    """Return the lanes of an agent."""
    return Lanes(
        router,
        on_change=agent.wakeup.notify,
        jitter=agent.jitter,
        health=agent.health,
        details=agent.details,
        simulated=agent.options.simulated,
    )


def find_queued_lane(message: Envelope, *, is_held: Callable[[str], bool]) -> str | None:
    """Return the lane in which a message says that subtasks are queued.

    '' if the message does not name it, since long params are left out of messages; None if the
    subtask has been claimed here before the message came, and it announces no others.
    """
    subtask_id, stated, params = (
        message.payload.get(name) for name in ("subtask_id", "metadata", "params")
    )
    others = stated.get("queued") if isinstance(stated, dict) else None
    if not others and isinstance(subtask_id, str) and is_held(subtask_id):
        return None
    lane = params.get("model_id") if isinstance(params, dict) else None
    return lane if isinstance(lane, str) else ""
