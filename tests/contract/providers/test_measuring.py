"""Measuring a model at a server that calls tools as data, as text, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final, Literal

import pytest

from cogo.local_model.measure import describe_measurement, measure_model
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.errors import ProviderError
from providers.router import Router
from tests.support.models.paced_server import PAUSE, PacedServer

NOW: Final = datetime(2026, 11, 30, tzinfo=UTC)
LANE: Final = "local-model/m"


@asynccontextmanager
async def router_to(server: PacedServer) -> AsyncIterator[Router]:
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0)
    async with listening:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        async with Router(Catalogue.load(), {"local-model": Credential(base_url=url)}) as router:
            await router.discover()
            yield router


@pytest.mark.parametrize(
    ("calls", "right"),
    [
        ("structured", {"structured": 3}),
        ("text", {"structured": 0, "text": 3}),
        ("never", {"structured": 0, "text": 0}),
    ],
)
async def test_right_calls_are_counted_by_the_way_in_which_tools_were_sent(
    calls: Literal["structured", "text", "never"], right: dict[str, int]
) -> None:
    async with router_to(PacedServer(calls=calls)) as router:
        found = await measure_model(router, LANE, at=NOW)

    assert found.right_calls == right
    assert found.measured.calls_tools is (calls != "never")
    assert found.measured.follows_schema is True
    assert found.measured.measured_at == "2026-11-30T00:00:00+00:00"
    assert found.failures == ()
    last = list(right)[-1]
    assert f"{right[last]} of 3 as {last}; follows a schema" in describe_measurement(found)


@pytest.mark.parametrize(("one_by_one", "parallel"), [(False, 2), (True, 1)])
async def test_speed_is_measured_alone_and_with_two_answers_at_once(
    one_by_one: bool, parallel: int
) -> None:
    async with router_to(PacedServer(one_by_one=one_by_one)) as router:
        found = await measure_model(router, LANE, at=NOW)

    assert found.measured.parallel == parallel
    assert 0 < found.measured.tokens_per_s <= 1 / PAUSE
    assert found.measured.first_token_s >= PAUSE


async def test_a_model_that_does_not_answer_is_not_measured() -> None:
    async with router_to(PacedServer(fails=True)) as router:
        with pytest.raises(ProviderError):
            await measure_model(router, LANE, at=NOW)
