from typing import Any

import httpx
import pytest

from embedded.realtime.limits import RealtimeLimits
from tests.contract.realtime.conftest import ALICE, Server
from tests.contract.realtime.wire import wire

OWN = f"user-{ALICE}"


async def post(server: Server, path: str, key: str | None, **arguments: Any) -> httpx.Response:
    headers = {"apikey": key} if key else {}
    headers |= arguments.pop("headers", {})
    async with httpx.AsyncClient(timeout=60) as client:
        return await client.post(f"{server.url}/api/broadcast{path}", headers=headers, **arguments)


def a_message(**fields: Any) -> dict[str, Any]:
    return {"topic": "room", "event": "evt", "payload": {"n": 1}, **fields}


async def test_many_messages_of_one_request_arrive_in_order(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        await socket.join("room")
        batch = [a_message(payload={"n": n}) for n in range(20)]

        answer = await post(server, "", server.keys.publishable, json={"messages": batch})

        assert (answer.status_code, answer.content) == (202, b"")
        assert await socket.receive() == {
            "ref": None,
            "event": "broadcast",
            "payload": {"event": "evt", "payload": {"n": 0}, "type": "broadcast"},
            "topic": "realtime:room",
        }
        heard = [(await socket.receive())["payload"]["payload"]["n"] for _ in range(19)]
        assert heard == list(range(1, 20))


async def test_private_messages_reach_only_topics_that_the_sender_may_write_to(
    server: Server,
) -> None:
    async with wire(server.url, server.keys.secret) as socket:
        await socket.join(OWN, private=True, ref="1")
        await socket.join("room-1", private=True, ref="2")
        batch = [
            a_message(topic=topic, private=True, event=event)
            for topic in ("room-1", OWN)
            for event in ("one", "two")
        ]
        keys = server.keys

        mine = await post(
            server,
            "",
            keys.publishable,
            json={"messages": batch},
            headers={"Authorization": f"Bearer {server.token()}"},
        )
        anons = await post(server, "", keys.publishable, json={"messages": batch})
        everything = await post(server, "", keys.secret, json={"messages": batch})

        assert [each.status_code for each in (mine, anons, everything)] == [202] * 3
        heard = [await socket.receive() for _ in range(6)]
        assert [(each["topic"], each["payload"]["event"]) for each in heard] == [
            (f"realtime:{topic}", event)
            for topic in (OWN, "room-1", OWN)
            for event in ("one", "two")
        ]
        assert await socket.is_silent()


@pytest.mark.parametrize("limits", [RealtimeLimits(payload_bytes=100)])
async def test_each_error_of_a_batch_is_named(server: Server) -> None:
    too_large = "Payload size exceeds tenant limit"
    for messages, errors in (
        ([a_message(payload=None)], [{"payload": ["can't be blank"]}]),
        ([a_message(payload=[1])], [{"payload": ["is invalid"]}]),
        ([a_message(payload={"x": "y" * 100})], [{"payload": [too_large]}]),
        ([a_message(), a_message(topic=" ")], [{}, {"topic": ["can't be blank"]}]),
        ([a_message(event=7)], [{"event": ["is invalid"]}]),
        ([a_message(private="maybe")], [{"private": ["is invalid"]}]),
        ([7], [{name: ["can't be blank"] for name in ("topic", "event", "payload")}]),
        ([], ["can't be blank"]),
        (None, ["can't be blank"]),
        ({}, ["is invalid"]),
    ):  # fmt: skip
        answer = await post(server, "", server.keys.secret, json={"messages": messages})

        assert (answer.status_code, answer.json()) == (422, {"errors": {"messages": errors}})

    assert (await post(server, "", server.keys.secret, content=b"{")).status_code == 400


@pytest.mark.parametrize("path", ["", "/room/events/evt"])
@pytest.mark.parametrize("key", [None, "", "garbage", "sb_secret_wrong"])
async def test_without_a_valid_key_nothing_is_sent(
    server: Server, path: str, key: str | None
) -> None:
    answer = await post(server, path, key, json={"messages": [a_message()]})

    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


async def test_one_message_is_the_body_of_a_request(server: Server) -> None:
    async with (
        wire(server.url, server.keys.publishable) as first,
        wire(server.url, server.keys.publishable, "2.0.0") as second,
    ):
        await first.join("a/b c")
        await second.send(["1", "1", "realtime:a/b c", "phx_join", {"config": {}}])
        await second.receive()
        path = "/a%2Fb%20c/events/x%2Fy"

        sent = await post(server, path, server.keys.publishable, json={"n": 1})

        assert (sent.status_code, sent.content) == (202, b"")
        assert (await first.receive())["payload"] == {
            "event": "x/y",
            "payload": {"n": 1},
            "type": "broadcast",
        }
        assert await second.receive_raw() == (bytes([4, 14, 3, 0, 1]) + b'realtime:a/b cx/y{"n":1}')


async def test_one_private_message_needs_permission(server: Server) -> None:
    path = "/room-1/events/evt?private=true"

    refused = await post(server, path, server.keys.publishable, json={})
    accepted = await post(server, path, server.keys.secret, json={})

    assert (refused.status_code, refused.json()) == (403, {"message": "Unauthorized"})
    assert accepted.status_code == 202


async def test_one_message_must_be_json_or_bytes(server: Server) -> None:
    for media_type, content, status in (
        ("text/plain", b"{}", 415),
        ("application/json; charset=utf-8", b"{}", 202),
        ("application/octet-stream", b"\x00", 202),
        ("application/json", b"{", 422),
        ("application/json", b"", 422),
    ):
        answer = await post(
            server,
            "/room/events/evt",
            server.keys.secret,
            content=content,
            headers={"Content-Type": media_type},
        )

        assert answer.status_code == status, (media_type, content)
