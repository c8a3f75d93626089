"""Requirements of a task: stated ones first, then a few words of the prompt."""

from typing import Any

import pytest
from pydantic import ValidationError

from agents.selection.evidence.estimates import estimate_input_tokens
from agents.selection.requirements import Requirements


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
        "taskType": "general",
        "performanceNeeded": False,
        "accuracyNeeded": True,
    }

    assert read().model_dump(mode="json", by_alias=True) == documented
    said = read(toolCalls=3, structuredOutput=True, modalities=["text", "image"])
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
        ({}, "general", None),
        ({"taskType": "specialized-coding"}, "specialized-coding", None),
        ({"kind": "translation"}, "translation", "translation"),
        ({"taskType": "code-analysis", "kind": "maths"}, "maths", "maths"),
    ],
)
def test_the_kind_of_work_follows_the_task_type_unless_it_is_stated(
    stated: dict[str, Any], kind: str, written: str | None
) -> None:
    needs = read(**stated)

    assert needs.kind == kind
    assert needs.model_dump(mode="json", by_alias=True).get("kind") == written
