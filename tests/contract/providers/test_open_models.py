"""Tool calls at servers of open models that leave them in the text, refuse or destroy them."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from providers.adapters.base import Adapter, Timeouts
from providers.adapters.open_models.reading import NOTE_RESCUED
from providers.adapters.open_models.refusals import NOTE_REPEATED, NOTE_TAUGHT
from providers.adapters.registry import make_adapter
from providers.catalogue.deployment import Credential
from providers.chat import (
    CallRejection,
    ChatRequest,
    FinishReason,
    Message,
    TextCalls,
    Tool,
    ToolCall,
)
from providers.chat_response import ChatResponse, collect_response
from providers.router import Router
from simulator.local.call_texts import FORMS
from tests.contract.providers.calls import credentials
from tests.contract.providers.conftest import BASE_URLS, CATALOGUE, MODELS
from tests.support.servers.simulator import Journal

PARAMETERS = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = Tool(name="get_weather", description="Weather of a city.", parameters=PARAMETERS)
TIME = Tool(name="get_time", description="Time of a city.", parameters=PARAMETERS)
ARGUMENTS = {"city": "Zürich <1>", "days": 2}
PROMPT = f"Look it up: get_weather {json.dumps(ARGUMENTS, ensure_ascii=False)}"
FAMILIES = {"pythonic": "llama"}
VENDORS = ("llamacpp", "lmstudio", "vllm")

GIVEN_UP = (
    Message(role="user", content=PROMPT),
    Message(
        role="assistant",
        content="",
        tool_calls=(
            ToolCall(id="a", name="get_weather", arguments='{"city": '),
            ToolCall(
                id="b",
                name="",
                arguments="<tool_call>{nope</tool_call>",
                form="text",
                rejection=CallRejection(reason="malformed", detail="The call cannot be read."),
            ),
        ),
    ),
    Message(role="tool", content="It is cut off.", tool_call_id="a"),
    Message(role="tool", content="The call cannot be read.", tool_call_id="b"),
)
"""A conversation of which an open model can make no more."""


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
async def adapter(simulator: str, vendor: str) -> AsyncIterator[Adapter]:
    provider = CATALOGUE.providers[vendor]
    url = simulator + BASE_URLS[vendor]
    async with make_adapter(provider, base_url=url, key=SecretStr("a-key")) as adapter:
        yield adapter


def a_request(vendor: str, fault: str = "", **changes: object) -> ChatRequest:
    marker = f" [[fault:{fault}]]" if fault else ""
    fields: dict[str, object] = {
        "model": MODELS[vendor],
        "messages": (Message(role="user", content=PROMPT + marker),),
        "tools": (WEATHER, TIME),
        "text_calls": TextCalls(),
        **changes,
    }
    return ChatRequest(**fields)  # type: ignore[arg-type]  # a builder's shorthand


async def call(adapter: Adapter, request: ChatRequest) -> ChatResponse:
    return await collect_response(adapter.stream(request, timeouts=Timeouts()))


def assert_calls_weather(answer: ChatResponse) -> None:
    assert [each.name for each in answer.tool_calls] == ["get_weather"]
    assert answer.tool_calls[0].rejection is None
    assert json.loads(answer.tool_calls[0].arguments) == ARGUMENTS
    assert answer.done.finish_reason is FinishReason.TOOL_CALLS


@pytest.mark.parametrize("stream", [True, False])
async def test_structured_calls_are_what_they_are(
    adapter: Adapter, vendor: str, *, stream: bool
) -> None:
    answer = await call(adapter, a_request(vendor, stream=stream))

    assert_calls_weather(answer)
    assert (answer.tool_calls[0].form, answer.tool_calls[0].repairs) == ("structured", ())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("stream", [True, False])
async def test_calls_in_the_text_are_found(
    adapter: Adapter, vendor: str, form: str, *, stream: bool
) -> None:
    how = TextCalls(family=FAMILIES.get(form, "auto"))

    answer = await call(
        adapter, a_request(vendor, f"text-calls={form}", stream=stream, text_calls=how)
    )

    assert_calls_weather(answer)
    assert answer.tool_calls[0].form != "structured"
    assert "get_weather" not in answer.text


@pytest.mark.parametrize(
    ("flaw", "reason"),
    [
        ("malformed", "malformed"),
        ("truncated", "truncated"),
        ("unknown-tool", "unknown_tool"),
        ("schema", "schema"),
    ],
)
@pytest.mark.parametrize("form", ["hermes", "generic", "mistral-v11", "deepseek"])
async def test_flawed_calls_are_rejected(
    adapter: Adapter, vendor: str, form: str, flaw: str, reason: str
) -> None:
    answer = await call(adapter, a_request(vendor, f"text-calls={form} flaw={flaw}"))

    [found] = answer.tool_calls
    assert found.rejection is not None
    assert found.rejection.reason == reason


async def test_flaws_that_can_be_mended_are(adapter: Adapter, vendor: str) -> None:
    answer = await call(adapter, a_request(vendor, "text-calls=hermes flaw=repairable"))

    assert_calls_weather(answer)
    assert answer.tool_calls[0].repairs


async def test_a_call_that_is_only_announced_is_reported(adapter: Adapter, vendor: str) -> None:
    answer = await call(adapter, a_request(vendor, "text-calls=generic flaw=intent"))

    assert answer.tool_calls == ()
    assert answer.done.intent == "get_weather"


@pytest.mark.parametrize("stream", [True, False])
async def test_structured_arguments_that_are_broken_are_rejected(
    adapter: Adapter, vendor: str, *, stream: bool
) -> None:
    answer = await call(adapter, a_request(vendor, "bad-arguments", stream=stream))

    assert answer.tool_calls
    assert all(each.rejection is not None for each in answer.tool_calls)


@pytest.mark.parametrize("thinking", ["forced", "tags", "unclosed", "empty"])
@pytest.mark.parametrize("tools", [(), (WEATHER,)])
async def test_reasoning_in_the_text_is_none_of_it(
    adapter: Adapter, vendor: str, thinking: str, tools: tuple[Tool, ...]
) -> None:
    text = f"Write a fibonacci function [[fault:thinking={thinking}]]"
    messages = (Message(role="user", content=text),)

    answer = await call(adapter, a_request(vendor, messages=messages, tools=tools))

    assert "think>" not in answer.text + answer.reasoning
    assert answer.text.startswith("Simulated answer") is (thinking != "unclosed")
    assert bool(answer.reasoning) is (thinking != "empty")


@pytest.mark.parametrize("stream", [True, False])
async def test_refused_tools_are_taught_and_called(
    adapter: Adapter, vendor: str, journal: Journal, *, stream: bool
) -> None:
    request = a_request(vendor, "refuses-tools", stream=stream)
    if vendor != "vllm":  # its server drops tools without a word, which only a probe can know
        request = a_request(
            vendor, "refuses-tools", stream=stream, text_calls=TextCalls(tool_mode="text")
        )

    answers = [await call(adapter, request), await call(adapter, request)]

    for answer in answers:
        assert_calls_weather(answer)
    statuses = [each["status"] for each in await journal.requests()]
    assert statuses == ([400, 200, 200] if vendor == "vllm" else [200, 200])
    assert [NOTE_TAUGHT in each.done.notes for each in answers] == [vendor == "vllm"] * 2


@pytest.mark.parametrize("after", ["", " after=1"])
async def test_a_destroyed_answer_is_read_from_the_error(
    adapter: Adapter, vendor: str, after: str
) -> None:
    answer = await call(adapter, a_request(vendor, f"parse-error=hermes{after}"))

    assert_calls_weather(answer)
    assert NOTE_RESCUED in answer.done.notes or NOTE_REPEATED in answer.done.notes


async def test_a_call_that_must_come_comes_though_the_choice_is_ignored(
    adapter: Adapter, vendor: str
) -> None:
    request = a_request(
        vendor,
        "ignores-choice",
        messages=(Message(role="user", content="Say hello. [[fault:ignores-choice]]"),),
        tool_choice="required",
        text_calls=TextCalls(tool_mode="text"),
    )

    answer = await call(adapter, request)

    assert len(answer.tool_calls) == 1
    assert answer.tool_calls[0].rejection is None


@pytest.mark.parametrize("tool_mode", ["structured", "text"])
async def test_a_conversation_with_broken_calls_goes_on(
    adapter: Adapter, vendor: str, tool_mode: str
) -> None:
    how = TextCalls(tool_mode=tool_mode)  # type: ignore[arg-type]  # of the parameter

    answer = await call(adapter, a_request(vendor, messages=GIVEN_UP, text_calls=how))

    assert answer.text or answer.tool_calls


async def test_the_router_teaches_and_says_so(simulator: str) -> None:
    opened = {"vllm": Credential(base_url=simulator + BASE_URLS["vllm"], simulated=True)}
    request = replace(a_request("vllm", "refuses-tools"), model="", text_calls=None)

    async with Router(CATALOGUE, opened) as router:
        answer = await collect_response(router.call(f"vllm/{MODELS['vllm']}", request).events)

    assert_calls_weather(answer)
    assert NOTE_TAUGHT in answer.done.notes


@pytest.mark.parametrize(
    "model_id", ["gpt-6.1-sol", "gpt-4.1", "claude-sonnet-5-5", "gemini-3.8-flash"]
)
async def test_hosted_models_go_on_where_an_open_one_gave_up(
    simulator: str, model_id: str, journal: Journal
) -> None:
    request = replace(a_request("openai", messages=GIVEN_UP), model="", text_calls=None)

    async with Router(CATALOGUE, credentials(simulator)) as router:
        answer = await collect_response(router.call(model_id, request).events)

    assert answer.text or answer.tool_calls
    [sent] = await journal.requests()
    assert sent["status"] == 200
