"""Whatever a vendor calls its counts, our parts add up to what it said."""

from collections.abc import Callable
from typing import Any

import pytest

from providers.anthropic_events import MessageReader
from providers.chat import Event, Usage
from providers.chunks import ChunkReader
from providers.gemini_events import ResponseReader


def openai(raw: dict[str, Any]) -> list[Event]:
    return list(ChunkReader("a-vendor", secret="").read({"choices": [], "usage": raw}))


def groq(raw: dict[str, Any]) -> list[Event]:
    return list(ChunkReader("a-vendor", secret="").read({"choices": [], "x_groq": {"usage": raw}}))


def anthropic(raw: dict[str, Any]) -> list[Event]:
    start = {"type": "message_start", "message": {"model": "m", "usage": raw}}
    return list(MessageReader(secret="").read(start))


def gemini(raw: dict[str, Any]) -> list[Event]:
    reader = ResponseReader(model="m", secret="", keeps_parts=False)
    return list(reader.read({"candidates": [], "usageMetadata": raw}))


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
    ("nothing counted", openai, {"prompt_tokens": None, "completion_tokens": None}, 0, 0),
    ("no numbers", openai, {"prompt_tokens": -1, "completion_tokens": "4"}, 0, 0),
]


@pytest.mark.parametrize(
    ("read", "raw", "prompt", "generated"),
    [each[1:] for each in SAID],
    ids=[each[0] for each in SAID],
)
def test_the_parts_are_disjoint_and_add_up_to_what_the_vendor_said(
    read: Read, raw: dict[str, Any], prompt: int, generated: int
) -> None:
    [usage] = [event for event in read(raw) if isinstance(event, Usage)]

    assert usage.input + usage.cached + usage.cache_write == usage.prompt == prompt
    assert usage.output == generated
    assert 0 <= usage.reasoning <= usage.output
    assert min(usage.input, usage.cached, usage.cache_write) >= 0
    assert usage.raw == raw
