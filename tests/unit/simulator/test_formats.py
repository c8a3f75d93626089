"""A stream takes the time of all its tokens, including those of hidden reasoning."""

import json
from dataclasses import replace

import pytest

from simulator.formats.anthropic import AnthropicFormat
from simulator.formats.base import WireFormat
from simulator.formats.chat_completions import ChatCompletionsFormat
from simulator.formats.fireworks import FIREWORKS
from simulator.formats.openai import OPENAI
from simulator.planned import PlannedResponse

PLANNED = PlannedResponse(
    number=1,
    seed=1,
    model="m",
    reasoning="r" * 400,
    shows_reasoning=True,
    text="t" * 200,
    is_truncated=False,
    input_tokens=10,
    cached_tokens=0,
)
FORMATS = [AnthropicFormat(), ChatCompletionsFormat(FIREWORKS), ChatCompletionsFormat(OPENAI)]


@pytest.mark.parametrize("wire_format", FORMATS, ids=lambda wire_format: str(wire_format.vendor))
@pytest.mark.parametrize("shows_reasoning", [True, False])
def test_the_frames_take_the_time_of_all_output_tokens(
    wire_format: WireFormat, shows_reasoning: bool
) -> None:
    planned = replace(PLANNED, shows_reasoning=shows_reasoning)

    frames = list(wire_format.build_frames(planned, wants_usage=True))

    assert sum(frame.tokens for frame in frames) == planned.output_tokens
    assert any(b"rrr" in frame.data for frame in frames) is shows_reasoning


def test_requested_usage_is_null_until_the_last_chunk() -> None:
    frames = list(ChatCompletionsFormat(OPENAI).build_frames(PLANNED, wants_usage=True))

    chunks = [json.loads(frame.data.removeprefix(b"data: ")) for frame in frames[:-1]]

    assert frames[-1].data == b"data: [DONE]\n\n"
    assert {chunk["usage"] for chunk in chunks[:-1]} == {None}
    assert chunks[-1]["usage"]["total_tokens"] == 160
