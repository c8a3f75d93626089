"""What middleware sees of a call, and how it may refuse it."""

import dataclasses
from contextlib import aclosing
from datetime import timedelta
from uuid import uuid4

import pytest

from providers.calls.middleware import CallContext
from providers.catalogue.catalogue import Catalogue
from providers.chat import TextDelta
from providers.chat_response import collect_response
from providers.errors import NotAsked, Overloaded
from providers.router import Router
from tests.contract.providers.calls import RecordingMiddleware, a_request, credentials
from tests.support.servers.simulator import Journal

CATALOGUE = Catalogue.load()
MODEL = "claude-sonnet-5-5"


async def test_middleware_is_left_in_reverse_order_and_receives_the_usage(simulator: str) -> None:
    diary: list[str] = []
    outer, inner = RecordingMiddleware("outer", diary), RecordingMiddleware("inner", diary)
    context = CallContext(task_id=uuid4())

    async with Router(CATALOGUE, credentials(simulator), middleware=[outer, inner]) as router:
        answer = await collect_response(router.call(MODEL, a_request(), context=context).events)

    assert diary == ["outer in", "inner in", "inner out", "outer out"]
    [call] = inner.calls
    assert call is outer.calls[0]
    assert call.context is context
    assert call.deployment.provider == "anthropic"
    report = call.report
    assert report.error is None
    assert report.sent
    assert report.done == answer.done
    assert report.usage == answer.usage
    assert report.cost is not None
    assert report.first_token is not None
    assert timedelta() < report.first_token <= report.duration


async def test_an_answer_in_one_piece_has_no_first_token(simulator: str) -> None:
    gate = RecordingMiddleware("gate", [])

    async with Router(CATALOGUE, credentials(simulator), middleware=[gate]) as router:
        await collect_response(router.stream(MODEL, dataclasses.replace(a_request(), stream=False)))

    assert gate.calls[0].report.done is not None
    assert gate.calls[0].report.first_token is None


async def test_a_refusal_by_middleware_keeps_the_call_from_being_sent(
    simulator: str, journal: Journal
) -> None:
    diary: list[str] = []
    refusal = NotAsked("anthropic", "not today", retry_after=timedelta(seconds=90))
    gates = [RecordingMiddleware("open", diary), RecordingMiddleware("closed", diary, refusal)]

    async with Router(CATALOGUE, credentials(simulator), middleware=gates) as router:
        with pytest.raises(NotAsked) as raised:
            await collect_response(router.stream(MODEL, a_request()))

    assert raised.value.retry_after == timedelta(seconds=90)
    assert diary == ["open in", "open out"]
    assert await journal.requests() == []


async def test_middleware_receives_the_error(simulator: str) -> None:
    gate = RecordingMiddleware("gate", [])

    async with Router(CATALOGUE, credentials(simulator), middleware=[gate]) as router:
        with pytest.raises(Overloaded):
            await collect_response(router.stream(MODEL, a_request("[[fault:529]]")))

    [call] = gate.calls
    assert isinstance(call.report.error, Overloaded)
    assert call.report.done is None
    assert gate.diary == ["gate in", "gate out"]


async def test_middleware_learns_that_a_stream_was_closed(simulator: str) -> None:
    gate = RecordingMiddleware("gate", [])

    async with (
        Router(CATALOGUE, credentials(simulator), middleware=[gate]) as router,
        aclosing(router.stream(MODEL, a_request("[[fault:stall after=2]]"))) as events,
    ):
        async for event in events:
            if isinstance(event, TextDelta):
                break

    [call] = gate.calls
    assert isinstance(call.report.error, GeneratorExit)
    assert gate.diary == ["gate in", "gate out"]
