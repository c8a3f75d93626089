"""The router, with the simulator behind the providers' base URLs."""

import asyncio
from contextlib import aclosing

import pytest
from blockbuster import blockbuster_ctx

from providers.catalogue.catalogue import Catalogue
from providers.chat import ChatRequest, Done, Message
from providers.chat_response import collect_response
from providers.errors import NotServed, UnknownModel
from providers.router import Router
from tests.contract.providers.calls import credentials
from tests.support.eventually import eventually

CATALOGUE = Catalogue.load()
CODING = "fireworks/qwen3-coder-480b-a35b-instruct"


def a_request(prompt: str = "Write a fibonacci function", **changes: object) -> ChatRequest:
    fields = {"model": "", "messages": (Message(role="user", content=prompt),), **changes}
    return ChatRequest(**fields)  # type: ignore[arg-type]  # a builder's shorthand


@pytest.mark.parametrize(
    ("model_id", "provider"),
    [
        ("claude-sonnet-5-5", "anthropic"),
        ("fireworks/qwen3p8-max", "fireworks"),
        ("gpt-6.1-sol", "openai"),
    ],
)
async def test_a_canonical_id_is_answered_by_its_provider(
    simulator: str, model_id: str, provider: str
) -> None:
    async with Router(CATALOGUE, credentials(simulator)) as router:
        call = router.call(model_id, a_request())
        answer = await collect_response(call.events)

        assert (call.deployment.provider, call.deployment.simulated) == (provider, True)
        assert "simulated" in answer.text.lower()
        assert answer.usage is not None
        cost = router.calculate_cost(answer.usage, call.deployment)
        assert cost is not None
        assert cost.usd == 0


async def test_omitted_parameters_are_reported_at_the_end(simulator: str) -> None:
    async with Router(CATALOGUE, credentials(simulator)) as router:
        request = a_request(temperature=0.2, reasoning_effort="high")
        events = [event async for event in router.stream("gpt-4.1", request)]

        assert isinstance(events[-1], Done)
        assert ["reasoning_effort" in note for note in events[-1].notes] == [True]


async def test_served_are_all_models_of_the_keys_that_are_here(simulator: str) -> None:
    only_one = {"fireworks": credentials(simulator)["fireworks"]}

    async with Router(CATALOGUE, only_one) as router:
        lanes = router.list_lanes()

    assert "fireworks/qwen3p8-max" in lanes
    assert CODING not in lanes  # retired
    assert all(lane.startswith("fireworks/") for lane in lanes)


async def test_a_retired_model_may_still_be_asked_for(simulator: str) -> None:
    async with Router(CATALOGUE, credentials(simulator)) as router:
        answer = await collect_response(router.stream(CODING, a_request()))

        assert answer.text


async def test_a_missing_key_is_named_with_the_page_where_to_get_one() -> None:
    async with Router(CATALOGUE, {}) as router:
        with pytest.raises(NotServed) as raised:
            router.call("fireworks/gpt-oss-20b", a_request())

        for part in ("FIREWORKS_API_KEY", "https://", "GROQ_API_KEY"):
            assert part in str(raised.value)
        assert router.list_lanes() == []


async def test_only_canonical_ids_are_called(simulator: str) -> None:
    async with Router(CATALOGUE, credentials(simulator)) as router:
        with pytest.raises(UnknownModel):
            router.call("claude-sonnet", a_request())


async def test_a_deployment_has_no_more_calls_at_once_than_its_limit(simulator: str) -> None:
    entries = CATALOGUE.providers["openai"].model_copy(update={"max_concurrency": 1})
    catalogue = Catalogue.load()
    catalogue.providers = {**catalogue.providers, "openai": entries}

    async with Router(catalogue, credentials(simulator)) as router:
        first = router.stream("gpt-6.1-sol", a_request("[[fault:stall after=1]]"))
        second = router.stream("gpt-6.1-sol", a_request())
        async with aclosing(first), aclosing(second), asyncio.TaskGroup() as group:
            await anext(first)
            waiting = group.create_task(collect_response(second), name="second")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await asyncio.shield(waiting)  # the wait ends, the call goes on
            await first.aclose()
            await eventually(waiting.done, within=5)

        assert waiting.result().text


async def test_nothing_blocks_the_loop_not_even_the_first_call(simulator: str) -> None:
    with blockbuster_ctx():
        async with Router(CATALOGUE, credentials(simulator)) as router:
            for model_id in ("claude-sonnet-5-5", "fireworks/qwen3p8-max", "gpt-6.1-sol"):
                call = router.call(model_id, a_request())
                answer = await collect_response(call.events)
                assert answer.usage is not None
                assert router.calculate_cost(answer.usage, call.deployment) is not None


async def test_a_providers_models_are_listed_through_the_router(simulator: str) -> None:
    async with Router(CATALOGUE, credentials(simulator)) as router:
        assert await router.list_models("fireworks")
        with pytest.raises(NotServed, match="GROQ_API_KEY"):
            await router.list_models("groq")
