"""The code inside an answer."""

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.executor.response import find_code

CODE = st.text(st.sampled_from("ab(): \n\t#\"'"), max_size=80).map(lambda text: text + "\n")


@given(
    code=CODE, fence=st.sampled_from(["```", "````", "~~~"]), language=st.sampled_from(["", "py"])
)
def test_code_comes_out_of_its_fence_as_it_went_in(code: str, fence: str, language: str) -> None:
    answer = f"Here it is:\n\n{fence}{language}\n{code}{fence}\n\nHave fun."

    assert find_code(answer).code == code


@given(answer=st.text())
def test_the_code_is_always_a_part_of_the_answer(answer: str) -> None:
    assert find_code(answer).code in answer


@given(answer=st.text().filter(lambda text: "```" not in text and "~~~" not in text))
def test_an_answer_without_a_fence_is_all_code(answer: str) -> None:
    assert find_code(answer).code == answer


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("```py\nlong program\n```\nUse it:\n```py\nrun()\n```\n", "long program\n"),
        ("```sh\nls\n```\n```py\nlong program\n```", "long program\n"),
        ("```py\nthe answer was cut", "the answer was cut"),
        ("```sh\nls\n```\nNow:\n```py\nthe longer answer was cut", "the longer answer was cut"),
        ("````md\n```py\ninner\n```\n````", "```py\ninner\n```\n"),
        ("~~~\n```\ninner\n```\n~~~", "```\ninner\n```\n"),
        ("  ```py\n  indented\n  ```\n", "  indented\n"),
        ("```py\r\nx = 1\r\n```\r\n", "x = 1\r\n"),
        ("```py\nx = 1\n`````\nthe end", "x = 1\n"),
        ("```x = 1``` is all", "```x = 1``` is all"),
        ("Call ``` never", "Call ``` never"),
        ("", ""),
        ("```py\n```\n", ""),
    ],
)
def test_answers_as_models_write_them(answer: str, code: str) -> None:
    assert find_code(answer).code == code


HEAVY: dict[str, Callable[[int], str]] = {
    "tildes": lambda n: "~" * n,
    "backticks": lambda n: "`" * n,
    "backticks that cannot open": lambda n: "`" * n + "x`\n",
    "fences that do not close": lambda n: "```\n" + "``` x\n" * n,
    "closings with more behind": lambda n: "~~~\n" + "~" * n + "x\n",
    "spaces behind a closing": lambda n: "~~~\nx\n~~~" + " " * n + "x\n",
    "many blocks": lambda n: "```\n```\n" * n,
}


@pytest.mark.parametrize("name", HEAVY)
def test_each_character_is_read_a_few_times_only(name: str) -> None:
    started = time.process_time()

    for size in (1_000, 10_000, 100_000):
        find_code(HEAVY[name](size))

    assert time.process_time() - started < 5, "some work grows with the square of the answer"
