from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.adapters.openai.thinking_tags import ThinkingTagParser
from providers.chat import ReasoningDelta, TextDelta, TextWasThinking


def parts(*pieces: str) -> tuple[str, str]:
    """Thinking and text."""
    tags = ThinkingTagParser()
    events = [event for piece in pieces for event in tags.feed(piece)]
    events += tags.close()
    thinking, text = "", ""
    for event in events:
        match event:
            case ReasoningDelta():
                thinking += event.text
            case TextDelta():
                text += event.text
            case TextWasThinking():
                thinking, text = thinking + text, ""
    return thinking, text


@pytest.mark.parametrize(
    ("whole", "thinking", "text"),
    [
        ("<think>why</think>\n\nso", "why", "so"),
        ("\n<think>why</think>so", "why", "so"),
        ("no tags", "", "no tags"),
        ("a <think>tag</think> later", "", "a <think>tag</think> later"),
        ("<think>never closed", "never closed", ""),
        ("<think></think>so", "", "so"),
        ("<thin air", "", "<thin air"),
        ("<think>a < b</thin</think>c", "a < b</thin", "c"),
        ("", "", ""),
        ("why</think>\n\nso", "why", "so"),
        ("why\n</think>so", "why\n", "so"),
        ("why</think>", "why", ""),
        ("</think>so", "", "so"),
        ("split at `</think>` and", "", "split at `</think>` and"),
        ("cut('</think>')", "", "cut('</think>')"),
        ("say '</think>' why</think>so", "say '</think>' why", "so"),
        ("a <think>b</think> c</think>d", "", "a <think>b</think> c</think>d"),
        ("why</think>so</think>on", "why", "so</think>on"),
        ("<think>a</think>b</think>c", "a", "b</think>c"),
        ("why</thin", "", "why</thin"),
    ],
)
@given(data=st.data())
def test_tags_are_found_wherever_the_pieces_end(
    whole: str, thinking: str, text: str, data: st.DataObject
) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(whole))).map(sorted))
    pieces = [whole[a:b] for a, b in pairwise([0, *cuts, len(whole)])]

    assert parts(*pieces) == (thinking, text)


def test_endless_white_space_before_the_text_is_not_held_back() -> None:
    tags = ThinkingTagParser()

    given = [event for _ in range(100) for event in tags.feed(" " * 100)]

    assert sum(len(event.text) for event in given if isinstance(event, TextDelta)) > 8_000
