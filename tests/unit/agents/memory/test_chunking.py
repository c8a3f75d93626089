"""Texts in chunks: nothing is lost, nothing is too long, and each knows its place."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.memory.chunking import (
    MOST_TOKENS,
    Chunk,
    TextKind,
    cut_into_chunks,
    estimate_text_size,
    find_text_kind,
)

HANDBOOK = """Before any heading.

# Handbook

Welcome.

## Refunds

Within 30 days.

```sh
# not a heading
make refund
```

### Deadlines ###

Thirty days, always.

## Travel

By train.
"""

KINDS: tuple[TextKind, ...] = ("markdown", "code", "plain")


def find_uncovered(text: str, chunks: list[Chunk]) -> str:
    """Return what is in no chunk, without blanks."""
    covered = bytearray(len(text))
    for each in chunks:
        covered[each.start : each.end] = b"\1" * (each.end - each.start)
    left = (each for each, is_covered in zip(text, covered, strict=True) if not is_covered)
    return "".join(left).strip()


@pytest.mark.parametrize("kind", KINDS)
@given(
    text=st.text(alphabet=st.sampled_from(" \n\t.!#`~abcdefgé漢字。\u2028\r"), max_size=400)
    | st.text(max_size=100),
    most=st.integers(4, 60),
    data=st.data(),
)
def test_nothing_is_lost_and_nothing_is_too_long(
    kind: TextKind, text: str, most: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, most // 2))

    chunks = cut_into_chunks(text, kind, most_tokens=most, overlap_tokens=overlap)

    assert all(text[each.start : each.end] == each.content for each in chunks)
    assert all(each.content.strip() == each.content != "" for each in chunks)
    assert all(estimate_text_size(each.content) <= most for each in chunks)
    assert [each.start for each in chunks] == sorted({each.start for each in chunks})
    assert not "".join(find_uncovered(text, chunks).split())


def test_headings_are_those_above_a_chunk() -> None:
    chunks = cut_into_chunks(HANDBOOK, "markdown", most_tokens=24, overlap_tokens=0)

    headings = {each.content.split("\n")[0]: each.heading for each in chunks}
    assert headings["Before any heading."] is None
    assert headings["### Deadlines ###"] == "Handbook > Refunds > Deadlines"
    assert headings["## Travel"] == "Handbook > Travel"
    assert not any("not a heading" in str(each.heading) for each in chunks)


def test_small_sections_stay_with_the_heading_above() -> None:
    chunks = cut_into_chunks("# One\n\nShort.\n\n## Two\n\nShort, too.\n", "markdown")

    assert [each.heading for each in chunks] == ["One"]


def test_the_next_chunk_repeats_the_end_of_the_one_before() -> None:
    text = " ".join(f"Sentence number {number} is here." for number in range(60))

    first, second, *_ = cut_into_chunks(text, most_tokens=100, overlap_tokens=20)

    assert second.start < first.end
    assert second.content.startswith("Sentence number")
    assert estimate_text_size(text[second.start : first.end]) <= 20


def test_no_chunk_repeats_what_is_under_another_heading() -> None:
    text = "# One\n\n" + "First words. " * 60 + "\n\n# Two\n\n" + "Second words. " * 60

    for each in cut_into_chunks(text, "markdown", most_tokens=100, overlap_tokens=20):
        assert not ("First" in each.content and "Second" in each.content)


def test_code_is_cut_at_definitions_and_knows_them() -> None:
    body = "\n".join(f"    value_{number} = {number}" for number in range(8))
    text = f"import os\n\n\ndef first():\n{body}\n\n\nclass Second:\n{body}\n"

    chunks = cut_into_chunks(text, "code", most_tokens=60)

    assert [each.heading for each in chunks] == [None, "def first()", "class Second"]


def test_paragraphs_are_kept_whole_where_they_fit() -> None:
    paragraphs = [f"Paragraph {number}. " + "word " * 30 for number in range(20)]
    text = "\n\n".join(each.strip() for each in paragraphs)

    for each in cut_into_chunks(text, most_tokens=100, overlap_tokens=0):
        assert each.content.startswith("Paragraph")
        assert each.content.endswith("word")


def test_a_word_without_an_end_is_cut_and_takes_no_long_time() -> None:
    text = "x" * 2_000_000

    chunks = cut_into_chunks(text)

    assert max(estimate_text_size(each.content) for each in chunks) <= MOST_TOKENS
    assert not find_uncovered(text, chunks)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("README.md", "markdown"),
        ("notes/a.MD", "markdown"),
        ("app.py", "code"),
        ("query.sql", "code"),
        ("page.html", "plain"),
        ("data.json", "plain"),
        ("a.txt", "plain"),
        ("no-ending", "plain"),
    ],
)
def test_the_name_of_a_file_says_how_it_is_cut(name: str, kind: TextKind) -> None:
    assert find_text_kind(name) == kind


def test_our_own_guide_is_cut_into_chunks_that_name_their_section() -> None:
    text = Path("docs/how-to/use-tools.md").read_text("utf-8")

    chunks = cut_into_chunks(text, "markdown")

    assert len(chunks) > 5
    assert all(each.heading for each in chunks)
