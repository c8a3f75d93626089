from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.chat import ReasoningDelta, TextDelta
from providers.thinking_tags import ThinkingTags


def parts(*pieces: str) -> tuple[str, str]:
    """Thinking and text."""
    tags = ThinkingTags()
    events = [event for piece in pieces for event in tags.feed(piece)]
    events += tags.close()
    thinking = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
    return thinking, "".join(event.text for event in events if isinstance(event, TextDelta))


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
    ],
)
@given(data=st.data())
def test_tags_are_found_wherever_the_pieces_end(
    whole: str, thinking: str, text: str, data: st.DataObject
) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(whole))).map(sorted))
    pieces = [whole[a:b] for a, b in pairwise([0, *cuts, len(whole)])]

    assert parts(*pieces) == (thinking, text)
