"""The answers are marked as simulated, and the programs in them work."""

import re
import subprocess
import threading
from types import SimpleNamespace

import pytest

from agents.extraction.answer import extract_code
from agents.extraction.code_parser import parse_problem
from simulator.answers.placeholders import LANGUAGES, MESSAGE, build_placeholder, detect_language
from simulator.answers.programs import NAMES, PROGRAMS
from simulator.answers.text import derive_seed, write_answer, write_reasoning
from tests.support.eventually import fail_on_hang


def program_for(prompt: str) -> SimpleNamespace:
    """Run the code in the answer to a prompt."""
    fence = re.search(r"```python\n(.*?)```", write_answer(prompt, seed=1), re.DOTALL)
    assert fence is not None, f"no code for {prompt!r}"
    assert "Simulated: " in fence[1]
    names: dict[str, object] = {"__name__": "pasted"}
    exec(compile(fence[1], "answer.py", "exec"), names)  # noqa: S102 — our own programs
    return SimpleNamespace(**names)


def test_a_fibonacci_prompt_gets_fibonacci_numbers() -> None:
    program = program_for("Write a function that computes the n-th Fibonacci number")

    assert [program.fibonacci(n) for n in range(8)] == [0, 1, 1, 2, 3, 5, 8, 13]
    assert program.fibonacci(90) == 2880067194370816120
    with pytest.raises(ValueError, match="negative"):
        program.fibonacci(-1)


def test_a_palindrome_prompt_gets_a_palindrome_check() -> None:
    program = program_for("check whether a string is a palindrome, ignoring punctuation")

    assert program.is_palindrome("A man, a plan, a canal: Panama!")
    assert program.is_palindrome("")
    assert not program.is_palindrome("simulated")


def test_a_csv_prompt_gets_a_parser_that_returns_dictionaries() -> None:
    program = program_for("Parse CSV text into a list of dicts")

    assert program.parse_csv('name,city\nAda,"London, UK"\n\n') == [
        {"name": "Ada", "city": "London, UK"}
    ]
    assert program.parse_csv("") == []
    with pytest.raises(ValueError, match="line 2: expected 2 fields, found 1"):
        program.parse_csv("a,b\n1\n")


def test_an_lru_prompt_gets_a_cache_that_forgets_the_least_recently_used() -> None:
    cache = program_for("Implement an LRU cache class with get and put").LRUCache(2)

    cache.put("a", 1)
    cache.put("b", 2)
    cache.get("a")
    cache.put("c", 3)

    assert (cache.get("a"), cache.get("b"), cache.get("c"), len(cache)) == (1, None, 3, 2)


def test_a_retry_prompt_gets_a_decorator_that_backs_off() -> None:
    program = program_for("a retry decorator with exponential backoff")
    waits: list[float] = []
    calls: list[int] = []

    def flaky() -> str:
        calls.append(1)
        if len(calls) < 4:
            raise OSError
        return "done"

    patient = program.retry(
        attempts=4,
        base_seconds=1,
        on=(OSError,),
        sleep=waits.append,
        jitter=lambda _low, high: high,
    )(flaky)

    assert patient() == "done"
    assert waits == [1, 2, 4]


def test_a_debounce_prompt_gets_a_decorator_that_waits_for_silence() -> None:
    program = program_for("write a debounce decorator")
    seen: list[str] = []
    called = threading.Event()

    def save(text: str) -> None:
        seen.append(text)
        called.set()

    debounced = program.debounce(1.0)(save)
    for text in ("a", "ab", "abc"):
        debounced(text)

    assert called.wait(60)
    assert seen == ["abc"]


@pytest.mark.parametrize("prompt", ["binary search over a sorted list", "bisect a sorted array"])
def test_a_search_prompt_gets_a_search_even_when_it_speaks_of_sorted_lists(prompt: str) -> None:
    program = program_for(prompt)

    assert program.binary_search([1, 3, 3, 5], 3) == 1
    assert program.binary_search([1, 3, 3, 5], 4) == -1
    assert program.binary_search([], 4) == -1


@pytest.mark.parametrize("size", [0, 1, 2, 7, 64, 65])
def test_a_sorting_prompt_gets_a_sort(size: int) -> None:
    program = program_for("Generate optimized sorting algorithm")
    items = [(i * 7919) % 31 for i in range(size)]

    assert program.merge_sort(items) == sorted(items)


def test_an_optimisation_prompt_gets_a_linear_program() -> None:
    program = program_for("Optimise this: for x in items: if x not in out: out.append(x)")

    assert program.unique([3, 1, 3, 2, 1]) == [3, 1, 2]


def test_a_review_reports_what_the_syntax_tree_shows() -> None:
    answer = write_answer(
        "Please review this fibonacci code:\n```python\n"
        "def f(x=[]):\n    try:\n        return eval(x)\n"
        "    except:\n        return x == None\n```",
        seed=1,
    )

    assert answer.startswith("Simulated")
    for expected in (
        "Line 1: `f` has a mutable default",
        "Line 3: `eval`",
        "Line 4: a bare except",
    ):
        assert expected in answer
    assert "Line 5: compare with None" in answer


@pytest.mark.parametrize(
    "request_for",
    [
        "Please review the following code for best practices, potential issues, and improvements:",
        "Please analyze the following code for potential bugs and issues:",
        "Please generate comprehensive documentation for the following code:",
    ],
)
def test_a_review_finds_code_between_prose(request_for: str) -> None:
    code = "def retry(call):\n    try:\n        return call()\n\n    except:\n        pass\n"

    answer = write_answer(f"{request_for}\n\n{code}\n\nIs this safe?\n\nLanguage: python", seed=1)

    assert "Line 1: `retry` has no docstring" in answer
    assert "Line 5: a bare except" in answer
    assert "Line 5: the error is dropped in silence" in answer
    assert "not valid Python" not in answer


def test_the_request_counts_more_than_the_code_in_the_prompt() -> None:
    answer = write_answer(
        "Write parse_csv(text)\n\nExisting code:\n\ndef fibonacci(n): ...", seed=1
    )
    optimised = write_answer("Please optimize the following code:\n\nMy palindrome check", seed=1)

    assert "def parse_csv" in answer
    assert "def is_palindrome" in optimised


def test_a_review_of_nothing_or_of_no_python_says_so() -> None:
    assert "no Python code was found" in write_answer("Review my work", seed=1)
    assert "not valid Python" in write_answer("review\n```\nfunction f() {}\n```", seed=1)


@pytest.mark.parametrize("prompt", ["Hello", "", "What is the capital of France?", "\ud800"])
def test_any_other_prompt_gets_a_text_that_says_that_it_is_simulated(prompt: str) -> None:
    answer = write_answer(prompt, seed=derive_seed("m", prompt))

    assert answer.splitlines()[0].startswith("Simulated answer (no model was asked)")
    assert "```" not in answer


EXPERT = "Answer with one fenced code block that holds the complete file"


@pytest.mark.parametrize("language", sorted(LANGUAGES))
@pytest.mark.parametrize("request_", ["Invent warp drives", "Write fibonacci(n)"])
def test_a_request_for_code_gets_code_of_its_language_that_says_it_is_simulated(
    language: str, request_: str
) -> None:
    if (language, request_) == ("python", "Write fibonacci(n)"):
        return  # the simulator has a program for it

    answer = write_answer(f"{request_}\n\nLanguage: {language}", seed=1, context=EXPERT)

    extracted = extract_code(answer)
    assert answer.startswith("Simulated answer (no model was asked)")
    assert extracted.language == language
    assert MESSAGE in extracted.code


@pytest.mark.parametrize("language", ["python", "json", "toml"])
def test_code_that_says_it_is_simulated_parses(language: str) -> None:
    assert parse_problem(build_placeholder(language), language) is None


def test_code_that_says_it_is_simulated_says_so_when_it_is_called() -> None:
    program = program_for("Write a function that invents warp drives")

    with pytest.raises(NotImplementedError, match="no model was asked"):
        program.simulated_answer(1, speed=2)
    told = subprocess.run(
        ["bash", "-c", build_placeholder("bash") + "simulated_answer"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (told.returncode, told.stderr.strip()) == (1, MESSAGE)


@pytest.mark.parametrize(
    ("request_", "language"),
    [
        ("Write quicksort in Rust.", "rust"),
        ("Write a parser in C++", "cpp"),
        ('Write a program that prints "Hello" in JavaScript.', "javascript"),
        ("Sort it\n\nLanguage: TS\n\nFramework: nest", "typescript"),
        ("Sort it in place", "python"),
        ("Write it in COBOL\n\nLanguage: cobol", "cobol"),
    ],
)
def test_the_language_that_is_asked_for_is_found(request_: str, language: str) -> None:
    assert detect_language(request_) == language


def test_reasoning_says_that_it_is_simulated() -> None:
    assert write_reasoning("Write fibonacci").startswith("Simulated reasoning")


def test_fault_markers_do_not_show_in_the_answer() -> None:
    assert "fault" not in write_answer("Hello [[fault:429 times=1]]", seed=1)


def test_the_same_model_and_prompt_get_the_same_answer() -> None:
    seeds = [derive_seed(model, "p") for model in ("a", "a", "b")]

    assert seeds[0] == seeds[1] != seeds[2]
    assert len({write_answer("fibonacci", seed=seed) for seed in range(9)}) == 9


def test_every_program_can_be_reached() -> None:
    prompts = ("fibonacci", "palindrome", "csv", "lru", "retry", "debounce", "sort", "bisect")
    answers = [write_answer(prompt, seed=1) for prompt in (*prompts, "optimize")]

    for name in NAMES:
        assert any(PROGRAMS[name] in answer for answer in answers), name


@pytest.mark.parametrize("words", ["[[fault:", "[[say:", "generate ", "write ", "in ", "```\n"])
def test_a_long_prompt_is_read_in_linear_time(words: str) -> None:
    prompt = words * 50_000

    with fail_on_hang():
        write_answer(prompt, seed=1, context=prompt)


def test_an_answer_about_values_says_what_was_asked_about_which() -> None:
    data = '<data>\n{"subject": "Review", "n": 2, "none": null}\n</data>'
    prompt = (
        f"In one sentence: `subject`\n\nThe values of `subject` are in:\n\n{data}\n\nNo orders."
    )

    text = write_answer(prompt, seed=1)

    assert text.endswith('you wrote "In one sentence: `subject`" about "Review; 2; null".')


def test_what_is_no_data_is_answered_as_any_prompt() -> None:
    assert 'about "' not in write_answer("Say\n<data>\n{broken}\n</data>", seed=1)
