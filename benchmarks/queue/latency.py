"""Idle COGO: time from an insert to the lease of a notified agent."""

import asyncio
import time
from datetime import timedelta
from typing import Final
from uuid import uuid4

from supabase import AsyncClientOptions, acreate_client

from benchmarks.queue.database import clear, connect
from benchmarks.supabase import Server
from protocol.transport.supabase_store import open_store

_READY_SECONDS: Final = 20.0


async def measure_cogo(server: Server, count: int) -> list[float]:
    """Insert a task, wait for its notification, claim its PLAN over REST; return milliseconds."""
    owner = await connect(server.db_url, "postgres")
    await clear(owner)
    await owner.close()
    options = AsyncClientOptions(auto_refresh_token=False)
    client = await acreate_client(server.url, server.secret_key, options)
    bell, ready = asyncio.Event(), asyncio.Event()
    await client.realtime.set_auth(server.secret_key)
    channel = client.channel(
        "cogo-tasks", {"config": {"private": True, "broadcast": None, "presence": None}}
    )
    channel.on_broadcast("TASK_CREATED", lambda _: bell.set())
    await channel.subscribe(lambda state, _: ready.set() if state.value == "SUBSCRIBED" else None)
    async with asyncio.timeout(_READY_SECONDS):
        await ready.wait()
    samples = []
    async with open_store(server.url, server.secret_key) as store:
        for number in range(count):
            bell.clear()
            inserted_at = time.perf_counter()
            await client.table("cogo_tasks").insert({"prompt": f"bench {number}"}).execute()
            async with asyncio.timeout(_READY_SECONDS):
                await bell.wait()
            leases = await store.claim_subtasks(
                agent_id="bench",
                lanes=["cio"],
                limit=1,
                lease=timedelta(seconds=60),
                request_id=uuid4(),
            )
            samples.append((time.perf_counter() - inserted_at) * 1000)
            assert len(leases) == 1
            await asyncio.sleep(0.05)
    await client.remove_all_channels()
    return samples
