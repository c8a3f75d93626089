"""AI columns: how often the database is called, and for how much at once."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, cast
from uuid import uuid4

from loguru import logger

from agents.orchestrator.columns import (
    LEAST_LIMIT,
    LIMIT,
    STILL_SECONDS,
    adapt_limit,
    log_column_pause,
    run_columns_regularly,
)
from agents.runtime.agent import Agent
from agents.runtime.health import Health
from agents.runtime.options import AgentIdentity, RuntimeOptions
from protocol.errors import CogoError
from protocol.messages import Envelope
from protocol.records.columns import ColumnRun
from tests.support.agents.fake_store import AWAY, FakeStore
from tests.support.tools.fake_columns import IDLE
from tests.support.virtual_time import in_virtual_time


def ran(asked: int = 0, *, is_more: bool = False, standing_still: str | None = None) -> ColumnRun:
    return ColumnRun(
        collected=0, applied=0, asked=asked, is_more=is_more, standing_still=standing_still
    )


async def run_for(
    seconds: float, runs: Sequence[ColumnRun | CogoError]
) -> tuple[FakeStore, Health]:
    """Let the loop run in virtual time."""
    store, health = FakeStore(column_runs=list(runs)), Health()
    agent = Agent(
        identity=AgentIdentity(id="o", kind="orchestrator", host="here", pid=1, version="0"),
        options=RuntimeOptions(),
        store=store,
        keeper=cast("Any", None),
        batcher=cast("Any", None),
        wakeup=cast("Any", None),
        health=health,
        jitter=random.Random(1),  # noqa: S311 - not used for security
        services=cast("Any", None),
    )
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await run_columns_regularly(agent)
    return store, health


@in_virtual_time
async def test_it_calls_again_at_once_while_there_is_more() -> None:
    store, health = await run_for(0.1, [ran(500, is_more=True)] * 7 + [ran(3)])

    assert len(store.column_limits) == 8
    assert b'cogo_column_rows_total{step="asked"} 3503.0' in health.metrics.render()


@in_virtual_time
async def test_it_does_not_spin_on_more_that_cannot_be_done() -> None:
    store, _ = await run_for(10, [ran(0, is_more=True)] * 1000)

    assert len(store.column_limits) < 20


@in_virtual_time
async def test_it_calls_less_often_while_idle_and_more_often_once_there_is_work() -> None:
    idle, _ = await run_for(60, [])
    busy, _ = await run_for(60, [ran(1)] * 1000)

    assert 25 <= len(idle.column_limits) <= 45
    assert len(busy.column_limits) >= 200


@in_virtual_time
async def test_calls_that_fail_ask_for_less_and_end_nothing() -> None:
    store, _ = await run_for(60, [AWAY, AWAY, ran(1), IDLE])

    assert store.column_limits[:5] == [500, 250, 125, 250, 500]
    assert len(store.column_limits) > 20


@in_virtual_time
async def test_a_copied_database_is_asked_rarely() -> None:
    store, health = await run_for(5 * STILL_SECONDS, [ran(standing_still="a copy")] * 100)

    assert 4 <= len(store.column_limits) <= 7
    assert b"cogo_columns_standing_still 1.0" in health.metrics.render()


def test_limits_stay_within_bounds() -> None:
    assert adapt_limit(LEAST_LIMIT, has_failed=True) == LEAST_LIMIT
    assert adapt_limit(LIMIT, has_failed=False) == LIMIT


def test_a_pause_is_logged_and_other_messages_are_ignored() -> None:
    payload = {"table": "public.tickets", "column": "summary", "reason": "its cap is spent"}
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), format="{message} {extra}")
    try:
        for type_, said in (
            ("COLUMN_PAUSED", payload | {"column_id": str(uuid4())}),
            ("COLUMN_PAUSED", payload | {"column_id": 1}),
            ("TASK_CANCELLED", {"task_id": str(uuid4())}),
        ):
            log_column_pause(Envelope(type=type_, payload=said, source="a", target="b"))
    finally:
        logger.remove(sink)

    warned = [line for line in lines if "pauses" in line]
    assert len(warned) == 1
    assert "public.tickets.summary" in warned[0]
