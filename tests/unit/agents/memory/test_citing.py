"""What answers cite."""

from typing import Any

import pytest

from agents.memory.citing import RECALLED, list_citations

SOURCES: list[dict[str, Any]] = [
    {"n": n, "source": f"{n}.md", "heading": None, "place": n, "id": str(n), "content": "text"}
    for n in range(1, 5)
]


def find(text: str) -> tuple[list[int], list[str]]:
    found = list_citations(text, {RECALLED: {"hits": SOURCES, "notes": []}})
    assert found is not None
    citations: Any = found[0]
    return [each["n"] for each in citations], found[1]


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("So it is [1].", [1]),
        ("So [3] and so [1], [3].", [1, 3]),
        ("So [1, 4] and [2; 3].", [1, 2, 3, 4]),
        ("Code has `a[1]`, and so it is [2].", [2]),
        ("```\nx = [3]\n```\nSo [2].", [2]),
        ("```\nx = [3]", []),
        ("list[1] and f(x)[2] are no citations, [4] is", [4]),
        ("[1](https://example.com) is a link, [2] none", [2]),
        ("[a] [] [ 1 ] [1.5]", []),
    ],
)
def test_numbers_in_brackets_are_citations(text: str, cited: list[int]) -> None:
    assert find(text)[0] == cited


def test_a_source_that_is_none_is_said() -> None:
    cited, notes = find("So it is [1] [9] [7].")

    assert cited == [1]
    assert notes == ["The answer cites [7], [9], and there is no such source."]


def test_an_answer_without_citations_is_said() -> None:
    assert find("So it is.") == ([], ["The answer cites none of the 4 sources that were found."])
    assert find("") == ([], [])


@pytest.mark.parametrize("params", [{}, {RECALLED: None}, {RECALLED: [1]}, {RECALLED: "x"}])
def test_without_a_search_nothing_is_cited(params: dict[str, Any]) -> None:
    assert list_citations("So [1].", params) is None


@pytest.mark.parametrize("hits", [None, 7, [None], [{"n": "1"}], [{}]])
def test_params_that_cannot_be_read_are_no_sources(hits: object) -> None:
    found = list_citations("So [1].", {RECALLED: {"hits": hits, "notes": "x"}})

    assert found is not None
    assert found[0] == []


def test_many_brackets_take_no_long_time() -> None:
    assert find("[1" * 200_000)[0] == []
    assert find("`" * 200_001)[0] == []
    assert find("[1," * 100_000)[0] == []
