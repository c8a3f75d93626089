"""Answers of Ollama that break, hang or are of another shape than documented."""

import json
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest

from providers.adapters.base import Adapter, Timeouts
from providers.chat import ChatRequest
from providers.chat_response import collect_response
from providers.errors import (
    CallFailed,
    ConnectionFailed,
    IncompleteStream,
    MalformedResponse,
    Overloaded,
    TimedOut,
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


@pytest.mark.parametrize("after", ["", " after=0"])
async def test_a_call_that_the_server_could_not_parse_is_read_from_its_error(
    adapter: Adapter, ask: Ask, after: str
) -> None:
    prompt = f"{PROMPT} [[fault:parse-error=hermes{after} times=1]]"

    answer = await answer_of(adapter, ask(prompt, tools=(LOOK,)))

    [call] = answer.tool_calls
    assert (call.name, json.loads(call.arguments)) == ("look", {"x": 2})
    assert answer.done.notes


async def test_words_of_the_model_in_an_error_are_no_advice() -> None:
    quoted = "model 'x' not found, out of memory"
    message = f"error parsing tool call: raw='{quoted}', err=invalid character 'm'"

    with pytest.raises(MalformedResponse):
        await ask_ollama(write_lines({"error": message}), status=500)


async def test_a_quoted_call_that_is_broken_is_asked_for_again(
    adapter: Adapter, ask: Ask, journal: Journal
) -> None:
    prompt = f"{PROMPT} [[fault:parse-error=stripped flaw=truncated times=1]]"

    answer = await answer_of(adapter, ask(prompt, tools=(LOOK,)))

    statuses = [entry["status"] for entry in await journal.requests()]
    assert statuses[0] == 500
    assert len(answer.tool_calls) == 1


async def test_a_server_that_dies_in_the_middle_gives_no_answer(adapter: Adapter, ask: Ask) -> None:
    seen = 0
    with pytest.raises(ConnectionFailed):
        async for _ in adapter.stream(ask("hello [[fault:cut after=3]]"), timeouts=Timeouts()):
            seen += 1

    assert seen


async def test_a_call_may_take_as_long_as_a_first_token(adapter: Adapter, ask: Ask) -> None:
    # A call comes in one piece, so that nothing is sent while the model writes it.
    hasty = Timeouts(first_token=timedelta(seconds=1), stall=timedelta(seconds=0.1))
    prompt = "[[pieces:20]] [[fault:stall after=1]]"

    with pytest.raises(TimedOut, match=r"stall timeout after 0\.1 s"):
        await collect_response(adapter.stream(ask(prompt), timeouts=hasty))
    with pytest.raises(TimedOut, match="stall timeout after 1 s"):
        await collect_response(adapter.stream(ask(prompt, tools=(LOOK,)), timeouts=hasty))


async def test_a_stream_without_its_last_line_gives_no_answer() -> None:
    with pytest.raises(IncompleteStream):
        await ask_ollama(write_lines(PIECE))


async def test_an_error_in_the_stream_is_an_error() -> None:
    with pytest.raises(Overloaded, match="CUDA"):
        await ask_ollama(write_lines(PIECE, {"error": "an error was encountered: CUDA error"}))


async def test_a_line_of_a_megabyte_is_read() -> None:
    text = "word " * 200_000
    long = {**PIECE, "message": {"role": "assistant", "content": text}}

    answer = await ask_ollama(write_lines(long, LAST))

    assert answer.text == text


async def test_a_line_without_an_end_is_given_up() -> None:
    with pytest.raises(MalformedResponse, match="longer than 16 MiB"):
        await ask_ollama(b'{"message": {"content": "' + b"x" * (17 * 1024**2))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"not json\n", id="text"),
        pytest.param(b'{"message":{"content":\n', id="half"),
        pytest.param(write_lines([PIECE]), id="list"),
        pytest.param(
            write_lines({**PIECE, "message": {"tool_calls": [{"function": 3}]}}), id="call"
        ),
        pytest.param(write_lines({**LAST, "done_reason": "because"}), id="reason"),
    ],
)
async def test_lines_of_another_shape_are_malformed(body: bytes) -> None:
    with pytest.raises(MalformedResponse):
        await ask_ollama(body)


async def test_characters_may_be_split_between_packets(adapter: Adapter, ask: Ask) -> None:
    answer = await answer_of(adapter, ask("[[say:Zürich — 漢字]] [[fault:chop=2]]"))

    assert answer.text == "Zürich — 漢字"


async def test_what_the_server_tells_of_a_model_may_be_missing(
    simulator: str, adapter: Adapter, ask: Ask
) -> None:
    async with httpx.AsyncClient(base_url=simulator, trust_env=False) as client:
        fault = {"spec": "info=500", "vendor": "ollama"}
        await client.post("/_simulator/faults", json={"faults": [fault]})
        try:
            answer = await answer_of(adapter, ask("Hello", model="untold:8b"))
            with pytest.raises(CallFailed):
                await adapter.list_models()
        finally:
            await client.post("/_simulator/faults", json={"faults": []})

    assert answer.text
