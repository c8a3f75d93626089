"""Two people, one of them hostile. The long form is `scripts/attack`."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from embedded.state import State
from tests.support.hostile_rows.attack import Project, run_attack

if TYPE_CHECKING:
    from tests.integration.agents.conftest import Fleet

OpenFleet = Callable[[], AbstractAsyncContextManager["Fleet"]]
BUSY = 30
"""Seconds: how late a task may be is measured where nothing else runs."""


async def test_hostile_rows_hide_nothing_and_cost_nobody_a_lease(
    fleet: OpenFleet, server: State
) -> None:
    async with fleet() as agents:
        await agents.executor("e-1")
        await agents.orchestrator()

        project = Project(
            url=server.url,
            publishable_key=server.publishable_key,
            secret_key=server.secret_key,
        )
        findings = await run_attack(project, rows=60, innocents=4, most_delay=BUSY)

    assert findings == []
