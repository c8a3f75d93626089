"""Private channels, with policies on realtime.messages as in a hosted project."""

import json
import re
from typing import Any

import pytest

from embedded.realtime.limits import RealtimeLimits
from tests.contract.realtime.conftest import ALICE, Server
from tests.contract.realtime.wire import wire

HELLO = {"type": "broadcast", "event": "hi", "payload": {"n": 1}}
OWN = f"user-{ALICE}"
MALLORY = "c0ffee00-0000-4000-8000-000000000000"


def a_refusal(reason: str) -> dict[str, Any]:
    return {"status": "error", "response": {"reason": reason}}


def no_permission(topic: str) -> str:
    return f"You do not have permissions to read from this Channel topic: {topic}"


def whenever(said: str) -> str:
    """Return a text with N for a number of seconds."""
    return re.sub(r"\d+ seconds", "N seconds", said)


@pytest.mark.parametrize(
    ("topic", "subject", "may"),
    [
        (OWN, ALICE, True),
        ("room-1", MALLORY, True),
        (OWN, MALLORY, False),
        (OWN, None, False),
        ("elsewhere", ALICE, False),
        ("nul\x00", ALICE, False),
    ],
)
async def test_only_callers_with_a_read_policy_may_join(
    server: Server, topic: str, subject: str | None, may: bool
) -> None:
    token = server.token(sub=subject) if subject else None
    async with wire(server.url, server.keys.publishable) as socket:
        answer = await socket.join(topic, private=True, access_token=token)

        joined = {"status": "ok", "response": {"postgres_changes": []}}
        assert answer == (joined if may else a_refusal(f"Unauthorized: {no_permission(topic)}"))


async def test_a_role_that_the_api_may_not_take_reads_nothing(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        for role in ("supabase_admin", "postgres", "nobody-at-all"):
            answer = await socket.join("room-1", private=True, access_token=server.token(role=role))

            assert answer == a_refusal(f"Unauthorized: {no_permission('room-1')}"), role


async def test_the_secret_key_reads_and_writes_everything(server: Server) -> None:
    async with (
        wire(server.url, server.keys.secret) as speaker,
        wire(server.url, server.keys.publishable) as hearer,
    ):
        await hearer.join(OWN, private=True, access_token=server.token())
        # The client libraries send the project's key as access_token; the socket's role counts.
        answer = await speaker.join(OWN, private=True, access_token=server.keys.secret)
        assert answer["status"] == "ok"

        await speaker.push(f"realtime:{OWN}", "broadcast", HELLO)

        assert (await hearer.receive())["payload"] == HELLO


async def test_messages_without_a_write_policy_are_dropped_silently(server: Server) -> None:
    async with (
        wire(server.url, server.keys.publishable) as mute,
        wire(server.url, server.keys.secret) as hearer,
    ):
        await hearer.join("room-1", private=True)
        await mute.join(
            "room-1", private=True, broadcast={"ack": True}, access_token=server.token()
        )

        await mute.push("realtime:room-1", "broadcast", HELLO)

        await mute.settle("room-1")
        assert await hearer.is_silent()


async def test_messages_with_a_write_policy_are_delivered(server: Server) -> None:
    async with (
        wire(server.url, server.keys.publishable) as alice,
        wire(server.url, server.keys.secret) as hearer,
    ):
        await hearer.join(OWN, private=True)
        await alice.join(OWN, private=True, access_token=server.token())

        await alice.push(f"realtime:{OWN}", "broadcast", HELLO)

        assert (await hearer.receive())["payload"] == HELLO


async def test_a_bad_token_refuses_the_join(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        for token, reason in {
            "garbage": "MalformedJWT: The token provided is not a valid JWT",
            f"{server.token()}x": "JwtSignatureError: Failed to validate JWT signature",
            server.token(lifetime=-10): "InvalidJWTToken: Token has expired N seconds ago",
            server.token(exp=None): (
                "InvalidJWTToken: Fields `role` and `exp` are required in JWT"
            ),
        }.items():
            answer = await socket.join("room", access_token=token)

            said = whenever(answer["response"]["reason"])
            assert (answer["status"], said) == ("error", reason)


async def test_a_channel_closes_with_its_token_and_the_socket_stays_open(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        await socket.join("room", ref="3", access_token=server.token(lifetime=4))
        await socket.join("other", ref="4")

        system, close = await socket.receive(), await socket.receive()

        system["payload"]["message"] = whenever(system["payload"]["message"])
        assert system == {
            "ref": None,
            "event": "system",
            "payload": {
                "message": "Token has expired N seconds ago",
                "status": "error",
                "extension": "system",
                "channel": "room",
            },
            "topic": "realtime:room",
        }
        assert (close["event"], close["ref"]) == ("phx_close", "3")
        await socket.push("realtime:room", "broadcast", HELLO)
        reason = {"reason": "unmatched topic"}
        assert (await socket.receive())["payload"]["response"] == reason
        await socket.push("realtime:other", "broadcast", HELLO)
        assert await socket.is_silent()


async def test_a_new_token_keeps_a_channel_open(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        await socket.join(OWN, private=True, access_token=server.token(lifetime=4))

        for token in (None, server.keys.publishable, server.token()):
            await socket.push(f"realtime:{OWN}", "access_token", {"access_token": token})

        await socket.join("clock", ref="2", access_token=server.token(lifetime=4))
        ended = await socket.receive()
        assert ended["topic"] == "realtime:clock"
        await socket.receive()
        assert await socket.is_silent()


async def test_a_token_that_is_invalid_or_may_not_read_closes_the_channel(server: Server) -> None:
    async with wire(server.url, server.keys.publishable) as socket:
        for token, said in {
            "garbage": "The token provided is not a valid JWT",
            server.token(lifetime=-5): "Token has expired N seconds ago",
            server.token(sub=MALLORY): no_permission(OWN),
        }.items():
            await socket.join(OWN, private=True, access_token=server.token())

            await socket.push(f"realtime:{OWN}", "access_token", {"access_token": token})

            system = (await socket.receive())["payload"]
            assert whenever(system["message"]) == said
            assert (system["status"], system["extension"]) == ("error", "system")
            assert (await socket.receive())["event"] == "phx_close"


async def test_a_new_token_is_checked_for_writing_again(server: Server) -> None:
    speaking, mute = server.token(may_speak="yes"), server.token()
    async with (
        wire(server.url, server.keys.publishable) as speaker,
        wire(server.url, server.keys.secret) as hearer,
    ):
        await hearer.join("room-1", private=True)
        await speaker.join("room-1", private=True, access_token=mute)

        for token, is_heard in ((speaking, True), (mute, False), (speaking, True)):
            await speaker.push("realtime:room-1", "access_token", {"access_token": token})
            await speaker.push("realtime:room-1", "broadcast", HELLO)
            await speaker.settle("room-1")

            if is_heard:
                assert (await hearer.receive())["payload"] == HELLO
            assert await hearer.is_silent()


async def test_a_policy_that_fails_admits_nobody(server: Server) -> None:
    # auth.uid() cannot cast this subject, so that the policy raises an error.
    token = server.token(sub="not-a-uuid")
    async with wire(server.url, server.keys.publishable) as socket:
        answer = await socket.join(OWN, private=True, access_token=token)

        assert answer == a_refusal(f"Unauthorized: {no_permission(OWN)}")


async def test_policies_see_the_claims_and_the_headers(server: Server) -> None:
    await server.execute(
        "create policy claims on realtime.messages for select to authenticated using ("
        " realtime.topic() = 'claims' and (select auth.jwt() ->> 'cogo_agent') = 'a1'"
        " and current_setting('request.headers')::json is not null)"
    )
    async with wire(server.url, server.keys.publishable) as socket:
        answer = await socket.join(
            "claims", private=True, access_token=server.token(cogo_agent="a1")
        )

        assert answer["status"] == "ok", json.dumps(answer)
    await server.execute("drop policy claims on realtime.messages")


@pytest.mark.parametrize("limits", [RealtimeLimits(recheck_seconds=0.2)])
async def test_a_channel_closes_when_its_policies_refuse_the_caller(server: Server) -> None:
    await server.execute("create table members (id uuid primary key)")
    try:
        await server.execute("insert into members values ($1)", ALICE)
        await server.execute("grant select on members to authenticated")
        await server.execute(
            """create policy "members hear" on realtime.messages for select to authenticated
                 using (realtime.topic() = 'club' and exists (
                   select from public.members m where m.id = (select auth.uid())
                 ))"""
        )
        async with (
            wire(server.url, server.keys.publishable) as socket,
            wire(server.url, server.keys.secret) as operator,
        ):
            await socket.join("club", private=True, access_token=server.token())
            await socket.join(OWN, private=True, access_token=server.token())
            await operator.join("club", private=True)
            assert await socket.is_silent()

            await server.execute("delete from members")
            system, close = await socket.receive(), await socket.receive()

            assert system["payload"]["message"] == no_permission("club")
            assert (close["event"], close["topic"]) == ("phx_close", "realtime:club")
            assert await socket.is_silent()  # its other channel stays
            assert await operator.is_silent()
    finally:
        await server.execute('drop policy if exists "members hear" on realtime.messages')
        await server.execute("drop table members")
