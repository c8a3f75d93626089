"""Silent losses of the official client's subscriptions, which ours detects and repairs."""

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from realtime._async import client as library
from realtime.message import ServerMessage

from protocol.messages import Envelope
from protocol.topics import RESULTS, TASKS
from protocol.transport.channels import Channels
from protocol.transport.realtime_connection import ConnectionOptions, parse_messages_by_event
from tests.contract.transport.fake_realtime import FakeRealtime, run_fake_realtime
from tests.support.eventually import eventually
from tests.support.recording_listener import RecordingListener, captured_logs

AWAY = "Realtime is unavailable; polling for work"


_FRAMES: dict[str, dict[str, Any]] = {
    "broadcast": {"payload": {"event": "X", "type": "broadcast", "payload": {"a": [1, None]}}},
    "phx_reply": {"ref": "1", "payload": {"status": "ok", "response": {"postgres_changes": []}}},
    "phx_error": {"payload": {"reason": "x"}},
    "phx_close": {"ref": "2", "payload": {}},
    "heartbeat": {"topic": "phoenix", "ref": "3", "payload": {}},
    "system": {
        "payload": {"channel": "x", "extension": "system", "message": "no", "status": "error"}
    },
    "presence_state": {"payload": {"me": {"metas": [{"phx_ref": "1"}]}}},
    "presence_diff": {"payload": {"joins": {}, "leaves": {}}},
}


def a_message(**payload: object) -> dict[str, Any]:
    """Build a message as it goes over the wire."""
    return {"type": "TASK_ADMIRED", "payload": payload, "source": "x", "target": TASKS}


def channels_at(port: int, **options: Any) -> Channels:
    url = f"http://127.0.0.1:{port}"
    return Channels(url, "sb_secret_of_nobody", options=ConnectionOptions(**options))


async def listening(
    stack: AsyncExitStack, **options: timedelta
) -> tuple[FakeRealtime, RecordingListener]:
    """Return a listener on the tasks' topic that is ready, and the server that it hears."""
    listener = RecordingListener()
    realtime, port = await stack.enter_async_context(run_fake_realtime())
    channels = await stack.enter_async_context(channels_at(port, **options))
    await stack.enter_async_context(listener.on(channels, TASKS))
    await eventually(lambda: listener.subscriptions)
    return realtime, listener


async def is_heard(realtime: FakeRealtime, listener: RecordingListener) -> bool:
    """Return whether a message that is sent now arrives."""
    await realtime.broadcast(TASKS, a_message())
    return bool(listener.heard)


async def visit(channels: Channels, topic: str, realtime: FakeRealtime | None = None) -> None:
    """Listen until it is ready, and until something was heard of whoever speaks; then leave."""
    listener = RecordingListener()
    async with listener.on(channels, topic):
        await eventually(lambda: listener.subscriptions)
        if realtime is not None:
            await eventually(lambda: is_heard(realtime, listener))


def has_left(realtime: FakeRealtime, before: int) -> bool:
    """Return whether the topic was left once more than before."""
    return len(realtime.frames("phx_leave", TASKS)) > before


async def test_topics_are_joined_privately_and_left_with_their_last_listener() -> None:
    first, second, other = RecordingListener(), RecordingListener(), RecordingListener()

    async with (
        run_fake_realtime() as (realtime, port),
        channels_at(port) as channels,
        first.on(channels, TASKS),
    ):
        async with second.on(channels, TASKS), other.on(channels, RESULTS):
            await eventually(lambda: second.subscriptions and other.subscriptions)
        await eventually(lambda: realtime.frames("phx_leave", RESULTS))
        assert not realtime.frames("phx_leave", TASKS)

    [joined] = realtime.frames("phx_join", TASKS)
    config = joined["payload"]["config"]
    assert config["private"] is True
    assert config["broadcast"] == {"ack": False, "self": False}
    assert joined["payload"]["access_token"] == "sb_secret_of_nobody"


@pytest.mark.parametrize("payload", ["text", ["a", "list"], None, 7, {}])
async def test_a_broadcast_that_is_no_message_does_not_stop_the_listener(payload: object) -> None:
    async with AsyncExitStack() as stack:
        realtime, listener = await listening(stack)

        await realtime.broadcast(TASKS, payload)
        await eventually(lambda: is_heard(realtime, listener))

        assert listener.subscriptions == 1


async def test_a_callback_that_raises_does_not_stop_others() -> None:
    listener = RecordingListener()

    def fail(_message: Envelope) -> None:
        raise ZeroDivisionError

    def fail_when_ready() -> None:
        raise KeyError("{braces}")

    with captured_logs("ERROR") as records:
        async with (
            run_fake_realtime() as (realtime, port),
            channels_at(port) as channels,
            channels.listen(TASKS, fail, on_ready=fail_when_ready),
            listener.on(channels, TASKS),
        ):
            await eventually(lambda: listener.subscriptions)
            await realtime.broadcast(TASKS, a_message(number=1))
            await realtime.broadcast(TASKS, a_message(number=2))
            await eventually(lambda: len(listener.heard) == 2)

    assert [each.payload["number"] for each in listener.heard] == [1, 2]
    assert [(each["message"], each["topic"]) for each in records] == [
        ("a callback failed", TASKS)
    ] * 3


@pytest.mark.parametrize("code", [1000, 1001, 1009, 1011, 1012, None])
async def test_a_connection_that_ends_is_replaced_and_its_listeners_are_notified(
    code: int | None,
) -> None:
    async with AsyncExitStack() as stack:
        realtime, listener = await listening(stack)

        await realtime.hang_up(code)
        await eventually(lambda: listener.subscriptions == 2)

        await eventually(lambda: is_heard(realtime, listener))


async def test_a_channel_whose_token_expired_is_joined_again() -> None:
    async with AsyncExitStack() as stack:
        realtime, listener = await listening(stack)
        expired = {"extension": "system", "channel": TASKS, "message": "Token has expired"}

        await realtime.send(TASKS, "system", expired | {"status": "error"})
        await realtime.send(TASKS, "phx_close", {})
        await eventually(lambda: listener.subscriptions == 2)

        await eventually(lambda: is_heard(realtime, listener))


async def test_a_connection_that_does_not_hear_itself_is_replaced() -> None:
    soon = timedelta(seconds=0.02)
    async with AsyncExitStack() as stack:
        realtime, listener = await listening(stack, echo_every=soon, echo_timeout=soon * 10)

        realtime.has_echo = False
        await eventually(lambda: listener.subscriptions >= 2)
        realtime.has_echo = True

        await eventually(lambda: is_heard(realtime, listener))


async def test_a_connection_that_hears_itself_is_kept() -> None:
    soon = timedelta(seconds=0.02)
    async with AsyncExitStack() as stack:
        realtime, listener = await listening(stack, echo_every=soon, echo_timeout=soon * 100)

        await eventually(lambda: [each["event"] for each in realtime.said].count("broadcast") > 9)

        assert listener.subscriptions == 1


async def test_a_connection_to_a_frozen_server_is_replaced() -> None:
    soon = timedelta(seconds=0.02)
    async with AsyncExitStack() as stack:
        realtime, listener = await listening(stack, ping_every=soon, ping_timeout=soon * 10)

        realtime.freeze()
        await eventually(lambda: listener.subscriptions >= 2)

        await eventually(lambda: is_heard(realtime, listener))
        realtime.thaw()  # else it waits for the old connection to be closed


async def test_a_connection_to_a_slow_server_is_kept() -> None:
    soon = timedelta(seconds=0.02)
    async with AsyncExitStack() as stack:
        realtime, listener = await listening(stack, ping_every=soon)

        realtime.freeze()
        await realtime.broadcast(TASKS, a_message())
        await eventually(lambda: len(listener.heard) == 1)
        realtime.thaw()
        await eventually(lambda: is_heard(realtime, listener))

        assert listener.subscriptions == 1


async def test_no_connection_is_kept_when_nobody_has_listened_for_long() -> None:
    listener, long = RecordingListener(), timedelta(0)

    with captured_logs("WARNING") as records:
        async with (
            run_fake_realtime() as (realtime, port),
            channels_at(port, linger=long) as channels,
        ):
            async with listener.on(channels, TASKS):
                await eventually(lambda: listener.subscriptions)
            await eventually(lambda: not realtime.lines)
            async with listener.on(channels, TASKS):
                await eventually(lambda: listener.subscriptions == 2)

    assert not records


async def test_listeners_who_come_and_go_find_the_connection_there() -> None:
    async with run_fake_realtime() as (realtime, port), channels_at(port) as channels:
        for topic in map(str, range(8)):
            await visit(channels, topic)

        assert channels.connections == len(realtime.lines) == 1


@pytest.mark.parametrize("was_left", [False, True])
async def test_a_listener_that_comes_back_at_once_uses_the_same_connection(was_left: bool) -> None:
    stays = RecordingListener()
    async with run_fake_realtime() as (realtime, port), channels_at(port) as channels:
        async with stays.on(channels, RESULTS):
            for before in range(5):
                await visit(channels, TASKS, realtime)
                if was_left:
                    await eventually(partial(has_left, realtime, before))

        assert channels.connections == stays.subscriptions == 1


async def test_a_join_that_is_not_answered_holds_up_no_other() -> None:
    first, unlucky, other = RecordingListener(), RecordingListener(), RecordingListener()
    async with (
        run_fake_realtime() as (realtime, port),
        channels_at(port) as channels,
        first.on(channels, TASKS),
    ):
        await eventually(lambda: first.subscriptions)
        realtime.unanswered = f"{RESULTS}:0"
        async with unlucky.on(channels, f"{RESULTS}:0"), other.on(channels, f"{RESULTS}:1"):
            await eventually(lambda: other.subscriptions)

            assert not unlucky.subscriptions
            assert not channels.is_subscribed


async def test_a_refused_join_is_warned_of_once_with_the_reason_and_tried_again() -> None:
    listener = RecordingListener()

    with captured_logs("WARNING") as records:
        async with (
            run_fake_realtime() as (realtime, port),
            channels_at(port) as channels,
            listener.on(channels, TASKS),
        ):
            realtime.refusal = "Unauthorized: You do not have permissions to read"
            await eventually(lambda: len(realtime.frames("phx_join", TASKS)) >= 2)
            assert listener.subscriptions == 0
            realtime.refusal = None
            await eventually(lambda: listener.subscriptions)

    [record] = records
    assert record["message"] == AWAY
    assert "You do not have permissions" in record["reason"]


async def test_each_outage_is_warned_of_once_and_ends_by_itself() -> None:
    listener = RecordingListener()
    async with run_fake_realtime() as (_, port):
        pass

    with captured_logs("WARNING") as records:
        async with channels_at(port) as channels, listener.on(channels, TASKS):
            await eventually(lambda: records)
            async with run_fake_realtime(port):
                await eventually(lambda: listener.subscriptions == 1)
                assert len(records) == 1
            await eventually(lambda: len(records) == 2)
            async with run_fake_realtime(port) as (realtime, _):
                await eventually(lambda: listener.subscriptions == 2)
                await eventually(lambda: is_heard(realtime, listener))
                assert [each["message"] for each in records] == [AWAY, AWAY]


@pytest.mark.parametrize("is_mute", [False, True], ids=["answers", "mute"])
async def test_closing_leaves_no_task_behind_even_when_nothing_is_answered(is_mute: bool) -> None:
    listener, leaving = RecordingListener(), RecordingListener()

    async with run_fake_realtime() as (realtime, port):
        before = asyncio.all_tasks()
        async with channels_at(port) as channels, listener.on(channels, TASKS):
            async with leaving.on(channels, RESULTS):
                await eventually(lambda: listener.subscriptions and leaving.subscriptions)
            await eventually(lambda: realtime.frames("phx_leave", RESULTS))
            realtime.is_mute = is_mute
            async with leaving.on(channels, RESULTS):
                await eventually(lambda: len(realtime.frames("phx_join", RESULTS)) >= 2)
            await eventually(lambda: is_mute or realtime.frames("phx_leave", RESULTS)[1:])

        await eventually(lambda: not realtime.lines)
        await eventually(lambda: asyncio.all_tasks() <= before, within=2)


@pytest.mark.parametrize("code", [1000, 1009, None])
async def test_closing_does_not_wait_for_a_connection_that_just_ended(code: int | None) -> None:
    async with asyncio.timeout(5), AsyncExitStack() as stack:
        realtime, _ = await listening(stack)

        await realtime.hang_up(code)


async def test_a_cancelled_agent_is_not_kept_by_its_channels() -> None:
    listener = RecordingListener()

    async def listen(port: int) -> None:
        async with channels_at(port) as channels, listener.on(channels, TASKS):
            await asyncio.Event().wait()

    async with run_fake_realtime() as (realtime, port), asyncio.TaskGroup() as group:
        agent = group.create_task(listen(port), name="agent")
        await eventually(lambda: listener.subscriptions)
        agent.cancel()
        await eventually(agent.done)
        await eventually(lambda: not realtime.lines)

    assert agent.cancelled()


@pytest.mark.parametrize("event", _FRAMES)
def test_messages_are_read_by_their_event_as_the_library_reads_them(event: str) -> None:
    frame = json.dumps({"topic": "realtime:x", "ref": None, "event": event} | _FRAMES[event])
    usual: TypeAdapter[ServerMessage] = TypeAdapter(ServerMessage)

    parse_messages_by_event()

    adapter = library.ServerMessageAdapter  # type: ignore[attr-defined]
    assert adapter.validate_json(frame) == usual.validate_json(frame)
    with pytest.raises(ValidationError):
        adapter.validate_json(frame.replace(event, "unheard_of"))
