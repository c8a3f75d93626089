from collections.abc import AsyncGenerator
from typing import cast

import pytest
from pydantic import SecretStr

from providers.adapters.base import Adapter, Timeouts
from providers.calls.masking import MASK, mask_answer, mask_keys, mask_request
from providers.calls.prepare import prepare_chat
from providers.catalogue.catalogue import Catalogue
from providers.catalogue.deployment import Credential, Deployment
from providers.catalogue.keyring import Keyring
from providers.chat import (
    Attachment,
    CallRejection,
    ChatRequest,
    Citation,
    Done,
    Event,
    FinishReason,
    Message,
    ReasoningDelta,
    TextDelta,
    TextWasThinking,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
)
from providers.chat_response import collect_response
from providers.errors import IncompleteStream
from providers.router import Router
from providers.secrets import Redactor
from tests.support.keys import KEYS


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_key_is_masked_wherever_it_stands(key: str) -> None:
    assert mask_keys(f'client = Client("{key}")', Redactor()) == (f'client = Client("{MASK}")', 1)


@pytest.mark.parametrize(
    "text",
    [
        "def task_live_key(sk): return sk - 1",
        "the risk-free-rate-of-return-in-the-model",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "import hf_hub; x = 'sk-'",
        "https://example.com/eyJhbGciOi",
    ],
)
def test_ordinary_code_is_left_alone(text: str) -> None:
    assert mask_keys(text, Redactor()) == (text, 0)


def test_every_part_of_a_request_is_masked_and_counted() -> None:
    key = KEYS["Fireworks"]
    call = ToolCall(id="1", name="f", arguments=f'{{"k": "{key}"}}')
    request = ChatRequest(
        model="m",
        system=f"use {key}",
        messages=(
            Message(role="user", content=f"{key} and {key}"),
            Message(role="assistant", content="", tool_calls=(call,)),
        ),
    )

    sent, found = mask_request(request, Redactor())

    assert found == 4
    assert key not in repr(sent)
    assert mask_request(sent, Redactor()) == (sent, 0)


def test_text_files_and_results_of_tools_are_masked_but_not_images_and_addresses() -> None:
    key = KEYS["Fireworks"]
    files = (
        Attachment(media_type="text/plain", data=f"use {key}".encode()),
        Attachment(media_type="application/json", data=b"{}"),
        Attachment(media_type="image/png", data=f"png {key}".encode()),
        Attachment(media_type="image/png", url=f"https://example.com/a.png?token={key}"),
    )
    request = ChatRequest(
        model="m",
        messages=(
            Message(role="user", content="hi", attachments=files),
            Message(role="tool", content=f"it is {key}", tool_call_id="1"),
        ),
    )

    sent, found = mask_request(request, Redactor())

    assert found == 2
    prompt, result = sent.messages
    assert prompt.attachments[0].data == b"use [masked key]"
    assert prompt.attachments[1:] == files[1:]
    assert result.content == "it is [masked key]"


@pytest.mark.parametrize("key", [*KEYS.values(), "known-value-of-a-key"])
@pytest.mark.parametrize("size", [1, 3, 1000])
async def test_a_key_that_a_vendor_echoes_is_masked_in_every_part_of_the_answer(
    key: str, size: int
) -> None:
    text = f"I was sent {key}, as you see"

    async def echo() -> AsyncGenerator[Event, None]:
        for at in range(0, len(text), size):
            yield ReasoningDelta(text[at : at + size])
            yield TextDelta(text[at : at + size])
            yield ToolCallDelta(index=0, id="1", name="f", arguments=text[at : at + size])
        rejection = CallRejection(reason="schema", detail=text)
        yield ToolCall(id="1", name="f", arguments=text, rejection=rejection)
        yield Citation(url=f"https://example.com/?key={key}", title=key)
        yield TokenUsage(input=1, raw={"echo": [key]})
        yield Done(
            finish_reason=FinishReason.STOP, vendor_finish_reason=key, model=key, request_id=key
        )

    said = [event async for event in mask_answer(echo(), Redactor(["known-value-of-a-key"]))]

    async def again() -> AsyncGenerator[Event, None]:
        for event in said:
            yield event

    answer = await collect_response(again())
    assert answer.text == answer.reasoning == "I was sent [redacted], as you see"
    assert key not in repr(said)
    assert "keys in the answer were masked" in answer.done.notes[-1]


async def test_held_back_text_comes_at_the_end_of_an_answer_that_breaks_off() -> None:
    async def broken() -> AsyncGenerator[Event, None]:
        yield TextDelta("the prefix is sk-")

    said = [event async for event in mask_answer(broken(), Redactor())]

    assert said == [TextDelta("the prefix is "), TextDelta("sk-")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the prefix is sk-", [TextDelta("the prefix is "), TextDelta("sk-")]),
        (f"it is {KEYS['Fireworks']}", [TextDelta("it is "), TextDelta("[redacted]")]),
        ("sk-", []),  # nobody saw a word, so the call can be repeated
    ],
)
async def test_held_back_text_comes_before_an_error_once_some_of_the_answer_was_seen(
    text: str, expected: list[Event]
) -> None:
    async def failing() -> AsyncGenerator[Event, None]:
        yield TextDelta(text)
        raise IncompleteStream("acme", "it broke off")

    said: list[Event] = []
    with pytest.raises(IncompleteStream):
        async for event in mask_answer(failing(), Redactor()):
            said.append(event)  # noqa: PERF401 - what came before the error counts

    assert said == expected


@pytest.mark.parametrize("model", ["claude-sonnet-5-5", "ollama/m"])
async def test_no_answer_shows_a_key_that_is_loaded_here(model: str) -> None:
    key, dummy = "0123456789abcdef0123", "lm-studio"  # of a vendor whose keys have no shape
    opened = {
        "anthropic": Credential(key=SecretStr(key)),
        "mistral": Credential(key=SecretStr("another-known-value")),
        "ollama": Credential(key=SecretStr(dummy), base_url="http://127.0.0.1:1/v1"),
    }
    router = Router(Catalogue.load(), opened)
    place = router.list_deployments(model)[0]

    class Echo:
        async def stream(
            self, request: ChatRequest, *, timeouts: Timeouts
        ) -> AsyncGenerator[Event, None]:
            yield TextDelta(f"{request.messages[0].content} {key} another-known-value {dummy}")
            yield Done(finish_reason=FinishReason.STOP, vendor_finish_reason="")

    async def echo(_: Deployment, __: SecretStr | None) -> Adapter:
        return cast("Adapter", Echo())

    request = ChatRequest(model="m", messages=(Message(role="user", content=f"hello {key}"),))
    redactor = router.keyring.get_redactor(shapes=place.masks_keys)
    prepared = prepare_chat(request, place, echo, redactor)
    await prepared.open(None)

    answer = await collect_response(prepared.stream(Timeouts()))

    hello = "hello [redacted]" if place.host.local else "hello [masked key]"
    assert answer.text == f"{hello} [redacted] [redacted] {dummy}"


def test_the_simulators_key_is_a_word_and_stays_in_its_answers() -> None:
    opened = {"openai": Credential(key=SecretStr("simulated-by-nobody"), simulated=True)}

    assert Keyring(opened).get_redactor(shapes=True).known == ()


async def test_masking_keeps_what_was_thinking_apart_from_the_text() -> None:
    key = KEYS["Fireworks"]

    async def say() -> AsyncGenerator[Event, None]:
        yield TextDelta(f"with {key} or fw_")
        yield TextWasThinking()
        yield TextDelta(f"so {key}")
        yield Done(finish_reason=FinishReason.STOP, vendor_finish_reason="stop")

    answer = await collect_response(mask_answer(say(), Redactor()))

    assert (answer.reasoning, answer.text) == (
        "with [redacted] or fw_",
        "so [redacted]",
    )
    assert answer.done.notes == ("2 keys in the answer were masked",)
