"""Servers of open-weight models from their discovery to a call of a tool, as users have them.

The simulator answers without the mark by which COGO otherwise leaves it alone.
"""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from starlette.applications import Starlette

from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential
from providers.chat import STRUCTURED, ChatRequest, FinishReason, Message
from providers.chat_response import ChatResponse, collect_response
from providers.errors import MalformedResponse, ModelNotFound
from providers.router import Router
from providers.smoke_test import STEPS, run_smoke_test
from simulator import create_simulator, run_simulator
from simulator.local.call_deltas import DELTAS
from simulator.request import Vendor
from simulator.server import LONE_PORTS
from tests.contract.providers.ollama_answers import LOOK, PROMPT
from tests.support.eventually import eventually

CATALOGUE = Catalogue.load()
SERVERS = {
    "ollama": "/ollama/v1",
    "llamacpp": "/llamacpp/plain/v1",
    "lmstudio": "/lmstudio/v1",
    "vllm": "/vllm/v1",
}
HELLO = (Message(role="user", content="hello"),)
LANES = {
    "ollama/qwen3:8b": STRUCTURED,
    "ollama/llama3.1:8b": STRUCTURED,
    "ollama/gemma3:4b": "generic_tool_use",
    "ollama/smollm2:135m": "generic_tool_use",
    "llamacpp/SmolLM2-135M-Instruct.Q4_1": "generic_tool_use",
    "lmstudio/qwen/qwen3-8b": STRUCTURED,
    "lmstudio/google/gemma-3-4b": "generic_tool_use",
    "vllm/Qwen/Qwen3-8B": STRUCTURED,
}
"""Lanes, and how their models call tools."""


@pytest.fixture
async def router(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Router]:
    """Yield a router that has found all servers."""

    def create_unmarked(**options: Any) -> Starlette:
        app = create_simulator(**options)
        app.user_middleware.clear()
        return app

    monkeypatch.setattr("simulator.server.create_simulator", create_unmarked)
    async with run_simulator(speed=0) as url:
        given = {name: Credential(base_url=url + path) for name, path in SERVERS.items()}
        async with Router(CATALOGUE, given) as router:

            async def has_found_all() -> bool:
                await router.discover(recheck=True)
                return {each.lane for each in router.list_open_models()} >= set(LANES)

            await eventually(has_found_all)
            yield router


@pytest.mark.parametrize("vendor", list(LONE_PORTS))
async def test_the_simulator_of_one_server_is_found_as_the_server(vendor: Vendor) -> None:
    assert LONE_PORTS[vendor] in CATALOGUE.providers[vendor].ports
    async with run_simulator(speed=0, alone=vendor) as url:
        given = {vendor.value: Credential(base_url=f"{url}/v1")}
        async with Router(CATALOGUE, given) as router:

            async def has_found_it() -> bool:
                return vendor in {each.provider for each in await router.discover()}

            await eventually(has_found_it)
            lane = next(each for each in router.list_lanes() if each.startswith(f"{vendor}/"))
            answer = await answer_of(router, lane, ChatRequest(model="", messages=HELLO))

    assert answer.text


def ask(prompt: str = PROMPT, *turns: Message, **fields: Any) -> ChatRequest:
    messages = (Message(role="user", content=prompt), *turns)
    return ChatRequest(model="", messages=messages, **({"tools": (LOOK,)} | fields))


async def answer_of(router: Router, lane: str, request: ChatRequest) -> ChatResponse:
    return await collect_response(router.call(lane, request).events)


@pytest.fixture(params=sorted(LANES))
def lane(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return each lane in turn."""
    yield request.param


async def test_every_model_calls_a_tool_and_reads_its_result(router: Router, lane: str) -> None:
    called = await answer_of(router, lane, ask())

    [call] = called.tool_calls
    assert (call.name, json.loads(call.arguments)) == ("look", {"x": 2})
    assert (call.form, call.rejection) == (LANES[lane], None)
    assert called.done.finish_reason is FinishReason.TOOL_CALLS
    assert called.text == ""
    turns = (
        Message(
            role="assistant", content="", tool_calls=called.tool_calls, replay=called.done.replay
        ),
        Message(role="tool", content="clear skies", tool_call_id=call.id),
    )
    after = await answer_of(router, lane, ask(PROMPT, *turns))
    assert "clear skies" in after.text
    assert not after.tool_calls


async def test_every_model_calls_a_tool_if_it_must(router: Router, lane: str) -> None:
    answer = await answer_of(router, lane, ask("Hello", tool_choice="required"))

    assert [call.name for call in answer.tool_calls] == ["look"]


async def test_every_model_follows_a_schema(router: Router, lane: str) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    }

    answer = await answer_of(router, lane, ask("Name a city", tools=(), response_schema=schema))

    assert set(json.loads(answer.text)) == {"city"}


async def test_a_call_that_the_server_lost_is_found_or_asked_for_again(
    router: Router, lane: str
) -> None:
    prompt = f"{PROMPT} [[fault:parse-error=hermes flaw=repairable times=1]]"
    try:
        answer = await answer_of(router, lane, ask(prompt))
    except MalformedResponse:
        pytest.fail("the quoted call was not read")

    assert [json.loads(call.arguments) for call in answer.tool_calls] == [{"x": 2}]


async def test_reasoning_in_the_text_is_no_text(router: Router, lane: str) -> None:
    answer = await answer_of(router, lane, ask("[[say:yes]] [[fault:thinking=tags]]", tools=()))

    assert answer.text.strip() == "yes"
    assert answer.reasoning


async def test_every_model_passes_the_smoke_test(router: Router, lane: str) -> None:
    [deployment] = router.list_deployments(lane)

    results = [each async for each in run_smoke_test(router, deployment)]

    assert [(each.step, each.ok) for each in results] == [(step, True) for step in STEPS]


async def test_a_call_that_must_not_run_fails_the_smoke_test(router: Router) -> None:
    [deployment] = router.list_deployments("ollama/writes-hermes-unknown-tool:8b")

    *_, last = [each async for each in run_smoke_test(router, deployment)]

    assert (last.step, last.ok) == ("tool call", False)
    assert "No such tool" in last.detail


@pytest.mark.parametrize("how", DELTAS)
async def test_calls_of_a_stream_are_whole_however_they_come(router: Router, how: str) -> None:
    prompt = f'look {{"x": 2}} and look {{"x": 3}} [[fault:call-deltas={how}]]'
    for lane in ("vllm/Qwen/Qwen3-8B", "lmstudio/qwen/qwen3-8b"):
        answer = await answer_of(router, lane, ask(prompt))

        assert [json.loads(call.arguments) for call in answer.tool_calls] == [{"x": 2}, {"x": 3}]
        assert len({call.id for call in answer.tool_calls}) == 2
        assert all(call.rejection is None for call in answer.tool_calls)


async def test_a_model_that_was_removed_says_how_to_get_it(router: Router) -> None:
    with pytest.raises(ModelNotFound, match="`ollama pull"):
        await answer_of(router, "ollama/not-pulled:1b", ask())
