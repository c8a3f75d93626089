"""What an answer shows without being run."""

import pytest

from agents.checks import MAX_CHARACTERS, checks_of, problem_of
from agents.extraction import language_of


def problem(
    code: str | None, language: str | None = "python", *, finish: str = "stop", text: str = "x"
) -> str | None:
    return problem_of(checks_of(text=text, finish_reason=finish, code=code, language=language))


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("def f():\n    return 1\n", "python"),
        ("assert x is 1\n", "Python"),
        ('{"a": [1]}', "json"),
        ("[a]\nb = 1\n", "toml"),
        ("fn main() { broken", "rust"),
        ("not code at all (", None),
        ("(" * (MAX_CHARACTERS + 1), "python"),
        (None, None),
    ],
)
def test_what_parses_or_cannot_be_judged_passes(code: str | None, language: str | None) -> None:
    assert problem(code, language) is None


@pytest.mark.parametrize(
    ("code", "language", "words"),
    [
        ("def f(:\n", "python", "line 1"),
        ("x = 1\n\0", "py", "parses"),
        ("(" * 100_000, "python", "parses"),
        ("{'a': 1}", "json", "line 1"),
        ("[" * 200_000, "json", "parses"),
        ("a = ", "toml", "parses"),
        ("  \n", "python", "it is empty"),
    ],
)
def test_what_cannot_be_read_is_refused(code: str, language: str, words: str) -> None:
    assert words in str(problem(code, language))


def test_an_answer_that_was_cut_is_refused() -> None:
    assert "cut" in str(problem("x = 1", finish="length"))
    assert problem(None, text="Hello", finish="length") is not None
    assert problem(None, text=" ") == "says something: it is empty"


@pytest.mark.parametrize(
    ("answer", "language"),
    [
        ("```Python\nx = 1\n```", "python"),
        ("Look:\n```js\nlet x\n```\nand\n~~~ rust ignore\nfn main() {}\n~~~", "rust"),
        ("```\nx\n```", None),
        ("x = 1", None),
    ],
)
def test_the_fence_of_the_program_names_its_language(answer: str, language: str | None) -> None:
    assert language_of(answer) == language
