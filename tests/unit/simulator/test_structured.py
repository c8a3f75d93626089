"""Answers as JSON fit their schema, say that they are simulated, and are plausible."""

import json
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from pydantic import JsonValue

from agents.workflows.coding.findings import Bugs, Findings
from agents.workflows.planning.blueprint import Blueprint, arrange_pieces
from agents.workflows.planning.proposal import Proposal, list_plan_mistakes
from agents.workflows.prompts import debate as prompts
from agents.workflows.prompts.review import ReviewAnswer
from agents.workflows.swarms.agreement import Comparison
from agents.workflows.swarms.plan import StrategicPlan
from agents.workflows.swarms.positions import Position, Reply, Ruling
from simulator.answers.structured import NoSample, write_json

CODE = "def retry(call):\n    try:\n        return eval(call)\n    except:\n        pass\n"
MODELS = ("claude-sonnet-5-5", "minimax-m3", "fireworks/qwen3p8-max")


@pytest.mark.parametrize(
    "model",
    [
        Findings,
        Bugs,
        Blueprint,
        Proposal,
        Position,
        Reply,
        Ruling,
        StrategicPlan,
        ReviewAnswer,
    ],
)
def test_what_workflows_ask_for_is_given_and_says_that_it_is_simulated(model: Any) -> None:
    schema = model.model_json_schema()

    value = write_json(f"Review it:\n```python\n{CODE}```", schema, model="m")

    model.model_validate(value)
    assert "imulated" in json.dumps(value)


def test_findings_name_lines_severities_and_fixes() -> None:
    schema = Findings.model_json_schema()

    found = Findings.model_validate(write_json(f"```python\n{CODE}```", schema, model="m"))

    [worst, *_] = found.list_sorted()
    assert (worst.line, worst.severity) == (3, "critical")
    assert worst.what == "`eval` runs whatever it is given."
    assert worst.fix == "Parse the text instead."


@pytest.mark.parametrize(
    ("question", "verdicts"),
    [
        ("Tabs or spaces?", {"Tabs", "Spaces"}),
        ("Should we use Postgres or a queue?", {"Postgres", "Queue"}),
        ("Should we rewrite it?", {"Yes, in small steps", "No, not yet"}),
    ],
)
def test_models_of_different_families_take_different_sides_and_keep_them(
    question: str, verdicts: set[str]
) -> None:
    asked = prompts.ask_for_position(question)
    schema = Position.model_json_schema()
    taken = [Position.model_validate(write_json(asked, schema, model=each)) for each in MODELS]
    assert {each.verdict for each in taken} == verdicts

    for model, own in zip(MODELS, taken, strict=True):
        others = [each.to_data() for each in taken if each is not own]
        reply = write_json(
            prompts.ask_for_reply(question, own.to_data(), others),
            Reply.model_json_schema(),
            model=model,
        )
        assert Reply.model_validate(reply).verdict == own.verdict


@pytest.mark.parametrize(
    ("prompt", "types"),
    [
        ("Do it", ["ASK", "ASK", "ASK"]),
        ("Write fibonacci(n) and a binary search", ["GENERATE_CODE", "GENERATE_CODE", "ASK"]),
    ],
)
def test_proposed_steps_can_be_done(prompt: str, types: list[str]) -> None:
    value = write_json(prompt, Proposal.model_json_schema(), model="m")

    proposal = Proposal.model_validate(value)

    assert proposal.list_types() == types
    assert list_plan_mistakes(proposal, budget_left=None, estimated_usd=None) == []


@pytest.mark.parametrize(
    ("prompt", "kinds"),
    [
        ("Do it", [["text", "text"], ["text"]]),
        ("Write fibonacci(n) and is_palindrome(s)", [["code", "code"], ["text"]]),
    ],
)
def test_the_work_is_divided_into_parts_of_which_some_can_be_done_at_once(
    prompt: str, kinds: list[list[str]]
) -> None:
    value = write_json(prompt, Blueprint.model_json_schema(), model="m")

    plan = arrange_pieces(Blueprint.model_validate(value), "python")

    assert [[plan.pieces[name].kind for name in wave] for wave in plan.waves] == kinds
    assert plan.notes == []


LINES = {"type": "object", "required": ["line"], "properties": {"line": {"type": "integer"}}}


@pytest.mark.parametrize(
    "properties",
    [
        {"findings": {"type": "integer"}},
        {"verdict": {"enum": ["yes", "no"]}},
        {"problems": {"type": "array", "items": LINES}},
    ],
)
def test_other_schemas_with_the_same_names_get_a_sample(properties: dict[str, JsonValue]) -> None:
    schema: dict[str, JsonValue] = {"type": "object", "properties": properties}

    Draft202012Validator(schema).validate(write_json("Tabs or spaces?", schema, model="m"))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"parts": {"$ref": "https://example.com/parts.json"}}},
        {"type": "no such type", "properties": {"verdict": {}}},
        {"not": {}},
        {"type": "string", "pattern": "^\\p{Lu}+$"},
        {"type": "integer", "minimum": 2, "maximum": 1},
        {"type": "array", "items": {"const": 1}, "minItems": 2, "uniqueItems": True},
        "no schema",
    ],
)
def test_what_no_value_was_found_for_is_said(schema: JsonValue) -> None:
    with pytest.raises(NoSample):
        write_json("Tabs or spaces?", schema, model="m")


def test_a_ruling_follows_the_majority_and_a_comparison_takes_words_for_what_they_are() -> None:
    asked = prompts.ask_for_position("Tabs or spaces?")
    schema = Position.model_json_schema()
    taken = [Position.model_validate(write_json(asked, schema, model=each)) for each in MODELS]
    shown = prompts.ask_for_ruling("?", {n: each.to_data() for n, each in enumerate(taken, 1)})

    ruling = Ruling.model_validate(write_json(shown, Ruling.model_json_schema(), model="m"))

    assert (ruling.decision, ruling.agreeing) == ("Spaces", [2, 3])
    compared = prompts.ask_for_comparison("Tabs?", ["with tabs", "tabs", "spaces"])
    groups = write_json(compared, Comparison.model_json_schema(), model="m")
    assert groups == {"groups": [[1], [2], [3]]}


def test_the_same_model_and_prompt_get_the_same_json() -> None:
    schema = Position.model_json_schema()

    assert write_json("Why?", schema, model="m") == write_json("Why?", schema, model="m")
