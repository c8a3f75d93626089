"""Requests in the dialect of a provider."""

from typing import Any

import pytest

from providers.adapters.openai.dialect import apply_dialect
from providers.catalogue.schema import RequestDialect
from providers.chat import ChatRequest, Effort, Message, ReasoningReplay, ToolCall

CALL = ToolCall(id="toolu_0123456789", name="look", arguments="{}")
REPLAY = ReasoningReplay(vendor="v", model="m", blocks=({"reasoning_content": "hm"},))


def a_request(**changes: Any) -> ChatRequest:
    fields = {"model": "m", "messages": (Message(role="user", content="hi"),), **changes}
    return ChatRequest(**fields)


@pytest.mark.parametrize(
    ("asked", "efforts", "sent"),
    [
        ("low", ("low", "high", "max"), "low"),
        ("medium", ("low", "high", "max"), "high"),
        ("minimal", ("low", "high", "max"), "low"),
        ("xhigh", ("low", "high", "max"), "max"),
        ("low", ("none", "high"), "high"),
        ("none", ("none", "high"), "none"),
        ("xhigh", None, "xhigh"),
    ],
)
def test_an_effort_becomes_the_nearest_that_is_taken(
    asked: Effort, efforts: tuple[Effort, ...] | None, sent: str
) -> None:
    body, notes = apply_dialect(
        a_request(reasoning_effort=asked), RequestDialect(efforts=efforts), vendor="v"
    )

    assert body["reasoning_effort"] == sent
    assert bool(notes) is (asked != sent)


def test_thinking_may_be_switched_off_by_an_object_of_its_own() -> None:
    profile = RequestDialect(no_reasoning_body={"thinking": {"type": "disabled"}})

    body, _ = apply_dialect(a_request(reasoning_effort="none"), profile, vendor="v")

    assert body["thinking"] == {"type": "disabled"}
    assert "reasoning_effort" not in body


@pytest.mark.parametrize("system", [None, "Be brief"])
def test_where_only_json_is_promised_the_schema_is_an_instruction(system: str | None) -> None:
    request = a_request(response_schema={"type": "object", "title": "T"}, system=system)

    body, notes = apply_dialect(request, RequestDialect(schemas="json_object"), vendor="v")

    assert body["response_format"] == {"type": "json_object"}
    first, *others = body["messages"]
    assert first["role"] == "system"
    assert '"title": "T"' in first["content"]
    assert (system or "") in first["content"]
    assert [message["role"] for message in others] == ["user"]
    assert notes


@pytest.mark.parametrize(
    ("vendor", "model", "handed_back"), [("v", "m", True), ("w", "m", False), ("v", "n", False)]
)
def test_thinking_goes_back_only_to_the_model_that_thought_it(
    vendor: str, model: str, handed_back: bool
) -> None:
    turn = Message(role="assistant", content="", tool_calls=(CALL,), replay=REPLAY)

    body, _ = apply_dialect(
        a_request(messages=(turn,), model=model), RequestDialect(), vendor=vendor
    )

    assert ("reasoning_content" in body["messages"][0]) is handed_back


def test_ids_of_calls_from_elsewhere_get_the_wanted_form_on_both_sides() -> None:
    turns = (
        Message(role="assistant", content="", tool_calls=(CALL,)),
        Message(role="tool", content="42", tool_call_id=CALL.id),
    )

    body, _ = apply_dialect(a_request(messages=turns), RequestDialect(call_id_length=9), vendor="v")

    called, result = body["messages"]
    [call] = called["tool_calls"]
    assert call["id"] == result["tool_call_id"]
    assert len(call["id"]) == 9
    assert call["id"].isalnum()
