"""Checks in an executor: their lanes, slots, completions, and a sandbox that is out of order."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from agents.executor.service import run_executor
from agents.runtime.options import AgentIdentity, RuntimeOptions
from agents.runtime.wakeup import Drain
from agents.sandbox.check_runner import CheckRunner
from agents.sandbox.job import Job, Outcome, SandboxBroken
from protocol.messages import Envelope, McpSubtask, MessageType, SubtaskParams
from protocol.records import ClaimedSubtask, FailureAction
from protocol.topics import SUBTASKS
from providers.catalogue.catalogue import Catalogue
from providers.router import Router
from tests.support.agents.fake_bus import FakeBus
from tests.support.agents.fake_store import FakeStore
from tests.support.agents.subtasks import a_subtask
from tests.support.eventually import eventually

IDENTITY = AgentIdentity(id="executor", kind="executor", host="here", pid=1, version="0")
COMMAND = {"language": "python", "files": {"a.txt": "x"}, "command": "make test"}


class FakeSandbox:
    """Answers every job with one outcome or error, or waits to be cancelled."""

    name = "fake"

    def __init__(self, answer: Outcome | Exception | None) -> None:
        self.answer = answer
        self.running = 0
        self.most = 0
        self.jobs: list[Job] = []

    async def run(self, job: Job) -> Outcome:
        self.jobs.append(job)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            if self.answer is None:
                await asyncio.Event().wait()
            if isinstance(self.answer, Exception):
                raise self.answer
            assert self.answer is not None
            return self.answer
        finally:
            self.running -= 1


PASSED = Outcome(backend="fake", exit_code=0, stdout=b"3 passed in 0.01s\n")


async def run_checks(
    store: FakeStore,
    sandbox: FakeSandbox,
    when: Callable[[], object],
    *,
    bus: FakeBus | None = None,
    poll: timedelta = timedelta(milliseconds=10),
    then: Callable[[], object] | None = None,
) -> None:
    """Run an executor without models until `when` holds, then drain it."""
    drain = Drain()
    options = RuntimeOptions(
        check_capacity=2,
        sandbox=sandbox.name,
        poll_busy=poll,
        poll_idle=poll,
        heartbeat_every=timedelta(milliseconds=20),
        grace=timedelta(milliseconds=100),
    )
    async with Router(Catalogue.load(), {}) as router, asyncio.TaskGroup() as group:
        running = run_executor(
            open_store=store.open,
            bus=bus or FakeBus(),
            router=router,
            identity=IDENTITY,
            options=options,
            drain=drain,
            on_ready=lambda: None,
            checks=CheckRunner(sandbox=sandbox, python=None),
        )
        group.create_task(running)
        await eventually(when, within=5, every=0.005)
        if then is not None:
            then()
        drain.begin()


def a_check(**params: Any) -> ClaimedSubtask:
    return a_subtask(
        key="check",
        kind="check",
        lane="sandbox:command",
        params=COMMAND | params,
        metadata={"answer": False},
    )


async def test_a_check_is_completed_with_its_report() -> None:
    store, bus = FakeStore(queue=[a_check()]), FakeBus()

    await run_checks(store, FakeSandbox(PASSED), lambda: store.completed, bus=bus)

    [completion] = store.completed
    assert completion.usage is None
    assert completion.output["text"] == "passed 3 of 3"
    report = completion.output["report"]
    assert (report["passed"], report["basis"], report["sandbox"]) == (True, "exit_code", "fake")
    sent = [each.envelope for batch in bus.requests for each in batch]
    assert [each.payload["delta"] for each in sent] == ["running tests\n"]
    assert [each.payload["answer"] for each in sent] == [False]


async def test_heartbeats_list_the_lanes_and_the_sandbox() -> None:
    store = FakeStore()

    await run_checks(store, FakeSandbox(PASSED), lambda: any(each.lanes for each in store.records))

    record = next(each for each in store.records if each.lanes)
    assert record.lanes == ["sandbox:command"]
    assert record.details["sandbox"] == "fake"
    assert record.capacity == RuntimeOptions().capacity + 2


@pytest.mark.parametrize("error", [SandboxBroken("no namespaces"), OSError(28, "No space left")])
async def test_trouble_of_the_sandbox_is_tried_again(error: Exception) -> None:
    store = FakeStore(queue=[a_check()])

    await run_checks(store, FakeSandbox(error), lambda: store.failed)

    [failure] = store.failed
    assert failure.action is FailureAction.RETRY
    assert failure.error.class_ == "sandbox"
    assert not store.completed


@pytest.mark.parametrize(
    "params",
    [{"files": {"../x": ""}}, {"files": {".cogo-run.json": ""}}, {"limits": {"wall_seconds": -1}}],
)
async def test_params_that_cannot_be_run_are_a_report(params: dict[str, Any]) -> None:
    store, sandbox = FakeStore(queue=[a_check(**params)]), FakeSandbox(PASSED)

    await run_checks(store, sandbox, lambda: store.completed)

    assert store.completed[0].output["report"]["verdict"] == "refused"
    assert not sandbox.jobs


async def test_checks_have_slots_of_their_own() -> None:
    store, sandbox = FakeStore(queue=[a_check() for _ in range(5)]), FakeSandbox(None)

    await run_checks(store, sandbox, lambda: sandbox.running == 2)

    assert sandbox.most == 2
    assert sandbox.running == 0  # what did not end in time was cancelled
    assert store.released == ["executor"]


async def test_a_message_wakes_the_loop_of_the_checks() -> None:
    store, bus, sandbox = FakeStore(), FakeBus(), FakeSandbox(PASSED)
    hour = timedelta(hours=1)

    def notify() -> bool:
        if SUBTASKS in bus.listeners and store.claims:
            store.queue = [a_check()]
            params = SubtaskParams(model_id="sandbox:command", generation_prompt="x")
            payload = McpSubtask(subtask_id=uuid4(), task_id=uuid4(), type="X", params=params)
            message = Envelope.wrap(MessageType.MCP_SUBTASK, payload, source="db", target=SUBTASKS)
            bus.listeners[SUBTASKS](message)
            return True
        return False

    async with asyncio.timeout(10):
        await run_checks(store, sandbox, lambda: notify() and store.completed, bus=bus, poll=hour)
