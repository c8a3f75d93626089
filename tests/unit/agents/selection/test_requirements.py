"""Requirements of a task: stated ones first, then what its text and files say."""

from typing import Any

import pytest
from pydantic import ValidationError

from agents.selection.evidence.estimates import estimate_input_tokens
from agents.selection.requirements import MAX_NAME_CHARACTERS, Requirements


def read(prompt: str = "Write it", type_: str = "CHAT", **stated: Any) -> Requirements:
    return Requirements.from_task(type_, prompt, {"task_requirements": stated})


@pytest.mark.parametrize(
    ("prompt", "type_", "web"),
    [
        ("What does today's news say?", "CHAT", True),
        ("What is the current price of copper?", "CHAT", True),
        ("What is a current in a river?", "CHAT", False),
        ("Write a page that shows today's news", "GENERATE_CODE", False),
    ],
)
def test_only_questions_about_today_need_the_web(prompt: str, type_: str, web: bool) -> None:
    assert read(prompt, type_).web is web
    assert read(prompt, type_, web=not web).web is not web


@pytest.mark.parametrize(
    ("prompt", "languages"),
    [
        ("Write a function", ()),
        ("Schreibe eine Funktion für Bäume", ()),
        ("Напиши функцию is_prime(n)", ("Cyrl",)),
        ("写一个函数", ("Hani",)),
        ("Explain the sign \u0416 in the alphabet of a language that I am learning", ()),
    ],
)
def test_the_writing_systems_of_a_prompt_are_found(prompt: str, languages: tuple[str, ...]) -> None:
    assert read(prompt).natural_languages == languages


def test_a_character_of_a_dense_script_is_a_token() -> None:
    assert estimate_input_tokens(read("写一个函数"), 300) == 300
    assert estimate_input_tokens(read("Write it"), 300) == 100
    assert estimate_input_tokens(read("Write it", inputTokens=7), 300) == 7


def test_default_requirements_are_not_recorded() -> None:
    documented = {
        "complexity": "medium",
        "language": "python",
        "framework": None,
        "taskType": "code-generation",
        "performanceNeeded": False,
        "accuracyNeeded": True,
    }

    prompt = "Write a parser for CSV files"
    assert read(prompt, "GENERATE_CODE").model_dump(mode="json", by_alias=True) == documented
    said = read(
        *(prompt, "GENERATE_CODE"),
        toolCalls=3,
        structuredOutput=True,
        modalities=["text", "image"],
    )
    assert said.model_dump(mode="json", by_alias=True) == documented | {
        "toolCalls": 3,
        "structuredOutput": True,
        "modalities": ["text", "image"],
    }


@pytest.mark.parametrize(
    "stated", [{"toolCalls": -1}, {"inputTokens": "many"}, {"modalities": ["smell"]}]
)
def test_a_requirement_of_a_wrong_shape_is_refused(stated: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        read(**stated)


@pytest.mark.parametrize(
    ("stated", "kind", "written"),
    [
        ({}, "code-generation", None),
        ({"taskType": "specialized-coding"}, "specialized-coding", None),
        ({"kind": "translation"}, "translation", "translation"),
        ({"taskType": "code-analysis", "kind": "maths"}, "maths", "maths"),
    ],
)
def test_the_kind_of_work_follows_the_task_type_unless_it_is_stated(
    stated: dict[str, Any], kind: str, written: str | None
) -> None:
    needs = read(type_="GENERATE_CODE", **stated)

    assert (needs.kind, needs.kind_confidence) == (kind, None)
    assert needs.model_dump(mode="json", by_alias=True).get("kind") == written


def test_a_kind_that_is_read_says_how_sure_it_is() -> None:
    needs = read("Translate this into French: good morning, ladies and gentlemen")

    assert (needs.kind, needs.task_type) == ("translation", "general")
    assert needs.kind_confidence is not None
    assert needs.model_dump(by_alias=True)["kindConfidence"] == needs.kind_confidence


def test_a_conversation_is_read_by_the_last_turn_of_the_user() -> None:
    turns = [
        {"role": "user", "content": "Write a function in Rust that sorts a list"},
        {"role": "assistant", "content": "fn sort(...) {}"},
        {"role": "user", "content": "Thanks a lot, good night!"},
        {"role": "assistant", "content": "def f(): ..."},
    ]
    needs = Requirements.from_task("CHAT", "A title", {"messages": turns})

    assert (needs.kind, needs.complexity) == ("chat", "low")


@pytest.mark.parametrize(
    "messages", [None, "x", {}, [None], [{}], [{"role": "user"}], [{"role": "user", "content": 1}]]
)
def test_a_conversation_of_a_wrong_shape_is_read_by_its_title(messages: object) -> None:
    params = {"messages": messages}
    needs = Requirements.from_task("CHAT", "Translate this into German: hello", params)

    assert needs.kind == "translation"


@pytest.mark.parametrize(
    ("prompt", "params", "kind"),
    [
        ("What does it say?", {"attachments": ["https://example.org/a.pdf"]}, "summary"),
        ("Translate this into French", {"attachments": ["data:text/plain,Hello"]}, "translation"),
        ("Cancel my order", {"tools": ["acme.tools.orders"]}, "tools"),
        (
            "Write a Python function that sorts a list",
            {"tools": ["cogo:run_code"]},
            "code-generation",
        ),
        ("Why did Rome fall?", {"tools": ["web_search"]}, "general"),
    ],
)
def test_what_comes_with_a_request_tells_its_kind_too(
    prompt: str, params: dict[str, Any], kind: str
) -> None:
    assert Requirements.from_task("CHAT", prompt, params).kind == kind


def test_code_in_a_chat_is_code_whatever_the_task_is_called() -> None:
    needs = read("Generate optimized sorting algorithm in Rust")

    assert needs.is_code
    assert (needs.task_type, needs.kind) == ("general", "code-generation")
    assert (needs.language, needs.performance_needed) == ("rust", True)


@pytest.mark.parametrize(
    "stated",
    [
        {"kind": "x" * 100_000},
        {"taskType": "x" * 201},
        {"language": "x" * 201},
        {"framework": "x" * 201},
        {"naturalLanguages": ["x" * 201]},
        {"naturalLanguages": ["Cyrl"] * 51},
        {"modalities": ["text"] * 51},
    ],
)
def test_names_and_lists_have_a_limit(stated: dict[str, Any]) -> None:
    """Reasons, records and messages repeat them."""
    with pytest.raises(ValidationError, match="at most"):
        read("Hi", **stated)


def test_a_language_of_the_task_that_is_no_name_is_cut() -> None:
    found = Requirements.from_task("GENERATE_CODE", "Sort", {"language": "x" * 100_000})

    assert len(found.language) == MAX_NAME_CHARACTERS
