"""Calls as text: what the simulator writes is what its names say."""

import pytest

from providers.tool_calls import extract
from simulator.answers.tool_calls import PlannedToolCall
from simulator.local.call_texts import FORMS, Writing, write_calls
from simulator.local.models import find_writing

TOOL = {
    "name": "look",
    "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]},
}
CALLS = [PlannedToolCall("a", "look", {"x": 1}), PlannedToolCall("b", "look", {"x": 2})]
FAMILIES = {"llama": "llama", "pythonic": "llama", "stripped": "mistral"}


@pytest.mark.parametrize("form", FORMS)
def test_calls_in_every_form_are_read_as_what_they_are(form: str) -> None:
    text = write_calls(CALLS, Writing(form))

    message = extract(text, [TOOL], family=FAMILIES.get(form, "auto"))

    calls = [(call.name, call.arguments) for call in message.tool_calls]
    assert calls == [("look", {"x": 1}), ("look", {"x": 2})]
    assert not message.rejected


@pytest.mark.parametrize("form", ["hermes", "generic", "mistral"])
@pytest.mark.parametrize(
    ("flaw", "reason"),
    [
        ("malformed", "malformed"),
        ("truncated", "truncated"),
        ("unknown-tool", "unknown_tool"),
        ("schema", "schema"),
    ],
)
def test_a_flaw_leads_to_its_rejection(form: str, flaw: str, reason: str) -> None:
    text = write_calls(CALLS[:1], Writing(form, flaw))

    finish = "length" if flaw == "truncated" else "stop"
    message = extract(text, [TOOL], finish_reason=finish)

    assert not message.tool_calls
    assert {each.reason for each in message.rejected} == {reason}


def test_a_slip_can_be_mended_and_an_announcement_is_no_call() -> None:
    mended = extract(write_calls(CALLS, Writing("hermes", "repairable")), [TOOL])
    announced = extract(write_calls(CALLS, Writing("hermes", "intent")), [TOOL])

    assert len(mended.tool_calls) == len(CALLS)
    assert all(call.repairs for call in mended.tool_calls)
    assert not announced.tool_calls
    assert announced.intent is not None


@pytest.mark.parametrize(
    ("model", "writing"),
    [
        ("writes-hermes:8b", Writing("hermes")),
        ("a/writes-qwen-xml-malformed:8b", Writing("qwen-xml", "malformed")),
        ("writes-mistral-v11-unknown-tool", Writing("mistral-v11", "unknown-tool")),
        ("qwen3:8b", None),
    ],
)
def test_the_name_of_a_model_says_how_it_writes(model: str, writing: Writing | None) -> None:
    assert find_writing(model) == writing
