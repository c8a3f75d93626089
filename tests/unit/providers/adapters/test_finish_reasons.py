"""Finish reasons: an unknown one is a failed call, whatever the vendor."""

from collections.abc import Callable

import pytest

from providers.adapters.anthropic.stream import AnthropicStreamParser
from providers.adapters.finish_reasons import map_finish_reason
from providers.adapters.gemini.stream import GeminiStreamParser
from providers.adapters.openai.stream import OpenAIStreamParser
from providers.chat import Done, FinishReason
from providers.errors import (
    CallFailed,
    ContentFiltered,
    ContextTooLong,
    IncompleteStream,
    MalformedResponse,
    Overloaded,
)


def by_chunks(word: str) -> Done:
    reader = OpenAIStreamParser("a-vendor", secret="")
    reader.parse({"choices": [{"delta": {"content": "x"}, "finish_reason": word}]})
    return next(each for each in reader.close(request_id=None, notes=()) if isinstance(each, Done))


def by_messages(word: str) -> Done:
    reader = AnthropicStreamParser(vendor="anthropic", secret="")
    content = [{"type": "text", "text": "x"}]
    reader.parse({"type": "message", "content": content, "stop_reason": word})
    return next(each for each in reader.close(request_id=None, notes=()) if isinstance(each, Done))


def by_responses(word: str) -> Done:
    reader = GeminiStreamParser(model="m", secret="", keeps_parts=False)
    candidate = {"content": {"parts": [{"text": "x"}]}, "finishReason": word}
    list(reader.parse({"candidates": [candidate]}))
    return next(each for each in reader.close(notes=()) if isinstance(each, Done))


READERS = pytest.mark.parametrize("read", [by_chunks, by_messages, by_responses])
Read = Callable[[str], Done]


@READERS
@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("stop", FinishReason.STOP),
        ("STOP", FinishReason.STOP),
        ("end_turn", FinishReason.STOP),
        ("eos", FinishReason.STOP),
        ("length", FinishReason.LENGTH),
        ("max_tokens", FinishReason.LENGTH),
        ("MAX_TOKENS", FinishReason.LENGTH),
        ("maxTokens", FinishReason.LENGTH),
        ("MaxOutputTokens", FinishReason.LENGTH),
        ("max-tokens", FinishReason.LENGTH),
        ("max_completion_tokens", FinishReason.LENGTH),
        ("max_tokens_reached", FinishReason.LENGTH),
        ("model_length", FinishReason.LENGTH),
    ],
)
def test_a_good_end_is_known_in_any_spelling_and_the_vendors_word_is_kept(
    read: Read, word: str, meaning: FinishReason
) -> None:
    done = read(word)

    assert (done.finish_reason, done.vendor_finish_reason) == (meaning, word)


@READERS
@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("content_filter", ContentFiltered),
        ("refusal", ContentFiltered),
        ("SAFETY", ContentFiltered),
        ("insufficient_system_resource", Overloaded),
        ("abort", Overloaded),
        ("error", Overloaded),
        ("OTHER", Overloaded),
        ("pause_turn", IncompleteStream),
        ("model_context_window_exceeded", ContextTooLong),
        ("MALFORMED_FUNCTION_CALL", MalformedResponse),
        ("something new", MalformedResponse),
        ("maximum fun", MalformedResponse),
        ("stop it", MalformedResponse),
    ],
)
def test_every_other_end_is_a_failed_call_that_names_the_word(
    read: Read, word: str, kind: type[CallFailed]
) -> None:
    with pytest.raises(kind, match=word) as failed:
        read(word)

    assert type(failed.value) is kind
    assert failed.value.reroute


def test_an_endless_word_with_a_key_in_it_is_neither_shown_nor_repeated() -> None:
    with pytest.raises(MalformedResponse) as failed:
        map_finish_reason("a-vendor", "the-secret " + "x" * 1_000_000, secret="the-secret")

    assert "the-secret" not in str(failed.value)
    assert len(str(failed.value)) < 300


@pytest.mark.parametrize("field", ["delta", "message"])
def test_a_refusal_is_filtered_and_its_words_are_kept(field: str) -> None:
    reader = OpenAIStreamParser("a-vendor", secret="")
    for said in ("I will not ", "do that."):
        reader.parse({"choices": [{field: {"content": None, "refusal": said}}]})
    reader.parse({"choices": [{field: {}, "finish_reason": "stop"}]})

    with pytest.raises(ContentFiltered, match=r"I will not do that\."):
        list(reader.close(request_id=None, notes=()))


def test_a_refusal_among_the_parts_of_a_content_is_one_too() -> None:
    reader = OpenAIStreamParser("a-vendor", secret="")
    parts = [{"type": "refusal", "refusal": "No."}]
    events = reader.parse({"choices": [{"delta": {"content": parts}, "finish_reason": "stop"}]})

    assert events == []
    with pytest.raises(ContentFiltered, match=r"No\."):
        list(reader.close(request_id=None, notes=()))


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({"type": "refusal", "category": "bio", "explanation": "Too dangerous."}, "Too dangerous."),
        (None, "I cannot help"),
    ],
)
def test_anthropics_refusal_keeps_the_vendors_words_or_the_models(
    details: object, words: str
) -> None:
    reader = AnthropicStreamParser(vendor="anthropic", secret="")
    message = {
        "type": "message",
        "content": [{"type": "text", "text": "I cannot help with that."}],
        "stop_reason": "refusal",
        "stop_details": details,
    }
    reader.parse(message)

    with pytest.raises(ContentFiltered, match=words):
        list(reader.close(request_id=None, notes=()))


@pytest.mark.parametrize(
    "response",
    [
        {"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "Not this."}},
        {"candidates": [{"finishReason": "SAFETY", "finishMessage": "Not this."}]},
    ],
)
def test_a_text_that_gemini_blocks_keeps_its_reason(response: object) -> None:
    reader = GeminiStreamParser(model="m", secret="", keeps_parts=False)
    list(reader.parse(response))

    with pytest.raises(ContentFiltered, match=r"SAFETY.*Not this\."):
        list(reader.close(notes=()))
