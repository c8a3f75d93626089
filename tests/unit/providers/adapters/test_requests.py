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
    Attachment,
    ChatRequest,
    Message,
    NamedTool,
    ReasoningReplay,
    Tool,
    ToolCall,
    ToolChoice,
)
from providers.errors import NotSupported

OPENAI = RequestDialect(strict_schemas=True)
CLOSED = {
    "type": "object",
    "properties": {"x": {"type": "integer"}},
    "required": ["x"],
    "additionalProperties": False,
}
LOOK = Tool(name="look", description="d", parameters=CLOSED)
SAVE = Tool(name="save", description="e", parameters={})
PICTURE = Attachment(media_type="image/png", data=b"png", name="a.png")
LINKED = Attachment(media_type="image/png", url="https://example.com/a.png")
PAPER = Attachment(media_type="application/pdf", data=b"pdf", name="a.pdf")
NOTES = Attachment(media_type="text/csv", data=b"a,b", name="a.csv")
SOUND = Attachment(media_type="audio/mpeg", data=b"mp3")
CALLS = (
    ToolCall(id="c1", name="look", arguments='{"x": 1}'),
    ToolCall(id="c2", name="look", arguments='{"x": 2}'),
)
LOOP = (
    Message(role="user", content="hi"),
    Message(role="assistant", content="let me see", tool_calls=CALLS),
    Message(role="tool", content="42", tool_call_id="c1", attachments=(PICTURE,)),
    Message(role="tool", content="no", tool_call_id="c2", is_error=True),
)


def a_request(**changes: Any) -> ChatRequest:
    fields = {"model": "m", "messages": (Message(role="user", content="hi"),), **changes}
    return ChatRequest(**fields)


def with_files(*attachments: Attachment) -> ChatRequest:
    return a_request(messages=(Message(role="user", content="hi", attachments=attachments),))


def chat(request: ChatRequest, dialect: RequestDialect = OPENAI) -> dict[str, Any]:
    return apply_dialect(request, dialect, vendor="openai")[0]


def responses(request: ChatRequest, *, with_summary: bool = True) -> dict[str, Any]:
    return build_responses_body(request, OPENAI, vendor="openai", with_summary=with_summary)[0]


def anthropic(request: ChatRequest) -> dict[str, Any]:
    return build_anthropic_body(request, "anthropic")[0]


def gemini(request: ChatRequest) -> dict[str, Any]:
    return build_gemini_body(request)[0]


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
    assert turns[3]["content"] == "The tool failed: no"
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
    assert items[5]["output"] == "The tool failed: no"

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


LOOSE = {"type": "object", "properties": {"a": {"type": "string", "minLength": 2}}}
OPEN = {"type": "object"}


def test_schemas_are_sent_as_far_as_they_are_enforced() -> None:
    closed = a_request(response_schema=CLOSED)
    format_ = chat(closed)["response_format"]["json_schema"]
    assert (format_["strict"], format_["schema"]) == (True, CLOSED)
    assert responses(closed)["text"]["format"]["strict"] is True
    assert anthropic(closed)["output_config"]["format"]["schema"] == CLOSED
    assert gemini(closed)["generationConfig"]["responseJsonSchema"] == CLOSED

    loose = a_request(response_schema=LOOSE)
    assert "strict" not in chat(loose)["response_format"]["json_schema"]
    assert responses(loose)["text"]["format"]["strict"] is False
    body, notes = build_anthropic_body(loose, "anthropic")
    assert body["output_config"]["format"]["schema"]["properties"]["a"] == {
        "type": "string",
        "description": '{"minLength": 2}',
    }
    assert notes == ("this API does not enforce minLength in schemas",)


def test_a_schema_that_a_vendor_cannot_enforce_becomes_an_instruction() -> None:
    items = {"type": "array", "items": {"type": "string"}}
    for schema, body, system in (
        (OPEN, anthropic(a_request(response_schema=OPEN, system="s")), "system"),
        (items, anthropic(a_request(response_schema=items, system="s")), "system"),
        (items, responses(a_request(response_schema=items, system="s")), "instructions"),
    ):
        assert body[system].startswith("s\n\nAnswer with ")
        assert body[system].endswith(json.dumps(schema))
        assert not {"output_config", "text"} & set(body)


@pytest.mark.parametrize("schema", [CLOSED, {"type": "array"}])
def test_a_vendor_that_only_guarantees_json_is_told_the_schema(schema: dict[str, Any]) -> None:
    body = chat(a_request(response_schema=schema), RequestDialect(schemas="json_object"))

    is_object = schema["type"] == "object"
    assert body.get("response_format") == ({"type": "json_object"} if is_object else None)
    assert body["messages"][0]["role"] == "system"
    assert body["messages"][0]["content"].endswith(json.dumps(schema))


def test_a_model_behind_a_grammar_is_told_the_schema_too() -> None:
    dialect = RequestDialect(constrains_only=True)
    body = chat(a_request(response_schema=CLOSED), dialect)
    assert body["response_format"]["json_schema"]["schema"] == CLOSED
    assert body["messages"][0]["content"].endswith(json.dumps(CLOSED))

    for part in (True, {"$ref": "#"}):
        schema = {"type": "object", "properties": {"a": part}}
        request = a_request(response_schema=schema)
        body, [note] = apply_dialect(request, dialect, vendor="llamacpp")
        assert "response_format" not in body
        assert body["messages"][0]["content"].endswith(json.dumps(schema))
        assert "cannot enforce" in note


LONG = "x" * 5_000


def marks(body: Any) -> list[Any]:
    """Return the places of all breakpoints."""
    found = [("tools", n) for n, each in enumerate(body["tools"]) if "cache_control" in each]
    found += [("system", 0)] if "cache_control" in json.dumps(body.get("system", "")) else []
    return found + [
        ("messages", n)
        for n, turn in enumerate(body["messages"])
        if "cache_control" in json.dumps(turn["content"])
    ]


def test_breakpoints_are_set_where_a_loop_reads_them_again() -> None:
    loop = (*LOOP, Message(role="assistant", content="", tool_calls=CALLS[:1]), LOOP[2])
    wordy = Tool(name="look", description=LONG, parameters=CLOSED)

    assert marks(anthropic(a_request(messages=loop, tools=(LOOK,), system="s"))) == []
    assert marks(anthropic(a_request(messages=loop, tools=(LOOK,), system=LONG))) == [
        ("system", 0),
        ("messages", 2),
        ("messages", 4),
    ]
    assert marks(anthropic(a_request(messages=loop, tools=(SAVE, wordy), system=LONG))) == [
        ("tools", 1),
        ("system", 0),
        ("messages", 2),
        ("messages", 4),
    ]
    long_prompt = (Message(role="user", content=LONG),)
    assert marks(anthropic(a_request(messages=long_prompt, tools=(LOOK,)))) == [("messages", 0)]
    alone = anthropic(a_request(messages=long_prompt, system=LONG))
    assert "cache_control" not in json.dumps(alone)  # nothing would read it again
