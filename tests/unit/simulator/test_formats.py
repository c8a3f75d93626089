"""A stream takes the time of all its tokens, those of a hidden reasoning included."""

import json
from dataclasses import replace

import pytest

from simulator.planned import Draft
from simulator.formats.anthropic import AnthropicWire
from simulator.formats.chat_completions import ChatWire
from simulator.formats.fireworks import FIREWORKS
from simulator.formats.openai import OPENAI
from simulator.formats.base import Wire

DRAFT = Draft(
    number=1,
    seed=1,
    model="m",
    reasoning="r" * 400,
    shows_reasoning=True,
    text="t" * 200,
    is_cut=False,
    input_tokens=10,
    cached_tokens=0,
)
WIRES = [AnthropicWire(), ChatWire(FIREWORKS), ChatWire(OPENAI)]


@pytest.mark.parametrize("wire", WIRES, ids=lambda wire: str(wire.vendor))
@pytest.mark.parametrize("shows_reasoning", [True, False])
def test_the_frames_take_the_time_of_all_output_tokens(wire: Wire, shows_reasoning: bool) -> None:
    draft = replace(DRAFT, shows_reasoning=shows_reasoning)

    frames = list(wire.frames(draft, wants_usage=True))

    assert sum(frame.tokens for frame in frames) == draft.output_tokens
    assert any(b"rrr" in frame.data for frame in frames) is shows_reasoning


def test_whoever_asked_for_usage_finds_null_until_the_last_chunk() -> None:
    frames = list(ChatWire(OPENAI).frames(DRAFT, wants_usage=True))

    chunks = [json.loads(frame.data.removeprefix(b"data: ")) for frame in frames[:-1]]

    assert frames[-1].data == b"data: [DONE]\n\n"
    assert {chunk["usage"] for chunk in chunks[:-1]} == {None}
    assert chunks[-1]["usage"]["total_tokens"] == 160
