"""Token counts of all vendors: ours are disjoint and add up to theirs."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from providers.adapters.anthropic.stream import AnthropicStreamParser
from providers.adapters.gemini.stream import GeminiStreamParser
from providers.adapters.openai.stream import OpenAIStreamParser
from providers.adapters.payload import MAX_TOKENS, merge_counts
from providers.chat import Event, TokenUsage
from tests.support.token_counts import counts_of


def openai(raw: dict[str, Any]) -> list[Event]:
    return list(OpenAIStreamParser("a-vendor", secret="").parse({"choices": [], "usage": raw}))


def groq(raw: dict[str, Any]) -> list[Event]:
    return list(
        OpenAIStreamParser("a-vendor", secret="").parse({"choices": [], "x_groq": {"usage": raw}})
    )


def anthropic(raw: dict[str, Any]) -> list[Event]:
    start = {"type": "message_start", "message": {"model": "m", "usage": raw}}
    return list(AnthropicStreamParser(vendor="anthropic", secret="").parse(start))


def gemini(raw: dict[str, Any]) -> list[Event]:
    reader = GeminiStreamParser(model="m", secret="", keeps_parts=False)
    return list(reader.parse({"candidates": [], "usageMetadata": raw}))


Read = Callable[[dict[str, Any]], list[Event]]
# A dialect, what the vendor sent, the tokens of its prompt and those that it generated.
SAID: list[tuple[str, Read, dict[str, Any], int, int]] = [
    ("openai", openai, {"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}, 9, 4),
    (
        "openai, cached and reasoning",
        openai,
        {
            "prompt_tokens": 100,
            "completion_tokens": 40,
            "prompt_tokens_details": {"cached_tokens": 64},
            "completion_tokens_details": {"reasoning_tokens": 30},
        },
        100,
        40,
    ),
    (
        "openrouter, written to a cache",
        openai,
        {
            "prompt_tokens": 100,
            "completion_tokens": 4,
            "prompt_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 16},
        },
        100,
        4,
    ),
    (
        "more cached than there was",
        openai,
        {
            "prompt_tokens": 10,
            "completion_tokens": 4,
            "prompt_tokens_details": {"cached_tokens": 64, "cache_write_tokens": 16},
        },
        10,
        4,
    ),
    (
        "deepseek",
        openai,
        {
            "prompt_tokens": 100,
            "completion_tokens": 4,
            "prompt_cache_hit_tokens": 60,
            "prompt_cache_miss_tokens": 40,
        },
        100,
        4,
    ),
    (
        "xai, thinking beside the completion",
        openai,
        {
            "prompt_tokens": 10,
            "completion_tokens": 4,
            "total_tokens": 20,
            "completion_tokens_details": {"reasoning_tokens": 6},
        },
        10,
        10,
    ),
    ("groq", groq, {"prompt_tokens": 9, "completion_tokens": 4}, 9, 4),
    ("anthropic", anthropic, {"input_tokens": 5, "output_tokens": 3}, 5, 3),
    (
        "anthropic, cached and thinking",
        anthropic,
        {
            "input_tokens": 5,
            "cache_read_input_tokens": 7,
            "cache_creation_input_tokens": 2,
            "output_tokens": 9,
            "output_tokens_details": {"thinking_tokens": 6},
        },
        14,
        9,
    ),
    ("gemini", gemini, {"promptTokenCount": 8, "candidatesTokenCount": 3}, 8, 3),
    (
        "gemini, cached, tools and thoughts",
        gemini,
        {
            "promptTokenCount": 100,
            "cachedContentTokenCount": 60,
            "toolUsePromptTokenCount": 3,
            "candidatesTokenCount": 7,
            "thoughtsTokenCount": 5,
            "totalTokenCount": 115,
        },
        103,
        12,
    ),
    ("counts as text", openai, {"prompt_tokens": "12", "completion_tokens": " 4 "}, 12, 4),
    ("counts with a point", openai, {"prompt_tokens": 12.0, "completion_tokens": "4.0"}, 12, 4),
    ("anthropic as text", anthropic, {"input_tokens": "5", "output_tokens": 3.0}, 5, 3),
    ("gemini as text", gemini, {"promptTokenCount": "8", "candidatesTokenCount": "3"}, 8, 3),
]


@pytest.mark.parametrize(
    ("read", "raw", "prompt", "generated"),
    [each[1:] for each in SAID],
    ids=[each[0] for each in SAID],
)
def test_the_counts_are_disjoint_and_add_up_to_the_vendors(
    read: Read, raw: dict[str, Any], prompt: int, generated: int
) -> None:
    [usage] = [event for event in read(raw) if isinstance(event, TokenUsage)]

    counts = counts_of(usage)
    assert counts.prompt == usage.prompt == prompt
    assert counts.output == generated
    assert 0 <= counts.reasoning <= counts.output
    assert min(counts) >= 0
    assert usage.raw == raw


ABSURD: list[object] = [-1, 10**18, 1e300, "10e18", "many", True, [4], {"n": 4}, MAX_TOKENS + 1]


@pytest.mark.parametrize("value", [None, *ABSURD])
@pytest.mark.parametrize(
    ("read", "prompt", "generated"),
    [
        (openai, "prompt_tokens", "completion_tokens"),
        (anthropic, "input_tokens", "output_tokens"),
        (gemini, "promptTokenCount", "candidatesTokenCount"),
    ],
)
def test_an_invalid_count_is_unknown_and_not_zero(
    read: Read, prompt: str, generated: str, value: object
) -> None:
    [of_prompt] = [
        each for each in read({prompt: value, generated: 4}) if isinstance(each, TokenUsage)
    ]

    assert (of_prompt.input, of_prompt.prompt, of_prompt.output) == (None, None, 4)
    assert not of_prompt.is_counted
    if value is None and read is gemini:
        return  # what is 0 is left out there
    [output] = [
        each for each in read({prompt: 9, generated: value}) if isinstance(each, TokenUsage)
    ]
    assert (output.input, output.output) == (9, None)
    assert not output.is_counted


@pytest.mark.parametrize("read", [openai, groq, anthropic, gemini])
@pytest.mark.parametrize("usage", [[1], "many", 3, True])
def test_counts_of_another_shape_are_passed_over(read: Read, usage: Any) -> None:
    assert read(usage) == []


@pytest.mark.parametrize("value", ABSURD)
def test_a_part_of_the_prompt_that_is_no_count_makes_the_rest_unknown(value: object) -> None:
    raw = {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "prompt_tokens_details": {"cached_tokens": value},
    }

    [usage] = [each for each in openai(raw) if isinstance(each, TokenUsage)]

    assert (usage.input, usage.cached, usage.output) == (None, None, 4)


@pytest.mark.parametrize(
    ("counted", "cached", "written"),
    [
        ({"cached_tokens": 5}, 5, 0),  # Moonshot
        ({"prompt_cache_hit_tokens": 5}, 5, 0),  # DeepSeek
        ({"prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 3}}, 5, 3),
        ({"prompt_tokens_details": {"cached_tokens": 5, "cache_creation_input_tokens": 3}}, 5, 3),
    ],
)
def test_cached_tokens_are_found_under_each_vendors_name(
    counted: dict[str, Any], cached: int, written: int
) -> None:
    [usage] = openai({"prompt_tokens": 9, "completion_tokens": 4, **counted})

    assert isinstance(usage, TokenUsage)
    assert (usage.input, usage.cached, usage.cache_write) == (9 - cached - written, cached, written)


@pytest.mark.parametrize(("thought", "reasoning"), [(3, 3), (4, 4), (9, 4)])
def test_thinking_is_never_more_than_what_was_generated(thought: int, reasoning: int) -> None:
    raw = {
        "prompt_tokens": 9,
        "completion_tokens": 4,
        "completion_tokens_details": {"reasoning_tokens": thought},
    }

    [usage] = openai(raw)

    assert isinstance(usage, TokenUsage)
    assert (usage.output, usage.reasoning) == (4, reasoning)


def test_the_largest_count_that_can_be_believed_is() -> None:
    [usage] = openai({"prompt_tokens": MAX_TOKENS, "completion_tokens": 0})

    assert isinstance(usage, TokenUsage)
    assert (usage.input, usage.output) == (MAX_TOKENS, 0)


def last_usage(events: list[Event]) -> TokenUsage:
    return [each for each in events if isinstance(each, TokenUsage)][-1]


def test_zeros_that_come_later_take_nothing_back() -> None:
    chunks = OpenAIStreamParser("a-vendor", secret="")
    chunks.parse({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}})
    nothing = {"prompt_tokens": 0, "completion_tokens": 0, "prompt_tokens_details": None}
    said = last_usage(chunks.parse({"choices": [], "usage": nothing}))
    assert (said.prompt, said.output) == (9, 4)

    messages = AnthropicStreamParser(vendor="anthropic", secret="")
    counted = {"input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 1}
    messages.parse({"type": "message_start", "message": {"model": "m", "usage": counted}})
    end = {"input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 30}
    said = last_usage(
        messages.parse(
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": end}
        )
    )
    assert (said.input, said.cached, said.output) == (5, 7, 30)

    responses = GeminiStreamParser(model="m", secret="", keeps_parts=False)
    list(responses.parse({"usageMetadata": {"promptTokenCount": 8, "candidatesTokenCount": 3}}))
    said = last_usage(
        list(responses.parse({"usageMetadata": {"promptTokenCount": 0, "candidatesTokenCount": 0}}))
    )
    assert (said.prompt, said.output) == (8, 3)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("t" * 200, "t" * 200),
        ("t" * 201, "t" * 200),
        ([1] * 100, [1] * 100),
        ([1] * 101, [1] * 100),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 1}}}),
        ({"a": {"b": {"c": {"d": 1}}}}, {"a": {"b": {"c": {}}}}),
        ([[[[1]]]], [[[[]]]]),
        (2**63, 2**63),
        (2**63 + 1, None),
        (-(2**63), -(2**63)),
    ],
)
def test_of_what_a_vendor_counts_so_much_is_kept(said: object, kept: object) -> None:
    assert merge_counts({}, {"n": said}) == {"n": kept}
    assert len(merge_counts({}, {f"{number}": said for number in range(101)})) == 100


def test_stored_details_of_usage_are_valid_json() -> None:
    deep: dict[str, Any] = {}
    for _ in range(500):
        deep = {"deep": deep}
    raw = {"prompt_tokens": 9, "completion_tokens": 4, "n": 10**4000, "x": float("inf"), **deep}

    [usage] = openai(raw | {"text": "t" * 10_000, "many": [1] * 10_000})

    assert isinstance(usage, TokenUsage)
    kept = json.dumps(usage.raw, allow_nan=False)
    assert len(kept) < 1_000
    assert (usage.prompt, usage.output) == (9, 4)
