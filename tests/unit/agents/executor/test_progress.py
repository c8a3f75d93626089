"""Progress messages while a model answers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import groupby
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.executor.progress import DELTA_CHARACTERS, DeltaKind, ProgressHub
from protocol.messages import SubtaskProgress, ToolCalled, ToolReturned, read_payload
from protocol.topics import result_topic
from protocol.transport.broadcast import MESSAGE_BYTES
from tests.support.agents.fake_bus import FakeBus
from tests.support.agents.fake_store import AWAY
from tests.support.agents.subtasks import a_subtask
from tests.support.eventually import eventually

HOUR = timedelta(hours=1)


@asynccontextmanager
async def sending(bus: FakeBus, every: timedelta = HOUR) -> AsyncIterator[ProgressHub]:
    hub = ProgressHub(bus=bus, source="agent", every=every)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(hub.run())
        yield hub
        running.cancel()


def heard(bus: FakeBus) -> list[SubtaskProgress]:
    return [
        read_payload(message.envelope, SubtaskProgress)
        for request in bus.requests
        for message in request
    ]


def shown(bus: FakeBus) -> list[tuple[str, int, str]]:
    return [(each.kind, each.offset, each.delta) for each in heard(bus)]


async def test_the_first_delta_of_an_attempt_goes_out_at_once() -> None:
    bus = FakeBus()

    async with sending(bus) as hub:
        hub.open(a_subtask()).add("text", "A")
        await eventually(lambda: len(bus.requests) == 1, within=2)
        hub.open(a_subtask()).add("reasoning", "B")
        await eventually(lambda: len(bus.requests) == 2, within=2)


async def test_later_deltas_go_together_after_the_interval() -> None:
    bus = FakeBus()

    async with sending(bus, timedelta(milliseconds=50)) as hub:
        progress = hub.open(a_subtask())
        progress.add("text", "a")
        await eventually(lambda: bus.requests, within=2, every=0.001)
        for letter in "bcdef":
            progress.add("text", letter)
        await eventually(lambda: len(bus.requests) == 2, within=2)

    assert shown(bus) == [("text", 0, "a"), ("text", 1, "bcdef")]


async def test_messages_say_whose_they_are() -> None:
    bus, claimed = FakeBus(), a_subtask(attempt=3)

    async with sending(bus) as hub:
        hub.open(claimed).add("text", "A")
        await hub.flush()

    (message,) = bus.requests[0]
    (progress,) = heard(bus)
    assert message.topic == message.envelope.target == result_topic(claimed.task_id)
    assert message.envelope.source == "agent"
    assert (progress.task_id, progress.subtask_id, progress.attempt) == (
        claimed.task_id,
        claimed.subtask_id,
        3,
    )


async def test_attempts_share_a_request() -> None:
    bus = FakeBus()
    hub = ProgressHub(bus=bus, source="agent", every=HOUR)

    for _ in range(5):
        hub.open(a_subtask()).add("text", "x")
    await hub.flush()

    assert [len(request) for request in bus.requests] == [5]


async def test_a_task_that_wants_no_stream_gets_none() -> None:
    bus = FakeBus()
    hub = ProgressHub(bus=bus, source="agent", every=HOUR)

    hub.open(a_subtask({"stream": False})).add("text", "x")
    hub.open(a_subtask()).add("text", "")
    await hub.flush()

    assert bus.requests == []


async def test_a_large_delta_is_split_so_that_each_message_fits() -> None:
    bus = FakeBus()
    hub = ProgressHub(bus=bus, source="agent", every=HOUR)
    text = "\x01" * (2 * DELTA_CHARACTERS + 7)

    hub.open(a_subtask()).add("text", text)
    await hub.flush()

    assert [(each.offset, len(each.delta)) for each in heard(bus)] == [
        (0, DELTA_CHARACTERS),
        (DELTA_CHARACTERS, DELTA_CHARACTERS),
        (2 * DELTA_CHARACTERS, 7),
    ]
    sizes = [len(each.envelope.model_dump_json().encode()) for each in bus.requests[0]]
    assert max(sizes) < MESSAGE_BYTES


async def test_a_flush_returns_after_earlier_messages_were_sent_even_behind_a_slow_request() -> (
    None
):
    bus = FakeBus(gate=asyncio.Event())

    async with sending(bus) as hub, asyncio.TaskGroup() as group:
        progress = hub.open(a_subtask())
        progress.add("text", "first ")
        await eventually(lambda: bus.requests, within=2)
        progress.add("text", "last")
        flushing = group.create_task(hub.flush())
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(bus.requests) == 1
        assert not flushing.done()
        assert bus.gate is not None
        bus.gate.set()

    assert shown(bus) == [("text", 0, "first "), ("text", 6, "last")]


async def test_a_request_that_fails_costs_its_own_deltas_only() -> None:
    bus = FakeBus(error=AWAY)
    hub = ProgressHub(bus=bus, source="agent", every=HOUR)
    progress = hub.open(a_subtask())

    progress.add("text", "lost ")
    await hub.flush()
    bus.error = None
    progress.add("text", "heard")
    await hub.flush()

    assert shown(bus)[-1] == ("text", 5, "heard")


async def test_a_sender_goes_on_after_a_request_that_failed() -> None:
    bus = FakeBus(error=AWAY)

    async with sending(bus) as hub:
        hub.open(a_subtask()).add("text", "x")
        await eventually(lambda: len(bus.requests) == 1, within=2)
        hub.open(a_subtask()).add("text", "y")
        await eventually(lambda: len(bus.requests) == 2, within=2)


KINDS = cast("list[DeltaKind]", ["text", "reasoning"])
DELTAS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.text(min_size=1, max_size=4), st.booleans()), max_size=20
)


@settings(max_examples=60, deadline=None)
@given(deltas=DELTAS)
async def test_watchers_can_put_the_text_together_from_offsets(
    deltas: list[tuple[DeltaKind, str, bool]],
) -> None:
    bus = FakeBus()
    hub = ProgressHub(bus=bus, source="agent", every=HOUR)
    progress = hub.open(a_subtask())

    for kind, delta, flush in deltas:
        progress.add(kind, delta)
        if flush:
            await hub.flush()
    await hub.flush()

    for kind in KINDS:
        said = "".join(delta for each, delta, _ in deltas if each == kind)
        rebuilt = ""
        for each in heard(bus):
            if each.kind == kind:
                assert each.offset == len(rebuilt)
                rebuilt += each.delta
        assert rebuilt == said
    order = [kind for kind, _ in groupby(each.kind for each in heard(bus))]
    assert order == [kind for kind, _ in groupby(kind for kind, _, _ in deltas)]


async def test_tool_calls_come_in_order_between_the_texts_of_their_turns() -> None:
    bus = FakeBus()
    hub = ProgressHub(bus=bus, source="agent", every=HOUR)
    progress = hub.open(a_subtask(attempt=2))

    progress.begin_turn(3)
    progress.add("text", "I look ")
    progress.add("text", "it up.")
    progress.add_tool_call(
        call_id="c1", tool="acme.lookup", source="function", arguments={"order": None}
    )
    progress.add_tool_result(
        call_id="c1", tool="acme.lookup", status="ok", content={"état": None}, seconds=0.4124
    )
    progress.begin_turn(4)
    progress.add("text", "Sent.")
    await hub.flush()

    (said, call, result, answer) = [each.envelope for each in bus.requests[0]]
    assert read_payload(said, SubtaskProgress).delta == "I look it up."
    called = read_payload(call, ToolCalled)
    assert (called.attempt, called.turn, called.call_id, called.tool) == (2, 3, "c1", "acme.lookup")
    assert (called.source, called.arguments, called.cut) == ("function", {"order": None}, False)
    returned = read_payload(result, ToolReturned)
    assert (returned.turn, returned.call_id, returned.status) == (3, "c1", "ok")
    assert returned.summary == '{"état": null}'
    assert (returned.size, returned.duration_ms) == (14, 412)
    last = read_payload(answer, SubtaskProgress)
    assert (last.turn, last.offset, last.start, last.delta) == (4, 13, 13, "Sent.")


async def test_tool_calls_are_sent_at_once() -> None:
    bus = FakeBus()

    async with sending(bus) as hub:
        progress = hub.open(a_subtask())
        progress.add("text", "A")
        await eventually(lambda: len(bus.requests) == 1, within=2)
        progress.add_tool_call(call_id="c", tool="t", source="mcp", arguments={})
        await eventually(lambda: len(bus.requests) == 2, within=2)
        progress.add_tool_result(call_id="c", tool="t", status="error", content="no")
        await eventually(lambda: len(bus.requests) == 3, within=2)


async def test_tool_messages_stay_small_whatever_a_model_and_a_tool_give() -> None:
    bus = FakeBus()
    hub = ProgressHub(bus=bus, source="agent", every=HOUR)
    progress = hub.open(a_subtask())

    for letter in ("x", "\x01", "\U0001f600"):
        progress.add_tool_call(
            call_id=letter * 9_000, tool="t", source="cogo", arguments={"a": letter * 4_000}
        )
        progress.add_tool_result(
            call_id=letter * 9_000, tool="t", status="ok", content=[letter * 99_000]
        )
    await hub.flush()

    sizes = [len(each.envelope.model_dump_json().encode()) for each in bus.requests[0]]
    assert max(sizes) < MESSAGE_BYTES
    first, result, cut, *_ = [each.envelope for each in bus.requests[0]]
    assert read_payload(first, ToolCalled).arguments == {"a": "x" * 4_000}
    assert read_payload(cut, ToolCalled).arguments is None
    assert read_payload(cut, ToolCalled).cut
    returned = read_payload(result, ToolReturned)
    assert (len(returned.summary), returned.size) == (1_000, 99_004)


async def test_text_that_was_thinking_is_sent_again_as_such() -> None:
    bus = FakeBus()
    hub = ProgressHub(bus=bus, source="agent", every=HOUR)
    progress = hub.open(a_subtask())

    progress.add("text", "hm, ")
    await hub.flush()
    progress.add("text", "yes")
    progress.retract_text()
    progress.add("text", "so")
    await hub.flush()

    assert shown(bus) == [
        ("text", 0, "hm, "),
        ("text", 4, "yes"),
        ("reasoning", 0, "hm, yes"),
        ("text", 7, "so"),
    ]
    assert [each.start for each in heard(bus)] == [0, 0, 0, 7]


async def test_a_watcher_learns_at_once_that_text_was_thinking() -> None:
    bus = FakeBus()
    hub = ProgressHub(bus=bus, source="agent", every=HOUR)
    progress = hub.open(a_subtask())

    progress.add("text", "hm")
    progress.retract_text()
    await hub.flush()

    assert shown(bus)[-1] == ("text", 2, "")
    assert heard(bus)[-1].start == 2
