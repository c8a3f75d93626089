"""When an executor learns the state of circuits."""

import asyncio
from datetime import timedelta

from agents.middleware.call_reporter import CallReporter
from protocol.records.models import (
    Circuit,
)
from tests.support.agents.fake_call_state import FakeCallStateStore
from tests.support.eventually import eventually

PLACE = "anthropic:claude-sonnet-5-5"


async def test_without_any_call_the_circuits_are_known_and_kept_in_view() -> None:
    store = FakeCallStateStore()
    reporter = CallReporter(agent_id="executor-1", store=store, idle=timedelta(milliseconds=1))
    async with asyncio.TaskGroup() as group:
        reporting = group.create_task(reporter.run())
        await eventually(lambda: store.asked)
        assert reporter.get_circuit(PLACE) is None

        store.open = [Circuit(deployment=PLACE, state="open", wait_seconds=60)]
        await eventually(lambda: reporter.get_circuit(PLACE))
        store.away = True
        asked = store.asked
        await eventually(lambda: store.asked > asked + 1)
        assert reporter.get_circuit(PLACE), "what was heard last holds while nobody answers"
        reporting.cancel()
