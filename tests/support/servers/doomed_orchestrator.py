"""An orchestrator in a process of its own that kills itself at its first completion.

Its first line of input is JSON: url, key and id; with `spares` false it dies before the completion
reaches the database, with `spares` true just after. It says `started` when it can be given that.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

from agents.orchestrator.service import run_orchestrator
from agents.runtime.options import AgentIdentity, RuntimeOptions
from agents.runtime.wakeup import Drain
from agents.workflows.hosting.host import WorkflowHost
from agents.workflows.registry import WORKFLOWS
from protocol.records import RoundTrip
from protocol.store.queue import QueueStore
from protocol.transport.supabase_store import SupabaseStore, open_store
from providers.catalogue.catalogue import Catalogue
from tests.support.agents.fake_bus import FakeBus

OPTIONS = RuntimeOptions(
    lease=timedelta(seconds=2),
    extend_every=timedelta(seconds=0.5),
    poll_busy=timedelta(seconds=0.05),
    poll_idle=timedelta(seconds=0.1),
)


class DoomedStore:
    """A store whose first completion kills the process."""

    def __init__(self, store: SupabaseStore, *, spares: bool) -> None:
        self._store = store
        self._spares = spares

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def complete_and_claim(self, **asked: Any) -> RoundTrip:
        if self._spares:
            await self._store.complete_and_claim(**asked)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("it is dead")


async def main() -> None:
    catalogue = Catalogue.load()
    sys.stdout.write("started\n")
    sys.stdout.flush()
    told = json.loads(await asyncio.to_thread(sys.stdin.readline))

    @asynccontextmanager
    async def open_doomed() -> AsyncIterator[QueueStore]:
        async with open_store(told["url"], told["key"]) as store:
            yield cast("QueueStore", DoomedStore(store, spares=told["spares"]))

    async def serve_nothing() -> list[str]:
        return []

    await run_orchestrator(
        open_store=open_doomed,
        bus=FakeBus(),
        catalogue=catalogue,
        workflows=WorkflowHost(WORKFLOWS),
        lanes=serve_nothing,
        identity=AgentIdentity(
            id=told["id"], kind="orchestrator", host="here", pid=os.getpid(), version="0"
        ),
        options=OPTIONS,
        drain=Drain(),
        on_ready=lambda: None,
    )


if __name__ == "__main__":
    asyncio.run(main())
