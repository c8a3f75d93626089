"""Checks of an answer without running it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from agents.executor.output_checks import (
    MAX_CHARACTERS,
    MAX_INLINE_CHARACTERS,
    Checker,
    find_problem,
)
from agents.extraction.code_parser import parse_problem
from protocol.json_schema import check_schema

Problem = Callable[..., Awaitable[str | None]]


@pytest.fixture
async def problem() -> AsyncIterator[Problem]:
    """Check one answer; gives the first problem."""
    async with Checker(cpu_seconds=0.25) as checker:

        async def check(
            code: str | None,
            language: str | None = "python",
            *,
            finish: str = "stop",
            text: str = "x",
        ) -> str | None:
            return find_problem(
                await checker.check(text=text, finish_reason=finish, code=code, language=language)
            )

        yield check


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
async def test_code_that_parses_or_cannot_be_judged_passes(
    problem: Problem, code: str | None, language: str | None
) -> None:
    assert await problem(code, language) is None


@pytest.mark.parametrize(
    ("code", "language", "words"),
    [
        ("def f(:\n", "python", "line 1"),
        ("x = 1\n\0", "py", "parses"),
        ("(" * 100_000, "python", "parses"),
        ("{'a': 1}", "json", "line 1"),
        ("[" * 200_000, "json", "parses"),
        ("a = ", "toml", "parses"),
        (f"[{'a' * 100_000}]\n" * 2, "toml", "Cannot declare"),
        ("  \n", "python", "it is empty"),
    ],
)
async def test_code_that_cannot_be_parsed_is_refused(
    problem: Problem, code: str, language: str, words: str
) -> None:
    found = str(await problem(code, language))

    assert words in found
    assert "Error" not in found
    assert len(found) < 300


async def test_an_answer_that_was_cut_is_refused(problem: Problem) -> None:
    assert "cut" in str(await problem("x = 1", finish="length"))
    assert await problem(None, text="Hello", finish="length") is not None
    assert await problem(None, text=" ") == "says something: it is empty"


async def test_long_code_is_judged_like_short_code(problem: Problem) -> None:
    for language, line in {"python": "x = 1\n", "toml": "# x\n", "json": " \n"}.items():
        sound = line * MAX_INLINE_CHARACTERS + ("{}" if language == "json" else "")
        assert await problem(sound, language) is None
        assert f"(line {MAX_INLINE_CHARACTERS + 1})" in str(
            await problem(line * MAX_INLINE_CHARACTERS + "}", language)
        ) or (language == "toml")


HEAVY: dict[str, tuple[str, Callable[[int], str]]] = {
    "dotted keys": ("toml", lambda n: "a." * n + "b = 1"),
    "nested lists": ("json", lambda n: "[" * n),
    "nested tables": ("toml", lambda n: "x = " + "{a = " * n),
    "nested parentheses": ("python", lambda n: "(" * n),
    "unary operators": ("python", lambda n: "-" * n + "1"),
    "a chain of attributes": ("python", lambda n: "x" + ".a" * n),
    "many names": ("python", lambda n: "x;" * n),
}


@pytest.mark.parametrize("name", HEAVY)
async def test_no_code_holds_up_others_whatever_its_size(
    problem: Problem, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(code: str, language: str) -> str | None:
        sizes.append(len(code))
        return parse_problem(code, language)

    language, made = HEAVY[name]
    sizes = list[int]()
    monkeypatch.setattr("agents.extraction.code_parser.parse_problem", parse)
    for size in (100, 10_000, 40_000, MAX_CHARACTERS // 2 - 20):
        await problem(made(size), language)

    assert max(sizes, default=0) <= MAX_INLINE_CHARACTERS, "another process should parse it"
    assert await problem("x = 1\n" * MAX_INLINE_CHARACTERS) is None


async def test_code_that_takes_too_long_is_refused_and_the_next_is_judged(
    problem: Problem,
) -> None:
    found = await problem("a." * 200_000 + "b = 1", "toml")

    assert found == "parses: it cannot be parsed within 0.25 s of CPU time and 1024 MB"
    assert await problem("x = 1\n" * MAX_INLINE_CHARACTERS) is None


async def test_a_check_that_is_cancelled_leaves_nothing_behind_for_the_next(
    problem: Problem,
) -> None:
    assert await problem("x = 1\n" * MAX_INLINE_CHARACTERS) is None
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await problem("a." * 200_000 + "b = 1", "toml")

    assert await problem("x = 1\n" * MAX_INLINE_CHARACTERS) is None


async def test_a_check_of_data_without_end_is_ended_and_the_next_one_is_done() -> None:
    branch = {"properties": {"a": {"$ref": "#"}}}
    schema = {"allOf": [branch, branch, branch]}
    data: dict[str, Any] = {}
    for _ in range(50):
        data = {"a": data}
    assert check_schema(schema) is None

    async with Checker(cpu_seconds=0.1) as checker:
        problem = await checker.find_mismatch(schema, data)
        simple = await checker.find_mismatch({"$ref": "#/$defs/a", "$defs": {"a": {}}}, 1)
        recursive = await checker.find_mismatch({"type": "object", **branch}, {"a": {"a": 1}})

    assert problem == "it cannot be checked within 0.1 s of CPU time and 1024 MB"
    assert simple is None
    assert recursive == '$.a.a: 1 is not of type "object"'
