"""Ollama's own API: its context, its refusals, and what goes wrong in the middle."""

import json
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from providers.adapters.base import Adapter, Timeouts
from providers.adapters.ollama.client import find_server_url
from providers.adapters.ollama.request import (
    FIRST_STEP,
    OllamaFacts,
    build_ollama_body,
    choose_context,
    estimate_prompt,
    read_facts,
    read_loaded_context,
)
from providers.chat import (
    ChatRequest,
    FinishReason,
    Message,
    TextCalls,
    Tool,
)
from providers.errors import (
    ContextTooLong,
    ModelNotFound,
    NotSupported,
    Overloaded,
)
from tests.contract.providers.ollama_answers import (
    LAST,
    LOOK,
    PIECE,
    PROMPT,
    answer_of,
    ask_ollama,
    write_lines,
)
from tests.support.servers.simulator import Journal

Ask = Callable[..., ChatRequest]


@pytest.fixture(params=["ollama"])
def vendor(request: pytest.FixtureRequest) -> str:
    """Return the only vendor of these tests."""
    name: str = request.param
    return name


@pytest.fixture
async def server(simulator: str) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the simulated Ollama itself, all of whose models are unloaded."""
    async with httpx.AsyncClient(base_url=f"{simulator}/ollama", trust_env=False) as client:
        yield client


async def loaded_context(server: httpx.AsyncClient, model: str) -> int | None:
    return read_loaded_context((await server.get("/api/ps")).json(), model)


# ------------------------------------------------------------------ its context


async def test_the_context_fits_prompt_and_answer_and_stays_for_smaller_ones(
    adapter: Adapter, ask: Ask, server: httpx.AsyncClient
) -> None:
    model = "a-model:8b"
    long = Message(role="user", content="word " * 10_000)
    first = await answer_of(adapter, ask("Hello", model=model))
    small = await loaded_context(server, model)

    second = await answer_of(adapter, ask(model=model, messages=(long,), max_output_tokens=2_000))
    large = await loaded_context(server, model)
    third = await answer_of(adapter, ask("Hello", model=model))

    assert (small, large) == (FIRST_STEP, 32_768)
    assert await loaded_context(server, model) == large  # not loaded again for less
    assert first.usage is not None
    assert second.usage is not None
    assert second.usage.input is not None
    assert second.usage.input > 10_000  # nothing was cut
    assert third.text


async def test_a_prompt_that_no_context_of_the_model_holds_is_refused_before_any_token(
    adapter: Adapter, ask: Ask
) -> None:
    request = ask(model="ctx8k", messages=(Message(role="user", content="x" * 40_000),))
    events = adapter.stream(request, timeouts=Timeouts())

    with pytest.raises(ContextTooLong):
        await anext(events)


async def test_a_prompt_of_more_tokens_than_estimated_is_sent_with_the_room_it_needs(
    adapter: Adapter, server: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    monkeypatch.setattr("providers.adapters.ollama.client.estimate_prompt", lambda _: 1)
    model = "many-tokens:8b"

    answer = await answer_of(
        adapter, ask(model=model, messages=(Message(role="user", content="word " * 20_000),))
    )

    assert answer.usage is not None
    assert answer.usage.input == 25_000
    assert await loaded_context(server, model) == 32_768


async def test_an_old_server_that_cuts_the_prompt_all_the_same_is_noticed() -> None:
    cut = {**LAST, "prompt_eval_count": FIRST_STEP, "eval_count": 1}

    with pytest.raises(ContextTooLong, match="the prompt was cut"):
        await ask_ollama(write_lines(PIECE, cut))


@pytest.mark.parametrize(
    ("needed", "loaded", "facts", "context"),
    [
        (100, None, OllamaFacts(), 8_192),
        (8_193, None, OllamaFacts(), 16_384),
        (100, 32_768, OllamaFacts(), 32_768),
        (40_000, 32_768, OllamaFacts(), 65_536),
        (40_000, 32_768, OllamaFacts(context=32_768), 32_768),
        (40_000, None, OllamaFacts(context=40_960), 40_960),
        (100, None, OllamaFacts(context=2_048), 2_048),
        (100, None, OllamaFacts(usual_context=4_096), 4_096),
        (5_000, None, OllamaFacts(usual_context=4_096), 8_192),
        (5_000, 6_000, OllamaFacts(usual_context=20_000), 6_000),
    ],
)
def test_contexts_grow_in_steps(
    needed: int, loaded: int | None, facts: OllamaFacts, context: int
) -> None:
    assert choose_context(needed, loaded=loaded, facts=facts) == context


@pytest.mark.parametrize("shown", [None, [], {"model_info": 3}, {"capabilities": "tools"}])
def test_facts_of_any_shape_are_unknown(shown: object) -> None:
    assert read_facts(shown) == OllamaFacts()
    assert read_loaded_context(shown, "m") is None


def test_the_context_of_a_modelfile_is_known() -> None:
    shown = {
        "parameters": 'stop    "<|im_end|>"\nnum_ctx                        16384',
        "model_info": {"general.architecture": "qwen3", "qwen3.context_length": 40_960},
        "capabilities": ["completion", "thinking"],
    }

    assert read_facts(shown) == OllamaFacts(context=40_960, thinks=True, usual_context=16_384)


@pytest.mark.parametrize("model", ["qwen3:8b", "Qwen3:8B", "llava"])
def test_a_loaded_model_is_found_by_any_of_its_names(model: str) -> None:
    rows = [
        {"name": "qwen3:8b", "context_length": 9},
        {"model": "llava:latest", "context_length": 9},
    ]

    assert read_loaded_context({"models": [3, *rows]}, model) == 9
    assert read_loaded_context({"models": rows}, "qwen3:4b") is None


def test_images_and_turns_count() -> None:
    request = ChatRequest(model="m", messages=(Message(role="user", content="x" * 300),))

    assert 100 < estimate_prompt(request) < 200


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:11434",
        "http://127.0.0.1:11434/",
        "http://127.0.0.1:11434/v1",
        "http://127.0.0.1:11434/v1/",
        "http://127.0.0.1:11434/v1/chat/completions",
        "http://127.0.0.1:11434/api",
        "http://127.0.0.1:11434/api/chat",
    ],
)
def test_the_base_url_may_name_either_api(url: str) -> None:
    assert find_server_url(url) == "http://127.0.0.1:11434"


# ------------------------------------------------------------------ its refusals


async def test_a_model_that_is_missing_says_how_to_get_it(adapter: Adapter, ask: Ask) -> None:
    with pytest.raises(ModelNotFound, match="`ollama pull not-pulled:1b` fetches it"):
        await answer_of(adapter, ask(model="not-pulled:1b"))


async def test_a_server_of_another_api_says_what_to_configure() -> None:
    with pytest.raises(NotSupported, match='adapter = "openai_compatible"'):
        await ask_ollama(b"404 page not found", status=404)


async def test_too_little_memory_is_named() -> None:
    problem = "model requires more system memory (9.1 GiB) than is available (4.0 GiB)"
    with pytest.raises(Overloaded, match="too little memory"):
        await ask_ollama(write_lines({"error": problem}), status=500)


async def test_a_model_that_does_not_think_answers_without(adapter: Adapter, ask: Ask) -> None:
    told = await answer_of(adapter, ask("Hello", model="gemma3:4b", reasoning_effort="high"))

    assert told.text
    assert not told.reasoning
    assert any("does not reason" in note for note in told.done.notes)


async def test_a_model_without_levels_of_reasoning_reasons(adapter: Adapter, ask: Ask) -> None:
    request = ask("Hello", model="deepseek-gpt-oss-no-levels:20b", reasoning_effort="low")

    assert (await answer_of(adapter, request)).reasoning


async def test_a_model_that_does_not_see_is_told_apart_from_a_failure() -> None:
    blind = {"error": "this model is missing data required for image input"}

    with pytest.raises(NotSupported, match="does not see"):
        await ask_ollama(write_lines(blind), status=500)


async def test_a_parameter_that_may_be_anything_is_sent_as_an_object() -> None:
    tool = Tool(name="f", description="", parameters={"type": "object", "properties": {"x": True}})
    request = ChatRequest(model="m", messages=(Message(role="user", content="hi"),), tools=(tool,))

    body, _ = build_ollama_body(request, vendor="ollama", facts=OllamaFacts())

    assert body["tools"][0]["function"]["parameters"]["properties"] == {"x": {}}


@pytest.mark.parametrize("model", ["gemma3:4b", "no-tools:8b"])
async def test_a_model_without_tools_is_taught_them_and_is_not_refused_twice(
    adapter: Adapter, ask: Ask, journal: Journal, model: str
) -> None:
    for _ in range(2):
        answer = await answer_of(adapter, ask(PROMPT, model=model, tools=(LOOK,)))
        [call] = answer.tool_calls
        assert (call.name, json.loads(call.arguments)) == ("look", {"x": 2})
        assert answer.done.finish_reason is FinishReason.TOOL_CALLS

    asked = [entry for entry in await journal.requests() if entry["model"] == model]
    assert [entry["status"] for entry in asked] == [400, 200, 200]


@pytest.mark.parametrize("form", ["hermes", "llama", "mistral", "generic", "qwen-xml"])
@pytest.mark.parametrize("streamed", [True, False])
async def test_calls_in_the_text_are_found(
    adapter: Adapter, ask: Ask, form: str, streamed: bool
) -> None:
    how = TextCalls(family="llama" if form == "llama" else "auto")
    request = ask(PROMPT, model=f"writes-{form}:8b", tools=(LOOK,), stream=streamed, text_calls=how)

    answer = await answer_of(adapter, request)

    [call] = answer.tool_calls
    assert (call.name, json.loads(call.arguments)) == ("look", {"x": 2})
    assert call.form != "structured"
    assert answer.done.finish_reason is FinishReason.TOOL_CALLS
    assert "look" not in answer.text


@pytest.mark.parametrize(
    ("flaw", "reason"),
    [
        ("malformed", "malformed"),
        ("truncated", "truncated"),
        ("unknown-tool", "unknown_tool"),
        ("schema", "schema"),
    ],
)
async def test_a_call_that_must_not_run_says_why(
    adapter: Adapter, ask: Ask, flaw: str, reason: str
) -> None:
    model = f"writes-hermes-{flaw}:8b"

    answer = await answer_of(adapter, ask(PROMPT, model=model, tools=(LOOK,)))

    [call] = answer.tool_calls
    assert call.rejection is not None
    assert call.rejection.reason == reason


async def test_a_structured_call_of_no_tool_is_rejected(adapter: Adapter, ask: Ask) -> None:
    answer = await answer_of(adapter, ask(f"{PROMPT} [[fault:unknown-tool]]", tools=(LOOK,)))

    [call] = answer.tool_calls
    assert call.rejection is not None
    assert call.rejection.reason == "unknown_tool"


async def test_an_announced_call_is_an_intent(adapter: Adapter, ask: Ask) -> None:
    answer = await answer_of(adapter, ask(PROMPT, model="writes-hermes-intent:8b", tools=(LOOK,)))

    assert not answer.tool_calls
    assert answer.done.intent == "look"
