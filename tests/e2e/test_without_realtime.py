"""Without Realtime every task still completes, only later."""

import asyncio
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from protocol.lifecycle import TaskState
from protocol.transport.supabase_store import open_store
from tests.e2e.tasks import ended, outcomes, submitted
from tests.support.servers.command_line import cogo_up
from tests.support.servers.embedded import embedded_server
from tests.support.servers.project import migrate
from tests.support.servers.proxy import refusing_proxy

pytestmark = pytest.mark.e2e


async def test_without_realtime_every_task_completes_only_later(tmp_path: Path) -> None:
    with ExitStack() as stack:
        state = await asyncio.to_thread(stack.enter_context, embedded_server(tmp_path / "server"))
        await migrate(state)
        async with (
            refusing_proxy(state.url, refused_path="/realtime/") as proxy,
            open_store(state.url, state.secret_key) as store,
        ):
            fleet = cogo_up(
                "--simulate",
                home=tmp_path,
                SUPABASE_URL=proxy.url,
                SUPABASE_SECRET_KEY=state.secret_key,
            )
            await asyncio.to_thread(stack.enter_context, fleet)
            started = time.monotonic()
            asked = [
                await submitted(store, "Say it", type="CHAT"),
                await submitted(store, "Say it [[fault:529 times=1]]", type="CHAT"),
                await submitted(store, "Say it", type="UNKNOWN"),
            ]
            found = [await ended(store, task.id) for task in asked]
            print(f"without Realtime: {time.monotonic() - started:.2f} s")

            completed, failed = TaskState.COMPLETED, TaskState.FAILED
            assert [task.status for task in found] == [completed, completed, failed]
            assert await outcomes(store, asked[0].id) == ["completed"]
            assert await outcomes(store, asked[1].id) == ["failed", "completed"]
            assert proxy.refused > 0
            # The fleet drains while the proxy still serves: it has leases to give back.
            await asyncio.to_thread(stack.close)
