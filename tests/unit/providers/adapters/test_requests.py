"""The bodies of requests with tools, files, searches and schemas, for each wire."""

import json
from typing import Any

import pytest

from providers.adapters.anthropic.request import build_anthropic_body
from providers.adapters.gemini.request import build_gemini_body
from providers.adapters.openai.dialect import apply_dialect
from providers.adapters.openai.responses_request import build_responses_body
from providers.catalogue.schema import RequestDialect
from providers.chat import (
    Message,
    NamedTool,
    ReasoningReplay,
    Tool,
    ToolCall,
    ToolChoice,
)
from providers.errors import NotSupported
from tests.unit.providers.adapters.bodies import (
    CALLS,
    CLOSED,
    LINKED,
    LOOK,
    LOOP,
    NOTES,
    OPENAI,
    PAPER,
    PICTURE,
    SAVE,
    SOUND,
    a_request,
    anthropic,
    chat,
    gemini,
    responses,
    with_files,
)

WIRES = pytest.mark.parametrize("build", [chat, responses, anthropic, gemini])


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", (None, None, None, None)),
        ("none", ("none", "none", {"type": "none"}, {"mode": "NONE"})),
        ("required", ("required", "required", {"type": "any"}, {"mode": "ANY"})),
        (
            NamedTool("save"),
            (
                {"type": "function", "function": {"name": "save"}},
                {"type": "function", "name": "save"},
                {"type": "tool", "name": "save"},
                {"mode": "ANY", "allowedFunctionNames": ["save"]},
            ),
        ),
    ],
)
def test_the_choice_of_tools_has_each_vendors_form(
    choice: ToolChoice, expected: tuple[object, ...]
) -> None:
    request = a_request(tools=(LOOK, SAVE), tool_choice=choice)

    assert (
        chat(request).get("tool_choice"),
        responses(request).get("tool_choice"),
        anthropic(request).get("tool_choice"),
        gemini(request).get("toolConfig", {}).get("functionCallingConfig"),
    ) == expected


def test_one_tool_alone_stands_for_its_name_where_names_are_not_understood() -> None:
    request = a_request(tools=(LOOK, SAVE), tool_choice=NamedTool("save"))

    body = chat(request, RequestDialect(takes_tool_choice=False))

    assert [each["function"]["name"] for each in body["tools"]] == ["save"]
    assert body["tool_choice"] == "required"


@pytest.mark.parametrize("parallel", [True, False, None])
def test_parallel_calls_are_allowed_or_not(parallel: bool | None) -> None:
    request = a_request(tools=(LOOK,), parallel_tool_calls=parallel)

    assert chat(request).get("parallel_tool_calls") is parallel
    assert responses(request).get("parallel_tool_calls") is parallel
    choice = anthropic(request).get("tool_choice")
    assert choice == (
        {"type": "auto", "disable_parallel_tool_use": True} if parallel is False else None
    )
    assert bool(build_gemini_body(request)[1]) is (parallel is False)


@WIRES
def test_a_choice_without_tools_is_not_sent(build: Any) -> None:
    body = build(a_request(tool_choice="required", parallel_tool_calls=False))

    assert not {"tools", "tool_choice", "parallel_tool_calls", "toolConfig"} & set(body)


def test_strict_is_sent_where_the_vendor_can_enforce_the_schema() -> None:
    strict = Tool(name="look", description="d", parameters=CLOSED, strict=True)
    loose = Tool(name="save", description="e", parameters={"type": "object"}, strict=True)
    request = a_request(tools=(strict, loose))

    body, notes = apply_dialect(request, OPENAI, vendor="openai")
    assert [each["function"].get("strict") for each in body["tools"]] == [True, None]
    assert notes == ("the schema of save is not enforced: the vendor cannot",)
    assert [each["strict"] for each in responses(request)["tools"]] == [True, False]
    body, notes = build_anthropic_body(request, "anthropic")
    assert [each.get("strict") for each in body["tools"]] == [True, None]
    assert notes == ("the schema of save is not enforced: this API cannot",)
    assert gemini(request)["toolConfig"] == {"functionCallingConfig": {"mode": "VALIDATED"}}
    body, notes = apply_dialect(request, RequestDialect(), vendor="x")
    assert "strict" not in json.dumps(body)
    assert len(notes) == 2


def test_anthropic_compiles_at_most_20_strict_tools() -> None:
    tools = tuple(
        Tool(name=f"t{n}", description="", parameters=CLOSED, strict=True) for n in range(21)
    )

    body, notes = build_anthropic_body(a_request(tools=tools), "anthropic")

    assert sum(each.get("strict", False) for each in body["tools"]) == 20
    assert notes == ("the schema of t20 is not enforced: this API cannot",)


def test_images_are_sent_by_value_or_address() -> None:
    request = with_files(PICTURE, LINKED)
    data = "data:image/png;base64,cG5n"

    assert chat(request)["messages"][0]["content"] == [
        {"type": "text", "text": "hi"},
        {"type": "image_url", "image_url": {"url": data}},
        {"type": "image_url", "image_url": {"url": LINKED.url}},
    ]
    assert responses(request)["input"][0]["content"] == [
        {"type": "input_text", "text": "hi"},
        {"type": "input_image", "image_url": data, "detail": "auto"},
        {"type": "input_image", "image_url": LINKED.url, "detail": "auto"},
    ]
    by_value = {"type": "base64", "media_type": "image/png", "data": "cG5n"}
    assert anthropic(request)["messages"][0]["content"] == [
        {"type": "image", "source": by_value},
        {"type": "image", "source": {"type": "url", "url": LINKED.url}},
        {"type": "text", "text": "hi"},
    ]
    assert gemini(request)["contents"][0]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "cG5n"}},
        {"fileData": {"mimeType": "image/png", "fileUri": LINKED.url}},
        {"text": "hi"},
    ]


@WIRES
def test_pdf_files_are_sent_as_documents_and_text_files_as_text(build: Any) -> None:
    body = json.dumps(build(with_files(PAPER, NOTES)))

    assert "cGRm" in body
    assert "hi\\n\\nFile a.csv (text/csv):\\na,b" in body


@WIRES
def test_other_files_are_refused_before_anything_is_sent(build: Any) -> None:
    with pytest.raises(NotSupported, match="files of type audio/mpeg cannot be sent: it takes"):
        build(with_files(SOUND))


def test_results_of_tools_say_that_they_failed_and_bring_their_images() -> None:
    request = a_request(messages=LOOP, tools=(LOOK,))

    turns = chat(request)["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "tool", "tool", "user"]
    assert turns[3]["content"] == "no"
    assert [part["type"] for part in turns[4]["content"]] == ["text", "image_url"]

    items = responses(request)["input"]
    assert [item.get("type") for item in items[1:]] == [
        None,
        "function_call",
        "function_call",
        "function_call_output",
        "function_call_output",
    ]
    assert [part["type"] for part in items[4]["output"]] == ["input_text", "input_image"]
    assert items[5]["output"] == "no"

    last = anthropic(request)["messages"][-1]  # all results are one turn, else it is refused
    assert last["role"] == "user"
    first, second = last["content"]
    assert [block["type"] for block in first["content"]] == ["text", "image"]
    assert second == {
        "type": "tool_result",
        "tool_use_id": "c2",
        "content": "no",
        "is_error": True,
    }

    good, failed = gemini(request)["contents"][-1]["parts"]
    assert good["functionResponse"]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "cG5n"}}
    ]
    assert failed["functionResponse"]["response"] == {"error": "no"}


def test_nothing_is_stored_by_the_responses_api_and_reasoning_comes_encrypted() -> None:
    body = responses(a_request(tools=(LOOK,), reasoning_effort="high", system="Be brief"))

    assert body["store"] is False
    assert body["include"] == ["reasoning.encrypted_content"]
    assert body["reasoning"] == {"effort": "high", "summary": "auto"}
    assert body["instructions"] == "Be brief"
    without = responses(a_request(reasoning_effort="high"), with_summary=False)
    assert without["reasoning"] == {"effort": "high"}
    assert "include" not in without
    assert "include" not in responses(a_request(tools=(LOOK,), may_reason=False))


def test_items_go_back_in_their_order_only_to_the_model_that_made_them() -> None:
    items = (
        {"type": "reasoning", "id": "r", "encrypted_content": "e", "summary": []},
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
    )
    replay = ReasoningReplay(vendor="openai", model="m", blocks=items)
    turn = Message(role="assistant", content="", tool_calls=CALLS[:1], replay=replay)
    result = Message(role="tool", content="42", tool_call_id="c1")

    def sent(**changes: Any) -> list[Any]:
        request = a_request(messages=(turn, result), tools=(LOOK,), **changes)
        return [item.get("type") for item in responses(request)["input"]]

    assert sent() == ["reasoning", "function_call", "function_call_output"]
    assert sent(model="another") == ["function_call", "function_call_output"]


def test_what_the_responses_api_does_not_know_is_noted() -> None:
    request = a_request(stop=("END",), max_output_tokens=5, metadata={"user": "u"})

    body, notes = build_responses_body(request, OPENAI, vendor="openai", with_summary=True)

    assert body["max_output_tokens"] == 16
    assert len(notes) == 3


def test_anthropics_blocks_go_back_whole_unless_the_calls_are_others() -> None:
    thinking = {"type": "thinking", "thinking": "hm", "signature": "s"}
    blocks = (
        thinking,
        {"type": "text", "text": "let me see"},
        {"type": "tool_use", "id": "c1", "name": "look", "input": {"x": 1}},
    )
    replay = ReasoningReplay(vendor="anthropic", model="m", blocks=blocks)

    def sent(*calls: ToolCall) -> list[Any]:
        turn = Message(role="assistant", content="text", tool_calls=calls, replay=replay)
        content: list[Any] = anthropic(a_request(messages=(turn,)))["messages"][0]["content"]
        return content

    assert sent(CALLS[0]) == list(blocks)
    assert [block["type"] for block in sent(*CALLS)] == ["thinking", "text", "tool_use", "tool_use"]


@pytest.mark.parametrize(
    ("changes", "thinking"),
    [
        ({}, None),
        ({"always_reasons": True}, None),
        (
            {"always_reasons": True, "tools": (LOOK,)},
            {"type": "adaptive", "display": "summarized"},
        ),
        ({"tools": (LOOK,)}, None),
    ],
)
def test_what_a_model_says_between_its_calls_is_shown(
    changes: dict[str, Any], thinking: object
) -> None:
    assert anthropic(a_request(**changes)).get("thinking") == thinking


def test_each_vendor_searches_by_its_own_tool() -> None:
    request = a_request(web_search=True, tools=(LOOK,))

    assert responses(request)["tools"][-1] == {"type": "web_search"}
    assert responses(request)["max_tool_calls"] == 5
    search = anthropic(request)["tools"][-1]
    assert (search["type"], search["max_uses"]) == ("web_search_20250305", 5)
    body = gemini(request)
    assert body["tools"][-1] == {"googleSearch": {}}
    assert body["toolConfig"] == {"includeServerSideToolInvocations": True}
    assert "toolConfig" not in gemini(a_request(web_search=True))
